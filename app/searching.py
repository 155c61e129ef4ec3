"""A search by a command: from words, or the place of a picture, to hits.

Decides what counts as a picture, and how filters may be abbreviated. Does not know how hits are shown.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.client import Bounds, Client, SearchOut
from model.errors import ConfigError

_PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp"}


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
