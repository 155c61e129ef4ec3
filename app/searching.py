"""A search by a command: from words, or the place of a picture, to hits.

Decides what counts as a picture, where else is looked when nothing of a kind is indexed, which chances hold, and how filters may be
abbreviated. Does not know how hits are shown.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from app.client import Bounds, Client, Modality, SearchOut
from model.errors import ConfigError

_PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp"}
UNFAMILIAR = 0.02  # as the service counts it, app.familiarity


class Lacking(NamedTuple):
    """What a search was to be compared with, and is not indexed.

    Attributes:
        target: That kind.
        other: The kind that is indexed; None if nothing is.
        is_instead: Whether the other kind was searched.
    """

    target: Modality
    other: Modality | None
    is_instead: bool


def find_where_items_are(client: Client, query: str, bounds: Bounds) -> tuple[SearchOut, Lacking | None]:
    """Searches as :func:`find`; where no target is named and nothing of the default one is indexed, the other kind.

    Args:
        client: Of the service.
        query: As there.
        bounds: Which hits are wanted.

    Returns:
        The answer, and what was lacking, if that is why nothing was found at first.
    """
    found = find(client, query, bounds)
    if found["hits"] or found.get("no_match_reason") == "unfamiliar":
        return found, None
    target: Modality = bounds.get("target") or ("text" if found["query"]["modality"] == "image" else "image")
    other: Modality = "image" if target == "text" else "text"
    sizes = client.stats()["index"]
    if sizes[target]["n_codes"]:
        return found, None
    if bounds.get("target") or not sizes[other]["n_codes"]:
        return found, Lacking(target, other if sizes[other]["n_codes"] else None, is_instead=False)
    return find(client, query, {**bounds, "target": other}), Lacking(target, other, is_instead=True)


def is_strange(found: SearchOut) -> bool:
    """Tells whether nothing like the query was learnt from, so that what was measured says nothing of its hits.

    Args:
        found: An answer; a service that is older does not tell.

    Returns:
        Whether the query passes for one of another world.
    """
    familiarity = found["query"].get("familiarity")
    return familiarity is not None and familiarity < UNFAMILIAR


def without_chances(found: SearchOut) -> SearchOut:
    """Returns an answer whose hits have no expected precision.

    Args:
        found: An answer.

    Returns:
        The same without them.
    """
    hits = [{**hit, "expected_precision": None, "precision_interval": None} for hit in found["hits"]]
    return {**found, "hits": hits}  # type: ignore[typeddict-item]


def find(client: Client, query: str, bounds: Bounds) -> SearchOut:
    """Searches by an address or a file of a picture, or by words.

    Args:
        client: Of the service.
        query: An address with ``http``, the path of a file, or words.
        bounds: Which hits are wanted.

    Returns:
        The answer.

    Raises:
        ConfigError: If the query looks like a picture's file and there is none that can be read.
    """
    if query.startswith(("http://", "https://")):
        return client.search_url(query, **bounds)
    path = Path(query)
    try:
        if len(query) < 4096 and path.is_file():
            return client.search_image(path.read_bytes(), **bounds)
    except (OSError, ValueError) as error:
        raise ConfigError([f"{query}: cannot be read: {getattr(error, 'strerror', None) or error}"]) from error
    if path.suffix.lower() in _PICTURES and " " not in query:
        raise ConfigError([f"there is no file {query}: give the path of a picture, or words to search by"])
    return client.search_text(query, **bounds)


def read_filters(given: Sequence[str]) -> dict[str, Any] | None:
    """Reads filters, all of which must hold.

    Args:
        given: JSON as in ``docs/searching.md``, or ``FIELD=VALUE`` each.

    Returns:
        One filter, or None if none is given.

    Raises:
        ConfigError: If one is neither; all of them are told.
    """
    mistakes, filters = [], []
    for text in given:
        field, equals, value = text.partition("=")
        try:
            if text.lstrip().startswith("{"):
                filters.append(json.loads(text))
            elif equals and field.strip():
                filters.append({"field": field.strip(), "eq": _value(value)})
            else:
                mistakes.append(f'--filter {text}: expected FIELD=VALUE, or JSON like {{"field": "album", "gte": 7}}')
        except ValueError as error:
            mistakes.append(f"--filter {text}: is no JSON: {error}")
    if mistakes:
        raise ConfigError(mistakes)
    return {"and": filters} if len(filters) > 1 else (filters[0] if filters else None)


def _value(text: str) -> Any:
    """A number, true, false or null where it reads like one, or else a text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
