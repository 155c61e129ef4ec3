"""What people read at a terminal: tables and Markdown, through ``rich``, which heeds ``NO_COLOR`` and the terminal's width.

Decides their look. Loads ``rich`` when something is shown: a command that writes to a pipe does not wait for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def printable(text: str) -> str:
    """Returns a text in one line without characters that could move a terminal's cursor or change its state.

    Args:
        text: As anybody may have written it.

    Returns:
        The same with a space for each run of such characters and of white space.
    """
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None, console: Console | None = None
) -> None:
    """Prints a table.

    Args:
        columns: Heads; all empty for a table without.
        rows: A value a column; what ``rich`` can draw is drawn, all else is written in one line.
        title: Stands above.
        console: Where to; None for standard output.
    """
    from rich import box
    from rich.console import Console, ConsoleRenderable
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.show_header = any(columns)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(value if isinstance(value, ConsoleRenderable) else Text(printable(str(value))) for value in row))
    (console or Console()).print(table)


def print_markdown(text: str, *, console: Console | None = None) -> None:
    """Prints Markdown with its tables drawn.

    Args:
        text: Markdown.
        console: Where to; None for standard output.
    """
    from rich.console import Console
    from rich.markdown import Markdown

    (console or Console()).print(Markdown(text))
