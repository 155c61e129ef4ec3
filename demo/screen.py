"""What the demonstration shows: headings with the time each step took, and tables of figures and hits.

Decides words and looks. Does not know where figures and hits come from.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from demo.client import Hit
from demo.trainer import Figures


class Screen:
    """Prints to a console.

    Args:
        console: Where.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._n_steps = 0

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Prints a heading, and the seconds it took when the step is over.

        Args:
            title: What is done.

        Yields:
            Nothing.
        """
        self._n_steps += 1
        self.console.print(f"\n[bold]{self._n_steps}. {escape(title)}[/bold]")
        start = time.monotonic()
        yield
        self.console.print(f"   [dim]{time.monotonic() - start:.1f} s[/dim]")

    def say(self, line: str) -> None:
        """Prints one line of plain text.

        Args:
            line: What to say.
        """
        self.console.print(f"   {escape(line)}", soft_wrap=True)

    def figures(self, figures: Figures) -> None:
        """Prints mAP in both directions beside chance.

        Args:
            figures: Of a finished run.
        """
        table = Table("", "mAP", "chance")
        table.add_row("image → text", f"{figures.i2t_map:.3f}", f"{figures.chance:.3f}")
        table.add_row("text → image", f"{figures.t2i_map:.3f}", f"{figures.chance:.3f}")
        self.console.print(table)
        self.say(
            f"{figures.n_query} queries that training never saw, {figures.n_database} items, {figures.n_bits} bits; "
            "relevant means at least one shared label, chance is a random order."
        )

    def hits(self, question: str, hits: Sequence[Hit], labels: frozenset[str]) -> None:
        """Prints the hits of one search; a tick marks those that are relevant, where that is known.

        Args:
            question: What was looked for.
            hits: Nearest first.
            labels: The question's true labels; empty if it has none, being in words of our own.
        """
        table = Table("distance", "id", "text", "labels", title=escape(question), title_justify="left")
        for hit in hits:
            tick = "✓ " if labels & set(hit.labels) else "– " if labels else ""
            table.add_row(str(hit.distance), escape(hit.item_id), escape(_short(hit.text)), escape(tick + ", ".join(hit.labels)))
        self.console.print(table)


def _short(text: str, n_chars: int = 60) -> str:
    return text if len(text) <= n_chars else text[: n_chars - 1] + "…"
