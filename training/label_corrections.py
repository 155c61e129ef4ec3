"""Labels that people, or the label audit, set in the place of given ones: a file of JSON lines, and what it says of a split.

    {"id": "000000123", "labels": ["person", "dog"]}

Decides the form of the file. A pair that it does not name keeps its given labels; of two lines with the same id the later one
counts, so that files can be put one behind the other. Does not know where given labels come from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.codes import Int64, UInt8
from model.errors import DatasetError

_SHOWN = 5


@dataclass(frozen=True, eq=False)
class LabelCorrections:
    """What a file says of a split.

    Attributes:
        rows: (M,) int64, ascending, which pairs.
        labels: (M, C) uint8, multi-hot, their labels; at least one a row.
        digest: sha256 (hex) of the file.
    """

    rows: Int64
    labels: UInt8
    digest: str

    def apply(self, given_labels: UInt8) -> UInt8:
        """Puts the corrected labels in the place of given ones.

        Args:
            given_labels: (N, C) uint8 of the split.

        Returns:
            (N, C) uint8, a changed copy.
        """
        corrected = given_labels.copy()
        corrected[self.rows] = self.labels
        return corrected


def read_corrections(file: Path, ids: Sequence[str], label_names: Sequence[str]) -> LabelCorrections:
    """Reads a file of corrected labels.

    Args:
        file: JSON lines.
        ids: (N) ids of the training split's pairs.
        label_names: (C) names, in the order of the columns.

    Returns:
        What it says of the split.

    Raises:
        DatasetError: If the file cannot be read, or a line is no such object, names a pair or a label that there is not, or no
            label; lists the first mistakes with their lines.
    """
    try:
        content = file.read_bytes()
        lines = content.decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{file}: corrected labels cannot be read: {error}") from error
    row_of, column_of = ({name: i for i, name in enumerate(names)} for names in (ids, label_names))
    found: dict[int, list[int]] = {}
    mistakes = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                row, columns = _read_line(line, row_of, column_of)
                found[row] = columns
            except ValueError as error:
                mistakes.append(f"{file}:{number}: {error}")
    if mistakes:
        more = [f"{file}: {len(mistakes) - _SHOWN} more mistakes"] if len(mistakes) > _SHOWN else []
        raise DatasetError("\n".join([*mistakes[:_SHOWN], *more]))
    rows = sorted(found)
    labels = np.zeros((len(rows), len(label_names)), np.uint8)
    for place, row in enumerate(rows):
        labels[place, found[row]] = 1
    return LabelCorrections(np.array(rows, np.int64), labels, hashlib.sha256(content).hexdigest())


def _read_line(line: str, row_of: Mapping[str, int], column_of: Mapping[str, int]) -> tuple[int, list[int]]:
    """Returns row and columns of a line; raises ValueError, of which JSON's error is one, with what is wrong."""
    entry: Any = json.loads(line)
    names = entry.get("labels") if isinstance(entry, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or not isinstance(entry.get("id"), str):
        raise ValueError('expected {"id": "…", "labels": ["…", …]}')
    if entry["id"] not in row_of:
        raise ValueError(f"no pair {entry['id']!r} in the training split")
    if not names:
        raise ValueError(f"pair {entry['id']!r} is left without a label: give one, or take the line out")
    if unknown := [name for name in names if name not in column_of]:
        raise ValueError(f"no such label: {', '.join(unknown)}; there are {', '.join(column_of)}")
    return row_of[entry["id"]], [column_of[name] for name in names]


def write_corrections(file: Path, corrections: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Writes a file of corrected labels.

    Args:
        file: Where to.
        corrections: (id, names of its labels) each.
    """
    from training.checkpoint import write_bytes  # here: it loads torch, and reading a data set needs none

    lines = (json.dumps({"id": pair_id, "labels": list(labels)}, ensure_ascii=False) + "\n" for pair_id, labels in corrections)
    write_bytes(file, "".join(lines).encode())
