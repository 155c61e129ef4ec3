"""From label cells as people write them to multi-hot rows.

Understands lists of names, lists of class numbers, comma-separated strings, single labels, and multi-hot lists. Decides the order
of the labels: ``labels.json`` beside the data, else the names the table itself carries, else sorted. Does not know files' layouts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model.codes import UInt8
from model.errors import DatasetError

LABELS_FILE = "labels.json"


def read_label_order(folder: Path) -> tuple[str, ...] | None:
    """Reads ``labels.json``: a list of label names in the order of the classes.

    Args:
        folder: The data set.

    Returns:
        The names, or None without such a file.

    Raises:
        DatasetError: If the file is no JSON list of different strings.
    """
    file = folder / LABELS_FILE
    if not file.is_file():
        return None
    try:
        names = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{file}: is not JSON ({error})") from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        raise DatasetError(f"{file}: must be a list of different label names")
    return tuple(names)


def label_sets(cells: Sequence[Any]) -> list[frozenset[str]]:
    """Brings the cells of one column into sets of label names; class numbers become their decimal digits.

    Args:
        cells: (N) lists, strings, numbers or None.

    Returns:
        (N) sets; empty where a cell is blank.
    """
    rows = [_as_list(cell) for cell in cells]
    if _is_multi_hot(rows):
        return [frozenset(str(i) for i, value in enumerate(row) if value) for row in rows]
    return [frozenset(str(value).strip() for value in row if value is not None and str(value).strip()) for row in rows]


def order_labels(sets: Iterable[frozenset[str]]) -> tuple[str, ...]:
    """Returns all names that occur, sorted; numbers by value, before words.

    Args:
        sets: Sets of names.

    Returns:
        Each name once.
    """
    names = frozenset().union(*sets)
    return tuple(sorted(names, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name)))


def multi_hot(sets: Sequence[frozenset[str]], label_names: Sequence[str]) -> tuple[UInt8, set[str]]:
    """Writes sets of names as rows of 0 and 1.

    A name that is not in ``label_names`` but is a number below C counts as a class number.

    Args:
        sets: (N) sets of names.
        label_names: (C) names in order.

    Returns:
        (N, C) uint8, and the names that fit no column.
    """
    column = {str(i): i for i in range(len(label_names))} | {name: i for i, name in enumerate(label_names)}
    labels = np.zeros((len(sets), len(label_names)), dtype=np.uint8)
    unknown = {name for row in sets for name in row if name not in column}
    for i, row in enumerate(sets):
        labels[i, [column[name] for name in row if name in column]] = 1
    return labels, unknown


def _as_list(cell: Any) -> list[Any]:
    if cell is None:
        return []
    if isinstance(cell, str):
        return cell.split(",")
    return list(cell) if isinstance(cell, list | tuple) else [cell]


def _is_multi_hot(rows: Sequence[list[Any]]) -> bool:
    """True where all rows have one length and hold 0 and 1 only, and some row repeats a value: class numbers never repeat."""
    lengths = {len(row) for row in rows}
    values = {value for row in rows for value in row if not isinstance(value, str)}
    numeric = all(isinstance(value, int | float) for row in rows for value in row)
    return len(lengths) == 1 and numeric and values <= {0, 1} and any(len(set(row)) < len(row) for row in rows)
