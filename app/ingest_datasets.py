"""Data sets of the library ``datasets``: a name on its hub, or a folder that it can read.

Decides what of a row is an item: the picture as its file, the caption, and of the rest whatever is JSON, classes by name. The
library is optional and loaded when it is asked for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from app.ingest_entries import Columns, Content, Entry, Unusable, id_of, read_record
from app.ingest_folder import read_picture
from model.errors import DatasetError, InputError

PREFIX = "datasets:"
_NAME = re.compile(r"datasets:(?P<name>.+?)(@(?P<config>[^@:/]+))?(:(?P<split>[^@:/\\]+))?")
_FAILS = (
    OSError,
    ValueError,
    RuntimeError,
    KeyError,
    TypeError,
    NotImplementedError,
)  # what the library documents, and what it raises


@dataclass(slots=True)
class DataSet:
    """The rows of some splits.

    Attributes:
        splits: Iterable data sets of the library, by split.
        name: What it is called.
        columns: Which columns mean what.
        max_image_bytes: Largest picture.
        left_out: Stays empty.
    """

    splits: Mapping[str, Any]
    name: str
    columns: Columns
    max_image_bytes: int
    left_out: Counter[str] = field(default_factory=Counter)

    def count(self) -> int | None:
        """Returns how many rows there are, if that is written down somewhere."""
        sizes = [(split.info.splits or {}).get(name) for name, split in self.splits.items()]
        counts = [size.num_examples for size in sizes if size is not None and size.num_examples]
        return sum(counts) if len(counts) == len(self.splits) else None

    def __iter__(self) -> Iterator[Entry | Unusable]:
        """Yields an entry a row."""
        for split, rows in self.splits.items():
            classes = {name: one for name, one in (rows.features or {}).items() if hasattr(one, "int2str")}
            number = -1
            try:
                for number, row in enumerate(rows):
                    yield self._entry(f"{self.name}/{split}/{number}", _named(row, classes))
            except _FAILS as error:
                yield Unusable(f"{self.name}/{split}/{number + 1}", f"the data set cannot be read on: {error}")

    def _entry(self, place: str, row: dict[str, Any]) -> Entry | Unusable:
        try:
            record = read_record(_with_picture(row, self.columns), self.columns)
            image = record.image if isinstance(record.image, dict) else {}
            content, path = image.get("bytes"), image.get("path")
            if record.image is not None and content is None and path is None:
                raise InputError("the image is none")
        except InputError as error:
            return Unusable(place, str(error))
        opened = partial(self._open, record.text, record.payload, content, path)
        return Entry(id_of(record.item_id or place), place, opened, n_held=len(content or b""))

    def _open(self, text: str | None, payload: dict[str, Any], content: bytes | None, path: str | None) -> Content:
        if content is None and path is not None:
            content = read_picture(Path(path), self.max_image_bytes)
        if content is not None and len(content) > self.max_image_bytes:
            raise InputError(f"it has more than {self.max_image_bytes} bytes")
        return Content(text, content, payload)


def open_data_set(argument: str, columns: Columns, max_image_bytes: int) -> DataSet:
    """Opens a data set.

    Args:
        argument: ``datasets:NAME``, ``datasets:NAME@CONFIG:SPLIT``; all splits by default.
        columns: Which columns mean what.
        max_image_bytes: Largest picture.

    Returns:
        Its rows.

    Raises:
        DatasetError: If the library is not there, or cannot read the data set.
    """
    found = _NAME.fullmatch(argument)
    if found is None:
        raise DatasetError(f"{argument}: write datasets:NAME, or datasets:NAME@CONFIG:SPLIT")
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise DatasetError(f"{argument} needs the library 'datasets': pip install 'bitlens[datasets]'") from error
    name, split = found["name"], found["split"]
    try:
        loaded = load_dataset(name, found["config"], split=split, streaming=True)
        splits = loaded if split is None else {split: loaded}
        undecoded = {key: rows.decode(False) if rows.features else rows for key, rows in splits.items()}  # pictures have features
        return DataSet(undecoded, name, columns, max_image_bytes)
    except _FAILS as error:
        raise DatasetError(f"{argument} cannot be loaded: {error}") from error


def _named(row: Mapping[str, Any], classes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: classes[name].int2str(value) if name in classes and value is not None else value for name, value in row.items()}


def _with_picture(row: dict[str, Any], columns: Columns) -> dict[str, Any]:
    """Puts the row's first picture where it is looked for, whatever its column is called, and drops other bytes."""
    kept = {name: value for name, value in row.items() if not _holds_bytes(value)}
    pictures = {name: value for name, value in row.items() if isinstance(value, dict) and {"bytes", "path"} <= value.keys()}
    wanted = columns.image if columns.image in pictures else next(iter(pictures), None)
    return kept if wanted is None else {**kept, columns.image or "image": pictures[wanted]}


def _holds_bytes(value: Any) -> bool:
    return isinstance(value, bytes) or (
        isinstance(value, dict) and isinstance(value.get("bytes"), bytes | None) and "bytes" in value
    )
