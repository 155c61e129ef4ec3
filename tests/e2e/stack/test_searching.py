"""What a caller does all day, over HTTP, against whatever stack is named."""

from __future__ import annotations

import json

import pytest

from tests.e2e.stack.conftest import CAPTIONS, PICTURES

pytestmark = pytest.mark.e2e


def only(mark: str) -> dict[str, object]:
    return {"field": "test", "eq": mark}


def test_a_sentence_finds_pictures(client, held):
    answer = client.post("/search/text", json={"query": "a dog", "k": 3, "filter": only(held)})
    hits = answer.json()["hits"]
    assert {hit["id"] for hit in hits} == {f"{held}-dog", f"{held}-bus"}
    assert [hit["distance"] for hit in hits] == sorted(hit["distance"] for hit in hits)
    assert client.get(hits[0]["image_url"]).content in PICTURES.values()


def test_a_picture_finds_itself_and_sentences(client, held):
    asked = {"image": PICTURES["bus"]}
    told = client.post("/search/image", files=asked, data={"k": "1", "target": "image", "filter": json.dumps(only(held))}).json()
    assert [(hit["id"], hit["distance"]) for hit in told["hits"]] == [(f"{held}-bus", 0)]
    told = client.post("/search/image", files=asked, data={"k": "9", "filter": json.dumps(only(held))}).json()
    assert {hit["text"] for hit in told["hits"]} == {f"{text} {held}" for text in CAPTIONS.values()}


def test_filters_keep_out_what_does_not_match(client, held):
    condition = {"and": [only(held), {"field": "length", "gte": len(CAPTIONS["dog"])}]}
    answer = client.post("/search/text", json={"query": "anything", "k": 9, "target": "text", "filter": condition})
    assert {hit["id"] for hit in answer.json()["hits"]} == {f"{held}-dog", f"{held}-plate"}
    assert client.post("/index/count", json={"filter": condition}).json() == {"n_items": 2}


def test_the_same_question_is_encoded_once(client, held):
    asked = {"query": f"what was never asked before {held}", "k": 1}
    first, second = (client.post("/search/text", json=asked).json()["query"] for _ in range(2))
    assert (first["cached"], second["cached"], first["code"]) == (False, True, second["code"])


def test_what_is_deleted_is_not_found(client, held):
    assert client.delete(f"/index/{held}-dog").status_code in {200, 204}
    assert client.get(f"/index/{held}-dog").status_code == 404
    answer = client.post("/search/text", json={"query": CAPTIONS["dog"], "k": 9, "target": "text", "filter": only(held)})
    assert {hit["id"] for hit in answer.json()["hits"]} == {f"{held}-bus", f"{held}-plate"}


def test_a_wrong_request_is_told_as_a_problem(client):
    answer = client.post("/search/text", json={"query": "", "k": 1})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_the_pages_and_figures_are_there(client):
    for path in ("/", "/operator", "/docs", "/openapi.json", "/livez", "/readyz", "/stats", "/metrics"):
        assert client.get(path).status_code == 200, path
