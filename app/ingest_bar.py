"""How far an ingest is, on a terminal: a bar with what is done, how much failed, the rate and the time left.

Decides its look, and that it goes to standard error. Loads ``rich`` when it is shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.ingest_tally import Tally

if TYPE_CHECKING:
    from rich.console import Console


@contextmanager
def ingest_bar(
    total: int | None, console: Console | None = None, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[Tally], None]]:
    """Shows a bar.

    Args:
        total: How many items there are, or None if nobody knows.
        console: Where it goes; None for standard error.
        clock: Seconds.

    Yields:
        What is to be told of each change.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("items"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", style="progress.data.speed"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]}", style="bold red"),
    )
    with Progress(*columns, console=console or Console(stderr=True), get_time=clock) as progress:
        task = progress.add_task("items", total=total, rate="", failed="")

        def show(tally: Tally) -> None:
            speed = progress.tasks[0].finished_speed or progress.tasks[0].speed
            rate = f"{speed:,.0f} items/s" if speed else ""
            progress.update(task, completed=tally.n_done, rate=rate, failed=f"{tally.n_failed:,} failed" if tally.n_failed else "")

        yield show
