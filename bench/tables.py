"""Markdown of measured numbers.

Decides how numbers, spreads and tables are written. Does not know what was measured.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.timing import Spread


def tables(rows: Iterable[Mapping[str, Any]], level: str = "###") -> list[str]:
    """Writes tables.

    Args:
        rows: As in :class:`Result`, or as read from JSON.
        level: Marks of their headings.

    Returns:
        Lines of Markdown.
    """
    by_title: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_title.setdefault(row["table"], []).append(row)
    lines: list[str] = []
    for title, members in by_title.items():
        columns = list(dict.fromkeys(name for row in members for name in row if name != "table"))
        lines += [f"{level} {title}", "", *grid([name.replace("_", " ") for name in columns], ())]
        lines += [line_of([cell(row.get(name, "")) for name in columns]) for row in members] + [""]
    return lines


def grid(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Writes a table.

    Args:
        columns: Names.
        rows: Cells.

    Returns:
        Lines of Markdown.
    """
    return [line_of(columns), "|" + "---|" * len(columns), *map(line_of, rows)]


def line_of(cells: Sequence[str]) -> str:
    """Returns one row of a table."""
    return f"| {' | '.join(cells)} |"


def cell(value: Any) -> str:
    """Writes a value: numbers with three digits, a spread as its median with its quartiles.

    Args:
        value: Text, number, or spread, as it is or as read from JSON.

    Returns:
        Text without line breaks.
    """
    if isinstance(value, Spread):
        value = dataclasses.asdict(value)
    if isinstance(value, Mapping):
        middle, low, high = (cell(float(value[name])) for name in ("value", "low", "high"))
        return middle if low == high else f"{middle} ({low}–{high})"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def section(found: Mapping[str, Any]) -> list[str]:
    """Writes a result.

    Args:
        found: As read from JSON.

    Returns:
        Lines of Markdown: heading, settings, tables, limits, notes.
    """
    settings = ", ".join(f"{name.replace('_', ' ')} {cell(value)}" for name, value in found["settings"].items())
    lines = [f"## {found['title']}", "", f"`python -m bench.{found['name']}`: {settings}.", "", *tables(found["rows"])]
    if found["limits"]:
        lines += [
            "The machine's own, in the same run: " + ", ".join(f"{n} {cell(v)}" for n, v in found["limits"].items()) + ".",
            "",
        ]
    return lines + [line for note in found["notes"] for line in (note, "")]
