"""What sources of items give: entries that can be opened, and what cannot be used with the reason.

Decides how ids are made of names that no id may have, and how captions and payloads are told apart in a record. Does not know where
records come from, nor the service.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from model.errors import InputError

MAX_ID = 256
_REFUSED = {"Cc", "Cs", "Zl", "Zp"}
_NO_ID = {".", ".."}
IDS = ("id", "item_id", "key")
IMAGES = ("image", "file_name", "image_path", "image_url", "path", "file", "url")
TEXTS = ("text", "caption", "description", "title")


@dataclass(frozen=True, slots=True)
class Content:
    """What an entry holds once it is opened.

    Attributes:
        text: Caption, or None.
        image: The picture's file, or None.
        payload: JSON object.
    """

    text: str | None
    image: bytes | None
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a source.

    Attributes:
        item_id: Its id, the same each time the source is read.
        place: Where it stands, for people.
        open: Reads it; raises :class:`model.errors.InputError` if it cannot be read.
        known: What it holds, where opening it is costly; the picture is left out.
        sha256: Of its picture, where that is known without it.
        n_held: Bytes that it holds in memory before it is opened.
    """

    item_id: str
    place: str
    open: Callable[[], Content]
    known: Content | None = None
    sha256: str | None = None
    n_held: int = 0


@dataclass(frozen=True, slots=True)
class Unusable:
    """What a source has and cannot give.

    Attributes:
        place: Where it stands.
        reason: Why.
        item_id: Its id, if it has one.
    """

    place: str
    reason: str
    item_id: str | None = None


class Source(Protocol):
    """Items from somewhere."""

    left_out: Counter[str]
    """How many files of which kind are no items, filled while entries are read."""

    def count(self) -> int | None:
        """Returns how many entries there are, or None if that takes as long as reading them."""
        ...

    def __iter__(self) -> Iterator[Entry | Unusable]:
        """Yields entries in the same order each time."""
        ...


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a record mean what; None for the usual names.

    Attributes:
        item_id: Of the id.
        image: Of the picture.
        text: Of the caption.
        numbers: Columns of text that are to become numbers.
    """

    item_id: str | None = None
    image: str | None = None
    text: str | None = None
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """A row of a table by meaning.

    Attributes:
        item_id: Or None.
        image: Whatever stands for the picture, or None.
        text: Caption, or None.
        payload: All else, and what stands in ``payload``.
        sha256: Of the picture, or None.
    """

    item_id: str | None
    image: Any
    text: str | None
    payload: dict[str, Any] = field(default_factory=dict)
    sha256: str | None = None


def read_record(row: Mapping[str, Any], columns: Columns) -> Record:
    """Tells apart what a row holds.

    Args:
        row: Values by column.
        columns: Which mean what.

    Returns:
        The record; empty cells are left out.

    Raises:
        InputError: If a value is not what its column must hold.
    """
    rest = dict(row)
    item_id, image, sha256 = _take(rest, columns.item_id, IDS), _take(rest, columns.image, IMAGES), rest.pop("sha256", None)
    if isinstance(item_id, bool) or not isinstance(item_id, str | int | None):
        raise InputError("the id is neither a text nor a whole number")
    text, payload = read_words(rest, columns)
    return Record(None if item_id is None else str(item_id), image, text, payload, sha256 if isinstance(sha256, str) else None)


def read_words(row: Mapping[str, Any], columns: Columns) -> tuple[str | None, dict[str, Any]]:
    """Tells a caption from a payload, in what stands beside a picture that is known already.

    Args:
        row: Values by name; of a list of captions the first counts.
        columns: Which mean what.

    Returns:
        The caption, or None, and all else, together with what stands in ``payload``.

    Raises:
        InputError: If a value is not what its column must hold.
    """
    rest = {str(name): value for name, value in row.items() if value not in (None, "") and name is not None}
    text, inner = _take(rest, columns.text, TEXTS), rest.pop("payload", {})
    if isinstance(text, list) and text:
        text = text[0]
    if not isinstance(text, str | None) or not isinstance(inner, dict):
        raise InputError("the caption is no text" if isinstance(inner, dict) else "the payload is no object")
    numbers = {name: _number(name, rest[name]) for name in columns.numbers if name in rest}
    return text, plain({**rest, **numbers, **inner})


def id_of(name: str) -> str:
    """Makes an id of a name, which may hold bytes that are no text, control characters, or be too long.

    Args:
        name: Such as a relative path with ``/``, as :func:`os.fsdecode` gives it.

    Returns:
        The name itself wherever it can be an id; otherwise, for the same name always the same, and for other names others.
    """
    escaped = "".join(_escaped(c) if unicodedata.category(c) in _REFUSED else c for c in name)
    if len(escaped) > MAX_ID:
        return f"{escaped[: MAX_ID - 33]}~{hashlib.sha256(escaped.encode()).hexdigest()[:32]}"
    return f"./{escaped}" if escaped in _NO_ID else escaped


def plain(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a payload as the service will give it back.

    Args:
        payload: Values by name.

    Returns:
        A JSON object.

    Raises:
        InputError: If it is none.
    """
    try:
        read: dict[str, Any] = json.loads(json.dumps(payload, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"the payload is no JSON: {error}") from error
    return read


def show(name: str) -> str:
    """Returns a name that any terminal and any file in UTF-8 can hold."""
    return "".join(_escaped(c) if unicodedata.category(c) in _REFUSED else c for c in name)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\N{REPLACEMENT CHARACTER}{code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else code:02X}"


def _take(row: dict[str, Any], column: str | None, usual: tuple[str, ...]) -> Any:
    named = [name for name in ((column,) if column else usual) if row.get(name) not in (None, "")]
    return row.pop(named[0]) if named else None


def _number(name: str, value: Any) -> int | float:
    try:
        return value if isinstance(value, int | float) else int(value) if str(value).lstrip("-").isdecimal() else float(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: {value!r} is no number") from error
