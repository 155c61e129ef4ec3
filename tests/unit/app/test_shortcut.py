"""The short way answers what the long way answers, whatever is asked; another JSON media type always goes the long way."""

import json

import pytest

from app.query_schemas import plain_text_query
from tests.builders import index, is_problem, running, settings_for

BODIES = [
    b'{"query": "red cat"}',
    b'{"query": "red cat", "k": 1}',
    b'{"query": "red cat", "k": 2, "target": "text", "max_distance": 64, "dedupe": true, "filter": null, "cursor": null}',
    b'{"query": "red cat", "filter": {"field": "n", "gte": 1}, "target": "text"}',
    b'{"query": "red cat", "k": 1, "k": 2, "target": "text"}',
    b' {"query": "r\\u0065d cat"}\n',
    b'{"query": "a \\ud800 cat"}',
    b'\xef\xbb\xbf{"query": "red cat"}',
    '{"query": "red cat"}'.encode("utf-16"),
    b'{"query": ""}',
    b'{"query": "x", "k": 0}',
    b'{"query": "x", "k": 1.0}',
    b'{"query": "x", "k": "1"}',
    b'{"query": "x", "k": true}',
    b'{"query": "x", "k": NaN}',
    b'{"query": "x", "k": 99999999999999999999999}',
    b'{"query": "x", "k": 1001}',
    b'{"query": "x", "max_distance": 65}',
    b'{"query": "x", "min_precision": null}',
    b'{"query": "x", "min_familiarity": null}',
    b'{"query": "x", "min_familiarity": 0}',
    b'{"query": "x", "min_familiarity": 0.5}',
    b'{"query": "x", "min_familiarity": true}',
    b'{"query": "x", "min_precision": 0.5}',
    b'{"query": "x", "min_precision": 2}',
    b'{"query": "x", "target": "sound"}',
    b'{"query": "x", "dedupe": 1}',
    b'{"query": "x", "cursor": "none"}',
    b'{"query": "x", "surprise": 1}',
    b'{"query": 1}',
    b'{"query": "x"} more',
    b'{"query": "x\n"}',
    b"[]",
    b"null",
    b"",
    b"{",
    b'{"query": "' + b"x" * 3000 + b'"}',
]


def answers(client, body):
    """Returns what both ways answer, apart from whether the code was cached."""
    media_types = ("application/json", "application/json; charset=utf-8", "application/merge-patch+json")
    for media_type in media_types:
        answer = client.post("/search/text", content=body, headers={"content-type": media_type})
        said = answer.json()
        said.get("query", {}).pop("cached", None)
        names = sorted(name for name in answer.headers if name not in ("x-request-id", "date"))
        yield answer.status_code, said, names, answer.headers["content-type"]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_both_ways_answer_the_same(client, body):
    index(client, *({"id": str(n), "text": "red cat", "payload": {"n": n}} for n in range(3)))
    short, with_charset, long = answers(client, body)
    assert short == with_charset == long


def test_the_short_way_is_taken_and_gives_pages_that_the_long_way_goes_on_with(client):
    index(client, *({"id": str(n), "text": "red cat"} for n in range(3)))
    body = {"query": "red cat", "target": "text", "k": 2}
    assert plain_text_query(json.dumps(body).encode()) is not None
    first = client.post("/search/text", json=body).json()
    rest = client.post("/search/text", json=body | {"cursor": first["next_cursor"], "filter": None}).json()
    assert [hit["id"] for hit in first["hits"] + rest["hits"]] == ["0", "1", "2"]
    assert rest["next_cursor"] is None


def test_the_gate_stands_before_the_short_way_and_counts_once(parts, tmp_path):
    with running(parts, settings_for(tmp_path, keys="k:read:" + "0" * 64)) as client:
        is_problem(client.post("/search/text", json={"query": "x"}), 401, "unauthenticated")
    with running(parts, settings_for(tmp_path, rate_limit="2/minute")) as client:
        filtered = {"query": "x", "filter": {"field": "n", "eq": 1}}  # goes the long way after it was let in
        assert [client.post("/search/text", json=filtered).status_code for _ in range(2)] == [200, 200]
        refused = client.post("/search/text", json={"query": "x"})
        is_problem(refused, 429, "rate-limited")
        assert refused.headers["retry-after"]
