"""Items as flat rows of columns, and back.

Decides how a picture and a payload are written down and what cannot be stored. Does not know the database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.catalog.base import ImageFile, Item, NewItem
from model.errors import CatalogError, CodeError, InvalidRequest

Row = dict[str, Any]


def row_of(item: NewItem, n_bits: int) -> Row:
    """Returns the columns of an item, all but its row id.

    Args:
        item: What is to be written.
        n_bits: Bits of one code.

    Returns:
        Value by column name.

    Raises:
        CodeError: If a code has a wrong length.
        InvalidRequest: If the id, the text or the payload cannot be stored.
    """
    codes = {"text_code": item.text_code, "image_code": item.image_code}
    for name, code in codes.items():
        if code is not None and len(code) != n_bits // 8:
            raise CodeError(f"{name} of item {item.item_id!r} has {len(code)} bytes, not {n_bits // 8}")
    image = item.image
    return {
        "item_id": _storable(item.item_id),
        "text": None if item.text is None else _storable(item.text),
        "text_sha256": None if item.text is None else text_digest(item.text),
        "payload": _as_json(item.payload),
        "image_sha256": image and image.sha256,
        "image_media_type": image and image.media_type,
        "image_width": image and image.width,
        "image_height": image and image.height,
        **codes,
    }


def text_digest(text: str) -> str:
    """Returns what equal texts have in common.

    Args:
        text: A storable text.

    Returns:
        Hex digest, sha256 of its UTF-8.
    """
    return hashlib.sha256(text.encode()).hexdigest()


def item_of(row: Mapping[str, Any]) -> Item:
    """Undoes :func:`row_of`.

    Args:
        row: Value by column name, ``row_id`` among them.

    Returns:
        The item.

    Raises:
        CatalogError: If the payload is no JSON: the database was damaged or written by someone else.
    """
    image = None
    if row["image_sha256"] is not None:
        image = ImageFile(row["image_sha256"], row["image_media_type"], row["image_width"], row["image_height"])
    try:
        payload = json.loads(row["payload"])
    except ValueError as error:
        raise CatalogError(f"the payload of item {row['item_id']!r} is damaged: {error}") from error
    return Item(row["item_id"], row["text"], image, payload, row["text_code"], row["image_code"], row["row_id"])


def runs_without_repeats(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Cuts rows, in order, wherever an item id would come twice.

    Args:
        rows: What :func:`row_of` returned.

    Yields:
        Runs of rows with different item ids; usually a single one.
    """
    run: dict[str, Row] = {}
    for row in rows:
        if row["item_id"] in run:
            yield list(run.values())
            run = {}
        run[row["item_id"]] = row
    if run:
        yield list(run.values())


def _storable(text: str) -> str:
    """Returns the text if it has a UTF-8 form; half a surrogate pair, which JSON can smuggle in, has none."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"text that is not valid Unicode cannot be stored: {error.reason}") from error
    return text


def _as_json(payload: dict[str, Any]) -> str:
    try:
        return json.dumps(payload, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise InvalidRequest(f"a payload must be JSON without NaN or infinity: {error}") from error
