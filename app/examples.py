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
    "min_precision": 0.7,
    "min_familiarity": 0.02,
    "target": "image",
    "filter": {"and": [{"field": "licence", "in": ["CC0", "CC BY"]}, {"not": {"field": "hidden", "eq": True}}]},
}
SEARCH_OUT: dict[str, Any] = {
    "hits": [
        {
            "id": "beach-7",
            "distance": 9,
            "expected_precision": 0.8022,
            "precision_interval": [0.7692, 0.8301],
            "target": "image",
            "text": "two dogs run along the sea",
            "payload": {"licence": "CC0"},
            "image_url": "/index/beach-7/image",
        }
    ],
    "next_cursor": NEXT_CURSOR,
    "no_match": False,
    "no_match_reason": None,
    "query": {"modality": "text", "code": "d41d8cd98f00b204", "bundle_id": BUNDLE_ID, "cached": False, "familiarity": 0.4312},
}
HIT_EXPLANATION: dict[str, Any] = {
    "labels_missing": None,
    "undecided_bits": [41],
    "n_undecided": 1,
    "labels": [{"name": "dog", "query": 0.93, "hit": 0.88}],
    "n_differing": 2,
    "differing_bits": [
        {"bit": 17, "weight": 0.81, "query": 0.81, "hit": 1.0},
        {"bit": 3, "weight": 0.09, "query": 0.09, "hit": 0.74},
    ],
    "distance_range": [1, 3],
    "summary": "Both are predicted to have: dog. Differing bits: 2 of 64. Nearly undecided: 1 of the query, 1 of the hit; "
    "the distance could be 1 to 3.",
}
QUERY_EXPLANATION: dict[str, Any] = {
    "labels_missing": None,
    "undecided_bits": [3],
    "n_undecided": 1,
    "labels": [{"name": "dog", "probability": 0.93}],
    "least_probability": 0.7,
    "labels_measured": {
        "on": {"data": "coco18", "split": "validation", "noise_model": "auto", "n_learned": 9000, "n_judged": 1000},
        "image": {"precision": 0.862, "recall": 0.473, "calibration_error": 0.011},
        "text": {"precision": 0.939, "recall": 0.504, "calibration_error": 0.005},
    },
    "undecided_below": 0.2,
}
EXPLAINED_OUT: dict[str, Any] = {
    **SEARCH_OUT,
    "hits": [{**SEARCH_OUT["hits"][0], "distance": 2, "explanation": HIT_EXPLANATION}],
    "query": {**SEARCH_OUT["query"], "explanation": QUERY_EXPLANATION},
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
    "checks": {"bundle": "ok", "catalogue": "ok", "index": "ok", "cache": "ok", "disk": "ok", "service": "ok", "background": "ok"},
    "missing": [],
    "bundle_id": BUNDLE_ID,
    "n_bits": 64,
    "n_items": 1903,
    "calibrated": True,
    "calibration": {"source": "judgements", "made_at": "2026-01-31T12:00:00Z"},
}
ID_QUERY: dict[str, Any] = {"id": "beach-7", "by": "image", "k": 5}
CODE_QUERY: dict[str, Any] = {"code": "d41d8cd98f00b204", "bundle_id": BUNDLE_ID, "modality": "text", "target": "image", "k": 5}
URL_QUERY: dict[str, Any] = {"image_url": "https://images.example.org/dog.jpg", "k": 5}
MIX_QUERY: dict[str, Any] = {
    "parts": [{"id": "beach-7"}, {"text": "a sunset", "weight": 0.8}, {"text": "people", "weight": -0.5}],
    "k": 5,
}
MANY_QUERIES: dict[str, Any] = {"queries": [{"query": "a dog on a beach", "k": 5}, {"id": "beach-8"}]}
NO_ITEM: dict[str, Any] = {
    "type": "/problems/unknown-item",
    "title": "There is no such item",
    "status": 404,
    "detail": "there is no item 'beach-8'",
}
MANY_OUT: dict[str, Any] = {"results": [SEARCH_OUT, {"error": NO_ITEM}], "n_failed": 1}
ENCODE_IN: dict[str, Any] = {"inputs": [{"text": "a dog on a beach"}, {"text": "a sunset"}], "relaxed": False}
ENCODE_OUT: dict[str, Any] = {
    "results": [
        {"hex": "d41d8cd98f00b204", "base64": "1B2M2Y8AsgQ=", "relaxed": None, "familiarity": 0.4312},
        {"hex": "d41d8cd98f00b205", "base64": "1B2M2Y8AsgU=", "relaxed": None, "familiarity": None},
    ],
    "n_failed": 0,
    "n_bits": 64,
    "bundle_id": BUNDLE_ID,
}
COMPARE_IN: dict[str, Any] = {"a": {"id": "beach-7", "by": "image"}, "b": {"text": "a dog on a beach"}}
COMPARE_OUT: dict[str, Any] = {"distance": 5, "n_bits": 8, "agreeing_bits": [0, 3, 7], "bundle_id": BUNDLE_ID}
STATS: dict[str, Any] = {
    "version": "0.1.0",
    "uptime_s": 3600.5,
    "bundle_id": BUNDLE_ID,
    "n_bits": 64,
    "n_items": 1903,
    "index": {
        "image": {"n_codes": 1903, "n_bytes": 30448, "engine": "faiss_flat", "n_different": None, "n_tail": 0, "n_removed": 0},
        "text": {"n_codes": 250000, "n_bytes": 17000000, "engine": "multi", "n_different": 241530, "n_tail": 40, "n_removed": 2},
    },
    "judgements": {"text-image": {"n": 240, "n_relevant": 150}},
    "calibration": {"source": "judgements", "made_at": "2026-01-31T12:00:00Z"},
    "snapshot_age_s": 41.2,
    "cache": "ok",
    "cache_lookups": {"found": 812, "missing": 2204, "unavailable": 0},
    "pools": [{"name": "searching", "n_waiting": 0, "n_running": 1, "n_refused": 0}],
    "drift": {
        "text-image": {
            "n_pairs": 2600,
            "n_needed": 500,
            "total_variation": 0.31,
            "threshold": 0.11,
            "shift": 4.2,
            "is_drifting": True,
            "words": "text → image: 31% of the distances lie elsewhere than when calibrated, 4.2 bits farther on average; "
            "recalibrate",
        }
    },
    "familiarity": {"text": {"n": 3016, "mean": 0.402, "unfamiliar_below": 0.02, "n_unfamiliar": 61, "n_abstained": 40}},
}
