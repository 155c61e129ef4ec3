"""The picture column of a table: encoded bytes, read when asked for.

Decides which column holds the pictures and whether they lie in the table or in files. Does not decode.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets

from model.errors import DatasetError
from training.datasets.layout import RawSplit


def picture_column(table: Any, wanted: str) -> str | None:
    """Returns the name of the picture column.

    Args:
        table: A ``datasets.Dataset``.
        wanted: Its expected name.

    Returns:
        ``wanted`` if there is such a column, else the only column of pictures (``jpg`` in shards), else None.
    """
    if wanted in table.column_names:
        return wanted
    pictures = [name for name, feature in table.features.items() if isinstance(feature, datasets.Image)]
    return pictures[0] if len(pictures) == 1 else None


class Pictures:
    """Reads pictures of one split.

    Args:
        split: Rows.
        column: Name of the picture column.

    Raises:
        DatasetError: If the column holds no pictures.
    """

    def __init__(self, split: RawSplit, column: str) -> None:
        self._place = f"{split.place}: column {column!r}"
        self._column = column
        try:
            self._table = split.table.select_columns([column]).cast_column(column, datasets.Image(decode=False))
            self._flat = self._table.flatten()
        except (ValueError, TypeError, NotImplementedError) as error:
            raise DatasetError(f"{self._place}: holds no pictures ({error})") from error

    def read(self, i: int) -> bytes:
        """Returns the encoded bytes of the i-th picture.

        Args:
            i: Row, 0…N − 1.

        Returns:
            What the file or cell holds, undecoded.

        Raises:
            DatasetError: If the row has none or its file cannot be read.
        """
        cell = self._table[i][self._column] or {}
        if cell.get("bytes"):
            return bytes(cell["bytes"])
        if not cell.get("path"):
            raise DatasetError(f"{self._place}: row {i} has no picture")
        try:
            return Path(cell["path"]).read_bytes()
        except OSError as error:
            raise DatasetError(f"{self._place}: {cell['path']} cannot be read ({error.strerror})") from error

    def paths(self) -> list[str | None]:
        """Returns the file of each picture, or the name it had, or None."""
        return list(self._flat[f"{self._column}.path"][:])

    def missing(self) -> list[int]:
        """Returns the rows whose picture is neither in the table nor in a file."""
        in_table = self._flat.data.column(f"{self._column}.bytes").is_valid().to_pylist()
        rows = enumerate(zip(in_table, self.paths(), strict=True))
        return [i for i, (inside, path) in rows if not inside and not (path and Path(path).is_file())]
