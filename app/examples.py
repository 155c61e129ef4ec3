"""What requests and answers look like, for readers of the OpenAPI document.

Decides nothing.
"""

from __future__ import annotations

from typing import Any

BUNDLE_ID = "3f2a9c51d0e47b86"
NEXT_CURSOR = "AQAAAAkAAAAAAAAAKgAAAAAAAAfR1d4J0oTcN2q2ZlU0y1o9bBq3"
TEXT_QUERY: dict[str, Any] = {
    "query": "a dog on a beach",
    "k": 5,
    "max_distance": 20,
    "target": "image",
    "filter": {"and": [{"field": "licence", "in": ["CC0", "CC BY"]}, {"not": {"field": "hidden", "eq": True}}]},
}
SEARCH_OUT: dict[str, Any] = {
    "hits": [
        {
            "id": "beach-7",
            "distance": 9,
            "target": "image",
            "text": "two dogs run along the sea",
            "payload": {"licence": "CC0"},
            "image_url": "/index/beach-7/image",
        }
    ],
    "next_cursor": NEXT_CURSOR,
    "query": {"modality": "text", "code": "d41d8cd98f00b204", "bundle_id": BUNDLE_ID, "cached": False},
}
INDEX_IN: dict[str, Any] = {"items": [{"id": "beach-7", "text": "two dogs run along the sea", "payload": {"licence": "CC0"}}]}
INDEX_FORM: dict[str, Any] = {
    "items": '[{"id": "beach-7", "text": "two dogs run along the sea", "image": "file1"}]',
    "file1": "(the picture)",
}
INDEX_OUT: dict[str, Any] = {
    "results": [
        {"id": "beach-7", "status": "added"},
        {
            "id": "beach-8",
            "status": "failed",
            "error": {
                "type": "/problems/empty-text",
                "title": "The text is empty",
                "status": 422,
                "detail": "the text is empty",
            },
        },
    ],
    "n_added": 1,
    "n_replaced": 0,
    "n_failed": 1,
}
ITEM_OUT: dict[str, Any] = {
    "id": "beach-7",
    "text": "two dogs run along the sea",
    "payload": {"licence": "CC0"},
    "image_url": "/index/beach-7/image",
    "image": {"media_type": "image/jpeg", "width": 640, "height": 480, "sha256": "9f86d081884c7d65…"},
    "codes": {"image": "d41d8cd98f00b204", "text": "d41d8cd98f00b205"},
    "bundle_id": BUNDLE_ID,
}
LIVE: dict[str, Any] = {"status": "ok"}
READY: dict[str, Any] = {
    "status": "ready",
    "checks": {"bundle": "ok", "catalogue": "ok", "index": "ok", "cache": "ok"},
    "bundle_id": BUNDLE_ID,
    "n_bits": 64,
    "n_items": 1903,
}
