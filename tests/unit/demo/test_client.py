"""Requests as the service wants them, and answers as it gives them, against an in-memory server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from demo.client import Client, NewItem
from demo.errors import DemoError

ITEM = NewItem("a/b ü", "a text", b"picture", {"labels": ["x"]})
Handler = Callable[[httpx.Request], httpx.Response]


def client(handler: Handler) -> Client:
    return Client(httpx.Client(base_url="http://service", transport=httpx.MockTransport(handler)))


def answer(status: int, json: Any = None, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=json, headers=headers)


def stored(**changes: Any) -> dict[str, Any]:
    item = {"text": "a text", "payload": {"labels": ["x"]}, "image": {"sha256": hashlib.sha256(b"picture").hexdigest()}}
    return item | changes


def test_an_item_is_there_only_if_text_payload_and_picture_agree() -> None:
    assert client(lambda request: answer(200, stored())).holds(ITEM)
    assert not client(lambda request: answer(200, stored(text="other"))).holds(ITEM)
    assert not client(lambda request: answer(200, stored(payload={}))).holds(ITEM)
    assert not client(lambda request: answer(200, stored(image=None))).holds(ITEM)
    assert not client(lambda request: answer(404)).holds(ITEM)


def test_ids_are_quoted_in_addresses() -> None:
    asked: list[bytes] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path)
        return answer(404)

    client(handler).holds(ITEM)
    assert asked == [b"/index/a%2Fb%20%C3%BC"]


def test_items_are_sent_as_one_form_with_their_pictures() -> None:
    sent: list[bytes] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request.read())
        results = [{"id": "a", "status": "added"}, {"id": "b", "status": "failed", "error": {"detail": "no picture"}}]
        return answer(200, {"results": results})

    assert client(handler).index([ITEM, ITEM]) == ["b: no picture"]
    assert b'name="items"' in sent[0]
    assert b'name="image1"; filename="image1"' in sent[0]


def test_hits_are_read_in_order() -> None:
    hits = [
        {"id": "a", "distance": 3, "text": None, "payload": {}},
        {"id": "b", "distance": 5, "text": "t", "payload": {"labels": ["x"]}},
    ]
    found = client(lambda request: answer(200, {"hits": hits})).search_text("words", k=2)
    assert [(hit.item_id, hit.distance, hit.text, hit.labels) for hit in found] == [("a", 3, "", ()), ("b", 5, "t", ("x",))]


def test_a_busy_service_is_asked_again() -> None:
    answers = iter([answer(503, **{"Retry-After": "0"}), answer(503, **{"Retry-After": "0"}), answer(200, {"n_items": 7})])
    assert client(lambda request: next(answers)).n_items() == 7


def test_a_service_that_stays_busy_is_given_up() -> None:
    with pytest.raises(DemoError, match="GET /readyz: the service answered 503"):
        client(lambda request: answer(503, **{"Retry-After": "0"})).n_items()


def test_an_error_answer_is_told() -> None:
    with pytest.raises(DemoError, match=r"POST /search/image: the service answered 422: .*no picture"):
        client(lambda request: answer(422, {"detail": "no picture"})).search_image(b"", k=1)


def test_a_service_that_does_not_answer_is_told() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(DemoError, match="the service does not answer"):
        client(refuse).n_items()
