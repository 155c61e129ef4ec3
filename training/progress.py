"""Progress bars for whatever takes more than two seconds.

Decides their look and that they go to standard error, so that standard output stays machine-readable. Does not know the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

Advance = Callable[[int, int], None]
"""Called with how many are done and how many there are."""


@contextmanager
def progress_bar(label: str, *, unit: str, console: Console | None = None) -> Iterator[Advance]:
    """Shows a bar with count, rate and remaining time while the context lasts.

    Args:
        label: What is being done, in a few words.
        unit: What is counted, in the plural: ``images``.
        console: Where the bar goes; None for standard error.

    Yields:
        The function to call with (done, total), as often as wished.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(unit),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console or Console(stderr=True)) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


class _Rate(ProgressColumn):
    """How many a second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        """Returns the rate, blank until it is known.

        Args:
            task: What the bar stands for.

        Returns:
            Such as ``35 images/s``.
        """
        rate = task.finished_speed or task.speed
        return Text(f"{rate:.0f} {self._unit}/s" if rate else "", style="progress.data.speed")


@contextmanager
def epoch_bar(label: str, *, console: Console | None = None) -> Iterator[Callable[[int, int, float], None]]:
    """Shows a bar over epochs with the best validation mAP so far.

    Args:
        label: What is trained.
        console: Where the bar goes; None for standard error.

    Yields:
        The function to call with (epoch, last epoch, best validation mAP).
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console or Console(stderr=True)) as progress:
        task = progress.add_task(f"{label}: epochs", total=None)

        def show(epoch: int, n_epochs: int, best_map: float) -> None:
            description = f"{label}: epochs, best validation mAP {best_map:.3f}"
            progress.update(task, completed=epoch, total=n_epochs, description=description)

        yield show
