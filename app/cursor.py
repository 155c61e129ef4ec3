"""Where a page of hits ended, as a text that a client gives back.

Decides what a cursor holds and which search it continues. It is checked, not secret: it holds a place among hits that its owner
may ask for anyway. Does not know how pages are made.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass
from functools import lru_cache

from model.errors import BundleMismatch, InvalidRequest

_LAYOUT = struct.Struct(">BIqq6s6s6s")  # version, distance, row_id, newest_row, digests of bundle, of search and of all before
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place among the hits of a search.

    Attributes:
        distance: Of the last hit that was given out.
        row_id: Of the last hit that was given out.
        newest_row: The newest row when the first page was made; later ones are no part of the pages.
    """

    distance: int
    row_id: int
    newest_row: int


def write_cursor(cursor: Cursor, *, bundle_id: str, search: str) -> str:
    """Writes a cursor as text.

    Args:
        cursor: The place.
        bundle_id: The bundle whose codes were searched.
        search: Everything that decides which hits there are.

    Returns:
        52 characters that an address can hold as they are.
    """
    head = (_VERSION, cursor.distance, cursor.row_id, cursor.newest_row, _digest_of_bundle(bundle_id), _digest(search))
    unchecked = _LAYOUT.pack(*head, b"")
    return base64.urlsafe_b64encode(_LAYOUT.pack(*head, _digest(unchecked.hex()))).decode()


def read_cursor(text: str, *, bundle_id: str, search: str) -> Cursor:
    """Undoes :func:`write_cursor`.

    Args:
        text: What a client gave back.
        bundle_id: The bundle whose codes are to be searched.
        search: Everything that decides which hits there are.

    Returns:
        The place.

    Raises:
        InvalidRequest: If the text is no cursor, or one of another search.
        BundleMismatch: If it was made while another bundle was served.
    """
    try:
        packed = base64.b64decode(text.encode("ascii"), b"-_", validate=True)
        version, distance, row_id, newest_row, bundle, asked, check = _LAYOUT.unpack(packed)
    except (UnicodeError, binascii.Error, struct.error) as error:
        raise InvalidRequest("cursor: not the next_cursor of an answer") from error
    cursor = Cursor(distance, row_id, newest_row)
    if version != _VERSION or check != _digest(_LAYOUT.pack(version, distance, row_id, newest_row, bundle, asked, b"").hex()):
        raise InvalidRequest("cursor: not the next_cursor of an answer")
    if bundle != _digest_of_bundle(bundle_id):
        raise BundleMismatch(f"cursor: made before bundle {bundle_id} was served; begin with the first page again")
    if asked != _digest(search):
        raise InvalidRequest("cursor: belongs to another search; only k and explain may change from page to page")
    return cursor


@lru_cache(64)
def _digest_of_bundle(bundle_id: str) -> bytes:
    return _digest(bundle_id)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest()
