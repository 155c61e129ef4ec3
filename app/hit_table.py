"""Hits as people read them: a picture, the id, the distance in bits, how probably it is relevant, the caption.

Decides columns and bars. Pictures that a terminal draws by itself are drawn over cells that were left free for them, a hit at a
time, so that no hit has scrolled away before its picture comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL.Image import Image
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.hit_lines import caption
from app.terminal_pictures import N_COLUMNS, N_ROWS, Way, as_blocks, as_sequence
from model.terminal import printable

_N_BAR = 10
_EIGHTHS = "▏▎▍▌▋▊▉"
_MOST_ID = 28
_MOST_WORDS = 280
_LEAST_WIDTH = 80  # of a terminal that shows pictures beside the rest


class HitTable:
    """Prints hits one by one.

    Args:
        found: What a search answered.
        way: How pictures are drawn; None for none.
        console: Where to.
        cell: Width and height of a cell, pixels.
    """

    def __init__(self, found: Mapping[str, Any], way: Way | None, console: Console, *, cell: tuple[int, int] = (8, 16)) -> None:
        self._console, self._cell = console, cell
        self._way = way if console.width >= _LEAST_WIDTH else None
        self._n_bits = 4 * len(found["query"]["code"])
        self._id_width = min(_MOST_ID, max([2, *(len(printable(hit["id"])) for hit in found["hits"])]))
        self._is_measured = any(hit["expected_precision"] is not None for hit in found["hits"])

    @property
    def shows_pictures(self) -> bool:
        """Whether there is a way to, and room."""
        return self._way is not None

    def print_head(self) -> None:
        """Prints the names of the columns."""
        names = ("id", f"of {self._n_bits} bits", "expected precision", "caption")
        self._console.print(self._row(Text(), *(Text(name, style="bold") for name in names)))

    def print_hit(self, hit: Mapping[str, Any], picture: Image | None = None) -> None:
        """Prints a hit.

        Args:
            hit: One of the answer's.
            picture: What it shows, where pictures are shown.
        """
        drawn = Text()
        if picture is not None:
            drawn = as_blocks(picture) if self._way == "blocks" else Text()
            drawn.append("\n" * (N_ROWS - drawn.plain.count("\n")))  # and an empty line below
        distance = f"{hit['distance']} bit{'' if hit['distance'] == 1 else 's'}"
        row = self._row(drawn, Text(printable(hit["id"]), "cyan"), Text(distance), _bar(hit), Text(_short(printable(caption(hit)))))
        self._console.print(row)
        if picture is not None and self._way is not None and self._way != "blocks":
            n_lines = len(self._console.render_lines(row))
            self._console.file.write(f"\x1b7\x1b[{n_lines}A\r{as_sequence(self._way, picture, cell=self._cell)}\x1b8")
            self._console.file.flush()

    def _row(self, picture: Text, item_id: Text, distance: Text, precision: Text, words: Text) -> Table:
        cells = [(picture, N_COLUMNS)] * self.shows_pictures + [(item_id, self._id_width), (distance, len("of 1024 bits"))]
        cells += [(precision, _N_BAR + len(" 100 % (100–100)"))] * self._is_measured
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        for _, width in cells:
            table.add_column(width=width, overflow="fold")
        table.add_column(ratio=1, overflow="fold")
        table.add_row(*(cell for cell, _ in cells), words)
        return table


def _bar(hit: Mapping[str, Any]) -> Text:
    """Draws a share to an eighth of a cell, with the figures that stand behind it."""
    share = hit["expected_precision"]
    if share is None:
        return Text("not measured", style="dim")
    whole, part = divmod(round(share * _N_BAR * 8), 8)
    bar = Text(("█" * whole + _EIGHTHS[part - 1] * bool(part)).ljust(_N_BAR), style="green on grey23")
    low, high = hit["precision_interval"] or (share, share)
    return Text.assemble(bar, f" {share:.0%}", (f" ({100 * low:.0f}–{100 * high:.0f})", "dim"))


def _short(words: str) -> str:
    return words if len(words) <= _MOST_WORDS else f"{words[:_MOST_WORDS].rstrip()} …"
