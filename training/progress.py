"""Progress bars for whatever takes more than two seconds.

Decides their look and that they go to standard error, so that standard output stays machine-readable. Does not know the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

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

_COUNT = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
Advance = Callable[[int, int], None]
"""Called with how many are done and how many there are."""


@contextmanager
def progress_bar(label: str, *, unit: str, console: Console | None = None) -> Iterator[Advance]:
    """Shows a bar with count, rate and remaining time from the first report on; without a report nothing is shown.

    Args:
        label: What is being done, in a few words.
        unit: What is counted, in the plural: ``images``.
        console: Where the bar goes; None for standard error.

    Yields:
        The function to call with (done, total), as often as wished.
    """
    columns = (*_COUNT, _Rate(unit), TimeElapsedColumn(), TimeRemainingColumn())
    with _bar(columns, console) as report:
        yield lambda done, total: report(label, done, total)


@contextmanager
def epoch_bar(label: str, *, console: Console | None = None) -> Iterator[Callable[[int, int, float], None]]:
    """Shows a bar over epochs with the best validation mAP so far, from the first report on.

    Args:
        label: What is trained.
        console: Where the bar goes; None for standard error.

    Yields:
        The function to call with (epoch, last epoch, best validation mAP).
    """
    with _bar((*_COUNT, TimeElapsedColumn(), TimeRemainingColumn()), console) as report:
        yield lambda epoch, n_epochs, best: report(f"{label}: epochs, best validation mAP {best:.3f}", epoch, n_epochs)


@contextmanager
def trial_bar(label: str, *, console: Console | None = None) -> Iterator[Callable[[int, int, str], None]]:
    """Shows a bar over the trials of a sweep, from the first report on.

    Args:
        label: What is tried.
        console: Where the bar goes; None for standard error.

    Yields:
        The function to call with (trials done, trials in all, how the one under way goes).
    """
    with _bar((*_COUNT, TimeElapsedColumn(), TimeRemainingColumn()), console) as report:
        yield lambda done, total, text: report(f"{label}{': ' if text else ''}{text}", done, total)


@contextmanager
def _bar(columns: Sequence[ProgressColumn], console: Console | None) -> Iterator[Callable[[str, int, int], None]]:
    """Opens a bar at the first report: until then another one may have the screen, and its clock does not run."""
    with ExitStack() as stack:
        progress = Progress(*columns, console=console or Console(stderr=True))

        def report(label: str, done: int, total: int) -> None:
            if not progress.tasks:
                stack.enter_context(progress)
                progress.add_task(label)
            progress.update(progress.tasks[0].id, description=label, completed=done, total=total)

        yield report


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
