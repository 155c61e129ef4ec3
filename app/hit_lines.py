"""Hits for a pipe: a line each, with tabs.

Decides the columns. What others wrote is brought into one line first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from model.terminal import printable


def lines(found: Mapping[str, Any]) -> str:
    """Writes id, distance, expected precision or ``-``, target and caption, with tabs between them.

    Args:
        found: What a search answered.

    Returns:
        A line a hit.
    """
    rows = ((hit["id"], str(hit["distance"]), _share(hit), hit["target"], caption(hit)) for hit in found["hits"])
    return "".join("\t".join(map(printable, row)) + "\n" for row in rows)


def caption(hit: Mapping[str, Any]) -> str:
    """Returns what is known of a hit in words: its text, or else its payload.

    Args:
        hit: One of an answer's.

    Returns:
        Text, perhaps with line breaks.
    """
    return hit["text"] or ", ".join(f"{name}: {_worded(value)}" for name, value in hit["payload"].items())


def _share(hit: Mapping[str, Any]) -> str:
    return "-" if hit["expected_precision"] is None else f"{hit['expected_precision']:.3f}"


def _worded(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
