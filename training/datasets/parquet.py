"""Parquet files: ``train.parquet``, ``query.parquet``, ``gallery.parquet``, or ``data/train-00000-of-00002.parquet`` and so on.

Decides where they may lie. Does not know columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from training.datasets.layout import RawSplit, group_by_split, read_files


class ParquetLayout:
    """Parquet files in the folder or in its ``data`` subfolder."""

    name = "Parquet"
    expects = "train.parquet, query.parquet, gallery.parquet (or data/train-*.parquet …)"

    def find(self, folder: Path) -> dict[str, list[Path]]:
        """Returns the Parquet files by split.

        Args:
            folder: The data set.

        Returns:
            Files by split or pool; empty where there are none.
        """
        return group_by_split([*folder.glob("*.parquet"), *folder.glob("data/*.parquet")])

    def read(self, files: Mapping[str, Sequence[Path]], cache_dir: Path) -> list[RawSplit]:
        """Reads all splits.

        Args:
            files: By split.
            cache_dir: Where the library may write.

        Returns:
            One entry a split.
        """
        tables = read_files("parquet", files, cache_dir)
        return [RawSplit(name, table, tuple(files[name])) for name, table in tables.items()]
