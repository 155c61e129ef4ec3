"""Captions of pictures that are files: from a side-car beside them, or from what is written into them.

Decides that a side-car wins, a text before JSON, then IPTC before EXIF; and that what cameras write there by themselves is no
caption. Does not know where the files lie.
"""

from __future__ import annotations

import io
import json
import struct
from typing import Any

from PIL import Image, ImageFile, IptcImagePlugin

from model.errors import InputError

_DESCRIPTION, _IPTC_CAPTION, _IPTC_CHARSET, _UTF8 = 0x010E, (2, 120), (1, 90), b"\x1b%G"
_BY_CAMERAS = ("OLYMPUS DIGITAL CAMERA", "SONY DSC", "MINOLTA DIGITAL CAMERA", "KONICA MINOLTA DIGITAL CAMERA", "DCIM", "SAMSUNG")
# What Pillow raises for damaged metadata differs from format to format, as in app.decode; such a picture has no caption.
_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    struct.error,
)
_TOO_MUCH = (Image.DecompressionBombError, MemoryError, Warning)


def written_into(content: bytes) -> str | None:
    """Returns the caption that a picture carries.

    Args:
        content: Its file.

    Returns:
        IPTC's caption, else EXIF's description, else None.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            found = _iptc(image) or _exif(image)
    except (*_DAMAGED, *_TOO_MUCH):
        return None
    text = (found or "").replace("\x00", "").strip()
    return None if not text or text.upper().startswith(_BY_CAMERAS) else text


def read_text(content: bytes) -> str | None:
    """Reads a side-car of text.

    Args:
        content: The file.

    Returns:
        The caption, or None if it is empty.

    Raises:
        InputError: If it is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig").strip() or None
    except UnicodeDecodeError as error:
        raise InputError("the caption beside it is not UTF-8") from error


def read_json(content: bytes) -> dict[str, Any]:
    """Reads a side-car of JSON.

    Args:
        content: The file.

    Returns:
        What it says of the picture.

    Raises:
        InputError: If it is no JSON object.
    """
    try:
        read = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError("the JSON beside it cannot be read") from error
    if not isinstance(read, dict):
        raise InputError("the JSON beside it is no object")
    return read


def _iptc(image: ImageFile.ImageFile) -> str | None:
    fields: dict[tuple[int, int], Any] = IptcImagePlugin.getiptcinfo(image) or {}
    raw = fields.get(_IPTC_CAPTION)
    raw = raw[0] if isinstance(raw, list) else raw
    if not isinstance(raw, bytes):
        return None
    return raw.decode("utf-8", "replace") if fields.get(_IPTC_CHARSET) == _UTF8 else _guessed(raw)


def _exif(image: Image.Image) -> str | None:
    said = image.getexif().get(_DESCRIPTION)
    if isinstance(said, str):  # Pillow reads it as Latin-1
        said = said.encode("latin-1", "replace")
    return _guessed(said) if isinstance(said, bytes) else None


def _guessed(raw: bytes) -> str:
    """Reads text whose charset is not told: UTF-8 if it can be, as other charsets hardly ever look like it."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
