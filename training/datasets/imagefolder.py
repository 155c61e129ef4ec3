"""ImageFolder: pictures beside a ``metadata.jsonl`` or ``metadata.csv`` whose ``file_name`` column names them.

Decides that each split has a folder of its own, or that one metadata file at the root holds the pool, and that every CSV cell is
a string (so that an id ``00010`` keeps its zeros). Does not know what the columns mean.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets

from model.errors import DatasetError
from training.datasets.base import SPLITS
from training.datasets.layout import POOL, RawSplit, read_files

_METADATA_NAMES = ("metadata.jsonl", "metadata.csv")
_FILE_NAME = "file_name"


class ImageFolderLayout:
    """One metadata file at the root, or one in each of ``train``, ``query`` and ``gallery``."""

    name = "ImageFolder"
    expects = "train/metadata.jsonl … or metadata.jsonl (or .csv) with a file_name column, beside the pictures"

    def find(self, folder: Path) -> dict[str, list[Path]]:
        """Returns the metadata file of each split.

        Args:
            folder: The data set.

        Returns:
            Files by split or pool; empty where there are none.
        """
        places = {**{name: folder / name for name in SPLITS}, POOL: folder}
        found = {name: [place / file for file in _METADATA_NAMES if (place / file).is_file()] for name, place in places.items()}
        return {name: files for name, files in found.items() if files}

    def read(self, files: Mapping[str, Sequence[Path]], cache_dir: Path) -> list[RawSplit]:
        """Reads all splits.

        Args:
            files: By split.
            cache_dir: Where the library may write.

        Returns:
            One entry a split.

        Raises:
            DatasetError: If a split has two metadata files or a metadata file has no ``file_name`` column.
        """
        for found in files.values():
            if len(found) > 1:
                raise DatasetError(f"{found[0]} and {found[1].name}: one metadata file a folder; remove one of them")
        first = next(iter(files.values()))[0]
        tables = read_files("imagefolder", files, cache_dir, drop_labels=True, **_csv_features(first))
        return [RawSplit(name, table, tuple(files[name])) for name, table in tables.items()]


def _csv_features(metadata: Path) -> dict[str, Any]:
    """Returns the reader's ``features`` option for a CSV file (all strings but the picture), nothing for JSON lines."""
    if metadata.suffix != ".csv":
        return {}
    with metadata.open(newline="", encoding="utf-8") as file:
        header = next(csv.reader(file), [])
    if _FILE_NAME not in header:
        raise DatasetError(f"{metadata}: has no column {_FILE_NAME!r}; its first line must name the columns")
    columns = {name: datasets.Value("string") for name in header if name != _FILE_NAME}
    return {"features": datasets.Features({"image": datasets.Image(decode=False), **columns})}
