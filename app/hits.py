"""Answers of searches as JSON, put together from parts that are made once an item.

Decides the bytes; that they are what :class:`app.query_schemas.SearchOut` describes is held by a test. Does not know how hits are
found.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache

from app.cache.base import Modality
from app.catalog.base import Item
from app.deps import image_url
from app.encoder import Encoded
from app.explanation import Explained
from app.familiarity import is_stranger
from app.kept_rows import Parts, ShownItem
from app.retrieval import FoundItem, Page, SearchBounds

_ASKED = b'{"modality":%b,"code":"%b","bundle_id":%b,"cached":%b,"familiarity":%b}'
_MATCH = b'false,"no_match_reason":null'
_BOOL = {True: b"true", False: b"false"}
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def parts_of(item: Item) -> Parts:
    """Returns what is shown of an item, whatever it was found by.

    Args:
        item: The item.

    Returns:
        UTF-8 JSON before and behind the distance, its meaning and the target of a hit.
    """
    url = None if item.image is None else image_url(item.item_id)
    head = b'{"id":%b,"distance":' % _json(item.item_id)
    return head, b',"text":%b,"payload":%b,"image_url":%b}' % (_json(item.text), _json(item.payload), _json(url))


def answer_of(
    page: Page,
    bounds: SearchBounds,
    query: tuple[Modality | None, Encoded, str],
    distances: Sequence[bytes],
    explained: Explained | None = None,
) -> bytes:
    """Writes the answer of a search.

    Args:
        page: What was found.
        bounds: What was asked for.
        query: What the code was made from, the code, and the bundle.
        distances: JSON of each distance and what it means, 0…n_bits.
        explained: What is told of the query and of each hit besides, if anything.

    Returns:
        UTF-8 JSON.
    """
    modality, encoded, bundle_id = query
    hits = _hits(page.found, distances, f',"target":"{bounds.target}"'.encode())
    is_strange = is_stranger(encoded, bounds)
    is_far = not is_strange and not page.found and bounds.min_precision is not None and bounds.cursor is None
    no_match = b'true,"no_match_reason":"%b"' % (b"unfamiliar" if is_strange else b"too_far") if is_strange or is_far else _MATCH
    cursor = b"null" if page.next_cursor is None else b'"%b"' % page.next_cursor.encode()  # of characters that need no escape
    familiarity = b"null" if encoded.familiarity is None else repr(encoded.familiarity).encode()
    asked = _ASKED % (_named(modality), encoded.code.hex().encode(), _named(bundle_id), _BOOL[encoded.cached], familiarity)
    if explained is not None:
        hits, asked = list(map(_with, hits, explained.hits)), _with(asked, explained.query)
    return b'{"hits":[%b],"next_cursor":%b,"no_match":%b,"query":%b}' % (b",".join(hits), cursor, no_match, asked)


def answers_of(results: Sequence[bytes], n_failed: int) -> bytes:
    """Writes the answer of many searches.

    Args:
        results: JSON of each, or of its failure.
        n_failed: How many failed.

    Returns:
        UTF-8 JSON.
    """
    return b'{"results":[%b],"n_failed":%d}' % (b",".join(results), n_failed)


def _hits(found: Sequence[FoundItem], distances: Sequence[bytes], target: bytes) -> list[bytes]:
    hits = []
    for one in found:
        item = one.item
        head, tail = item.parts if isinstance(item, ShownItem) else parts_of(item)
        hits.append(b"%b%b%b%b" % (head, distances[one.distance], target, tail))
    return hits


def _with(told: bytes, explanation: bytes) -> bytes:
    return b'%b,"explanation":%b}' % (told[:-1], explanation)


@lru_cache(64)
def _named(name: str | None) -> bytes:
    return _json(name)


def _json(value: object) -> bytes:
    try:
        return _ENCODE(value).encode()
    except UnicodeEncodeError:  # half a surrogate pair, which an escape has smuggled in: it leaves as it came
        return json.dumps(value, separators=(",", ":")).encode()
