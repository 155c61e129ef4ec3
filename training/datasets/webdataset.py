"""WebDataset shards: ``train-000.tar``, ``query-000.tar``, … with ``KEY.jpg`` and ``KEY.json``.

Decides that the fields of the JSON part are the columns and that the key is the id where no other is given. Does not know what
the columns mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.datasets.layout import RawSplit, group_by_split, read_files

_JSON_PREFIX = "json."


class WebDatasetLayout:
    """Tar shards in the folder; a sample is the files that share a name."""

    name = "WebDataset"
    expects = "train-000.tar, query-000.tar, gallery-000.tar … with KEY.jpg and KEY.json"

    def find(self, folder: Path) -> dict[str, list[Path]]:
        """Returns the shards by split.

        Args:
            folder: The data set.

        Returns:
            Files by split or pool; empty where there are none.
        """
        return group_by_split(list(folder.glob("*.tar")))

    def read(self, files: Mapping[str, Sequence[Path]], cache_dir: Path) -> list[RawSplit]:
        """Reads all splits.

        Args:
            files: By split.
            cache_dir: Where the library may write.

        Returns:
            One entry a split.
        """
        tables = read_files("webdataset", files, cache_dir)
        return [RawSplit(name, _flatten(table), tuple(files[name])) for name, table in tables.items()]


def _flatten(table: Any) -> Any:
    """Lifts the fields of the JSON part to the top, so that they are columns like any other."""
    flat = table.flatten()
    lifted = {name: name.removeprefix(_JSON_PREFIX) for name in flat.column_names if name.startswith(_JSON_PREFIX)}
    return flat.rename_columns(lifted)
