"""The codes of a running service's items, with their ids, as files: a matrix for numpy, or a table in Parquet.

Decides the files' forms, and that they are there whole or not at all. Items are read page by page, so that any number fits into
memory.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias

import numpy as np

from app.client import ItemOut
from model.errors import ConfigError, HashingError

Modality: TypeAlias = Literal["image", "text"]
_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        n_items: Rows.
        n_without: Items that have no code of the wanted modality, and no row.
        n_bits: Bits of a code; None if there are no items.
        bundle_id: The bundle that made the codes; None if there are no items.
        files: Where it is.
    """

    n_items: int
    n_without: int
    n_bits: int | None
    bundle_id: str | None
    files: tuple[Path, ...]

    def as_json(self) -> dict[str, Any]:
        """Returns it for machines."""
        return {**asdict(self), "files": [str(path) for path in self.files]}

    def as_text(self) -> str:
        """Returns it for people."""
        without = f"; {self.n_without:,} items have none" if self.n_without else ""
        names = " and ".join(str(path) for path in self.files)
        return f"{names}: codes of {self.n_items:,} items, {self.n_bits or 0} bits, bundle {self.bundle_id}{without}\n"


class _OneBundle:
    """Passes items on and sees to it that all codes are of one bundle."""

    def __init__(self) -> None:
        self.n_items = self.n_without = 0
        self.bundle_id: str | None = None
        self.n_bits: int | None = None

    def rows(self, items: Iterable[ItemOut], modalities: Sequence[Modality]) -> Iterator[tuple[ItemOut, list[bytes | None]]]:
        for item in items:
            if self.bundle_id not in (None, item["bundle_id"]):
                raise HashingError("the service has changed to another bundle meanwhile: export again")
            self.bundle_id = item["bundle_id"]
            codes = [None if (code := item["codes"][modality]) is None else bytes.fromhex(code) for modality in modalities]
            if not any(codes):
                self.n_without += 1
                continue
            self.n_items += 1
            self.n_bits = self.n_bits or next(8 * len(code) for code in codes if code is not None)
            yield item, codes

    def exported(self, *files: Path) -> Exported:
        return Exported(self.n_items, self.n_without, self.n_bits, self.bundle_id, files)


def write_matrix(items: Iterable[ItemOut], path: Path, modality: Modality) -> Exported:
    """Writes packed codes as one array, (N, n_bits / 8) uint8 in little bit order, and beside it the ids, one a line.

    Args:
        items: All items.
        path: ``NAME.npy``; the ids are put into ``NAME.ids.txt``. No id has a line break.
        modality: Which of an item's codes; those without it have no row.

    Returns:
        What was written.

    Raises:
        HashingError: If codes of two bundles meet.
    """
    kept, ids_path = _OneBundle(), path.with_suffix(".ids.txt")
    with _whole(path) as codes, _whole(ids_path) as ids:
        codes.write(header := _header(0, 0))
        for item, (code,) in kept.rows(items, [modality]):
            codes.write(code or b"")
            ids.write(item["id"].encode() + b"\n")
        codes.seek(0)
        codes.write(final := _header(kept.n_items, (kept.n_bits or 0) // 8))
        if len(final) != len(header):
            raise HashingError(f"{path}: numpy's header has grown")  # numpy leaves room in it for any number of rows
    return kept.exported(path, ids_path)


def write_table(items: Iterable[ItemOut], path: Path) -> Exported:
    """Writes a Parquet file with the columns ``id``, ``text`` and, as bytes or null, ``image_code`` and ``text_code``.

    Args:
        items: All items.
        path: Where to.

    Returns:
        What was written; bundle and code length stand in the file's metadata as well.

    Raises:
        ConfigError: If pyarrow is not there.
        HashingError: If codes of two bundles meet.
    """
    try:
        import pyarrow as pa  # type: ignore[import-untyped]
        from pyarrow import parquet
    except ImportError as error:
        raise ConfigError(["Parquet needs the library 'pyarrow': pip install 'bitlens[datasets]', or write NAME.npy"]) from error
    kept = _OneBundle()
    rows = (
        {"id": item["id"], "text": item["text"], "image_code": image, "text_code": text}
        for item, (image, text) in kept.rows(items, ["image", "text"])
    )
    kinds = {"id": pa.string(), "text": pa.string(), "image_code": pa.binary(), "text_code": pa.binary()}
    schema = pa.schema(list(kinds.items()))
    with _whole(path) as file, parquet.ParquetWriter(file, schema) as writer:
        while block := list(islice(rows, _ROWS)):
            writer.write_table(pa.Table.from_pylist(block, schema))
        writer.add_key_value_metadata({"bundle_id": kept.bundle_id or "", "n_bits": str(kept.n_bits or 0)})
    return kept.exported(path)


def _header(n_rows: int, n_columns: int) -> bytes:
    header = io.BytesIO()
    shape = {"descr": "|u1", "fortran_order": False, "shape": (n_rows, n_columns)}
    np.lib.format.write_array_header_1_0(header, shape)
    return header.getvalue()


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """Opens a file that takes its place when all of it is written."""
    partial = path.with_name(f".{path.name}.part")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise ConfigError([f"{path} cannot be written: {error.strerror}"]) from error
    finally:
        partial.unlink(missing_ok=True)
