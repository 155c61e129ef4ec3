"""What lists of items, deletions and duplicates look like, for readers of the OpenAPI document.

Decides nothing.
"""

from __future__ import annotations

from typing import Any

from app.examples import ITEM_OUT

COUNT_IN: dict[str, Any] = {"filter": {"field": "licence", "eq": "CC0"}}
LIST_IN: dict[str, Any] = {"filter": {"field": "licence", "eq": "CC0"}, "limit": 100}
COUNT_OUT: dict[str, Any] = {"n_items": 1903}
LOOKUP_IN: dict[str, Any] = {"ids": ["beach-7", "beach-8"]}
LOOKUP_OUT: dict[str, Any] = {"items": [ITEM_OUT, None]}
DELETE_IN: dict[str, Any] = {"ids": ["beach-7", "beach-8"]}
DELETE_OUT: dict[str, Any] = {
    "results": [{"id": "beach-7", "status": "deleted"}, {"id": "beach-8", "status": "unknown"}],
    "n_deleted": 1,
    "n_unknown": 1,
}
PAGE_OUT: dict[str, Any] = {"items": [ITEM_OUT], "next_cursor": None}
DUPLICATES_OUT: dict[str, Any] = {
    "modality": "image",
    "groups": [{"sha256": "9f86d081884c7d65…", "n_items": 2, "ids": ["beach-7", "beach-9"]}],
    "next_cursor": None,
}
