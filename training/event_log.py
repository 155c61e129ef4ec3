"""Figures of epochs for TensorBoard.

Decides names and steps. Does not know where figures come from; ``metrics.jsonl`` is the record, this is a view of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

AddEpoch = Callable[[Mapping[str, Any]], None]
"""Takes one epoch's figures, as in ``metrics.jsonl``."""


@contextmanager
def event_log(folder: Path | None, *, first_epoch: int) -> Iterator[AddEpoch]:
    """Opens event files that ``tensorboard --logdir`` shows.

    Args:
        folder: Where they go; None writes nothing.
        first_epoch: Steps from here on that an interrupted run left behind are dropped from view.

    Yields:
        The function to call with each epoch's figures; what it was given is on disk when it returns.
    """
    if folder is None:
        yield lambda entry: None
        return
    from torch.utils.tensorboard import SummaryWriter  # takes half a second, which those who want none should not wait

    with SummaryWriter(folder, purge_step=first_epoch) as writer:

        def add(entry: Mapping[str, Any]) -> None:
            for name, value in _scalars(entry):
                writer.add_scalar(name, value, entry["epoch"])
            writer.flush()

        yield add


def _scalars(entry: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in entry.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}/{key}", each) for key, each in _scalars(value))
        elif name != "epoch":
            yield name, value
