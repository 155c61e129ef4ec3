"""From the rows of a table to a :class:`PairDataset`.

Decides what makes a row usable and reports every mistake it finds, not only the first. Does not know file layouts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets

from model.errors import DatasetError
from training.datasets.base import ColumnNames, PairDataset
from training.datasets.label_columns import label_sets, multi_hot, order_labels
from training.datasets.layout import POOL, RawSplit
from training.datasets.pictures import Pictures, picture_column

_KEY_COLUMN = "__key__"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class _Rows:
    """The cells of one split but its labels, which are read together with those of the other splits."""

    split: RawSplit
    pictures: Pictures
    ids: list[str]
    texts: list[str]


def make_pairs(splits: Sequence[RawSplit], columns: ColumnNames, label_order: Sequence[str] | None) -> dict[str, PairDataset]:
    """Checks the rows of all splits and makes pairs of them.

    Args:
        splits: Rows by split, one split or more.
        columns: What the columns are called.
        label_order: (C) label names in order, or None to take the table's own or those that occur.

    Returns:
        Pairs by split, with the same label names.

    Raises:
        DatasetError: If a column is missing, a split is empty, an id is blank or occurs twice, a text is blank, an item has no
            label or an unknown one, or a picture is missing. Lists every mistake, each with its file and column.
    """
    mistakes = [mistake for split in splits for mistake in _column_mistakes(split, columns)]
    if mistakes:
        raise DatasetError("\n".join(mistakes))
    read = [_read_rows(split, columns) for split in splits]
    sets, names = _labels(splits, columns.labels, label_order)
    mistakes, pairs, start = _id_mistakes(read, columns), {}, 0
    for rows in read:
        own = sets[start : start + len(rows.ids)]
        start += len(own)
        labels, unknown = multi_hot(own, names)
        mistakes += _row_mistakes(rows, columns)
        mistakes += _label_mistakes(rows, own, unknown, columns) if columns.labels else []
        pairs[rows.split.name] = PairDataset(rows.ids, rows.texts, labels, names, rows.pictures.read)
    if mistakes:
        raise DatasetError("\n".join(mistakes))
    return pairs


def _column_mistakes(split: RawSplit, columns: ColumnNames) -> Iterator[str]:
    present = split.table.column_names
    listed = f"(columns: {', '.join(present)})"
    if not len(split.table):
        yield f"{split.place}: split {split.name!r} is empty"
    if picture_column(split.table, columns.image) is None:
        yield f"{split.place}: no column {columns.image!r} with pictures {listed}; add it or give its name"
    if columns.text not in present:
        yield f"{split.place}: no column {columns.text!r} with captions {listed}; add it or give its name"
    if columns.labels and columns.labels not in present:
        yield (
            f"{split.place}: no column {columns.labels!r} {listed}; SCBCH learns from labels, so every pair needs them: "
            "add the column or give its name"
        )


def _read_rows(split: RawSplit, columns: ColumnNames) -> _Rows:
    column = picture_column(split.table, columns.image)
    pictures = Pictures(split, str(column))
    texts = [_first_text(cell) for cell in split.table[columns.text][:]]
    return _Rows(split, pictures, _ids(split, pictures, columns), texts)


def _first_text(cell: Any) -> str:
    candidates = cell if isinstance(cell, list) else [cell]
    texts = (str(candidate).strip() for candidate in candidates if candidate is not None)
    return next((text for text in texts if text), "")


def _ids(split: RawSplit, pictures: Pictures, columns: ColumnNames) -> list[str]:
    """Takes the id column; without one the sample's key, the picture's file or the row's number, led by the split's name."""
    table = split.table
    if columns.id in table.column_names:
        return ["" if cell is None else str(cell).strip() for cell in table[columns.id][:]]
    if _KEY_COLUMN in table.column_names:
        names = list(table[_KEY_COLUMN][:])
    else:
        folder = split.files[0].parent
        files = [Path(path) if path else Path() for path in pictures.paths()]
        inside = all(file.is_relative_to(folder) and file != folder for file in files)
        names = [str(file.relative_to(folder).with_suffix("")) for file in files] if inside else list(map(str, range(len(table))))
    lead = "" if split.name == POOL else f"{split.name}-"
    return [lead + name.replace("/", "-") for name in names]


def _labels(
    splits: Sequence[RawSplit], column: str | None, order: Sequence[str] | None
) -> tuple[list[frozenset[str]], tuple[str, ...]]:
    """Returns the labels of all rows, split by split, and their names; where none are read, empty sets and no names."""
    if column is None:
        return [frozenset() for split in splits for _ in range(len(split.table))], ()
    sets = label_sets([cell for split in splits for cell in split.table[column][:]])
    return sets, tuple(order or _class_names(splits[0], column) or order_labels(sets))


def _class_names(split: RawSplit, column: str) -> Sequence[str] | None:
    """Returns the names that a ``ClassLabel`` column carries."""
    feature = split.table.features[column]
    feature = getattr(feature, "feature", feature)
    return list(feature.names) if isinstance(feature, datasets.ClassLabel) else None


def _id_mistakes(read: Sequence[_Rows], columns: ColumnNames) -> list[str]:
    counts = Counter(item_id for rows in read for item_id in rows.ids)
    repeated = [item_id for item_id, count in counts.items() if count > 1 and item_id]
    files = ", ".join(rows.split.place for rows in read)
    mistakes = []
    if repeated:
        mistakes.append(f"{files}: column {columns.id!r}: ids must differ over all splits; repeated: {_some(repeated)}")
    if counts[""]:
        mistakes.append(f"{files}: column {columns.id!r}: blank in {counts['']} rows")
    return mistakes


def _row_mistakes(rows: _Rows, columns: ColumnNames) -> Iterator[str]:
    place = rows.split.place
    blank = [item_id for item_id, text in zip(rows.ids, rows.texts, strict=True) if not text]
    missing = [rows.ids[i] for i in rows.pictures.missing()]
    if blank:
        yield f"{place}: column {columns.text!r}: blank in {len(blank)} rows: {_some(blank)}; add a text or drop them"
    if missing:
        yield f"{place}: column {columns.image!r}: no picture for {len(missing)} rows: {_some(missing)}; add the file or drop them"


def _label_mistakes(rows: _Rows, sets: Sequence[frozenset[str]], unknown: set[str], columns: ColumnNames) -> Iterator[str]:
    place = f"{rows.split.place}: column {columns.labels!r}"
    bare = [item_id for item_id, row in zip(rows.ids, sets, strict=True) if not row]
    if bare:
        yield f"{place}: no label in {len(bare)} rows: {_some(bare)}; SCBCH learns from labels: add one or drop them"
    if unknown:
        yield f"{place}: not in labels.json: {_some(sorted(unknown))}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
