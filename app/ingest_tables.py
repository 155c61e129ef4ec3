"""Tables of items: CSV and JSON Lines, whose rows name pictures.

Decides how rows are read, that a broken one is told of alone, and what an item without an id is called: by its picture's name, else
by its line. Does not know how pictures are fetched.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from app.ingest_entries import Columns, Content, Entry, Record, Unusable, id_of, read_record, show
from model.errors import DatasetError, InputError

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson")
_MAX_LINE = 16 * 1024 * 1024


class Located(NamedTuple):
    """A picture that a row names.

    Attributes:
        read: Reads it.
        is_far: Whether that is costly.
    """

    read: Callable[[], bytes]
    is_far: bool


@dataclass(slots=True)
class Table:
    """The rows of a file.

    Attributes:
        path: The file.
        name: What it is called.
        columns: Which columns mean what.
        locate: Finds the picture that a row names.
        left_out: Stays empty.
    """

    path: Path
    name: str
    columns: Columns
    locate: Callable[[str], Located]
    left_out: Counter[str] = field(default_factory=Counter)

    def count(self) -> int:
        """Returns how many rows there are."""
        return sum(1 for _ in self._rows())

    def __iter__(self) -> Iterator[Entry | Unusable]:
        """Yields an entry a row."""
        for line, row in self._rows():
            place = f"{self.name}:{line}"
            try:
                if isinstance(row, str):
                    raise InputError(row)
                yield self._entry(read_record(row, self.columns), place, line)
            except InputError as error:
                yield Unusable(place, str(error))

    def _entry(self, record: Record, place: str, line: int) -> Entry:
        named = record.image
        if not isinstance(named, str | None):
            raise InputError("the image is neither a path nor an address")
        item_id = id_of(record.item_id or named or f"{Path(self.name).stem}:{line}")
        located = None if named is None else self.locate(named)
        known = Content(record.text, None, record.payload) if located is not None and located.is_far else None
        return Entry(item_id, place, partial(_open, record, located), known, record.sha256)

    def _rows(self) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
        try:
            with self.path.open("rb") as file:
                lines = iter(partial(file.readline, _MAX_LINE), b"")
                yield from _csv_rows(lines) if self.name.lower().endswith((".csv", ".tsv")) else _json_rows(lines)
        except OSError as error:
            raise DatasetError(f"{show(str(self.path))} cannot be read: {error.strerror}") from error


def _open(record: Record, located: Located | None) -> Content:
    return Content(record.text, None if located is None else located.read(), record.payload)


def _json_rows(lines: Iterable[bytes]) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Yields the number of each line that is not empty, and its object or what is wrong with it."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            yield number, "the line is no JSON"
            continue
        yield number, row if isinstance(row, dict) else "the line is no JSON object"


def _csv_rows(lines: Iterable[bytes]) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Yields the number of the last line of each row, and its cells by column or what is wrong with it."""
    decoded = (line.decode("utf-8", "surrogateescape") for line in lines)
    header = next(decoded, "").removeprefix("\ufeff")
    delimiter = max(",;\t", key=header.count)
    names = next(csv.reader([header], delimiter=delimiter), [])
    if len(set(names)) < len(names):
        raise DatasetError("the first line of the table, which names its columns, has a name twice")
    rows = csv.reader(decoded, delimiter=delimiter)
    while True:
        try:
            cells = next(rows, None)
        except csv.Error as error:
            yield rows.line_num + 1, f"the row cannot be read: {error}"
            continue
        if cells is None:
            return
        if cells:
            yield rows.line_num + 1, _cells(names, cells)


def _cells(names: list[str], cells: list[str]) -> Mapping[str, Any] | str:
    if len(cells) > len(names):
        return f"the row has {len(cells)} cells; there are {len(names)} columns"
    if any("\udc80" <= c <= "\udcff" for cell in cells for c in cell):
        return "the row is not UTF-8"
    return dict(zip(names, cells, strict=False))
