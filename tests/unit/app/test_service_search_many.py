"""Many searches in one call, codes and comparisons, over HTTP."""

import base64
import json

import numpy as np
import pytest

from tests.builders import BUNDLE_ID, index, is_problem, meaning, packed, picture, search

RED_CAT = picture("red cat")
EMPTY = "/problems/empty-text"


@pytest.fixture
def filled(client):
    index(client, {"id": "cat", "image": "a", "text": "red cat"}, {"id": "dog", "text": "blue dog"}, pictures={"a": RED_CAT})
    return client


def many(client, *queries):
    response = client.post("/search/many", json={"queries": queries})
    assert response.status_code == 200, response.text
    return response.json()


def test_every_query_is_answered_as_if_it_were_alone(filled):
    queries = [{"query": "red cat", "k": 1, "target": "text"}, {"query": "blue dog", "target": "text"}, {"query": "red cat"}]
    answer = many(filled, *queries, {"id": "dog"}, {"code": "0" * 16, "target": "text"})
    alone = [search(filled, query.pop("query"), **query) for query in queries]
    assert [one["hits"] for one in answer["results"][:3]] == [one["hits"] for one in alone]
    assert [one["next_cursor"] for one in answer["results"][:3]] == [one["next_cursor"] for one in alone]
    assert [len(one["hits"]) for one in answer["results"]] == [1, 2, 1, 1, 2]
    assert answer["n_failed"] == 0


def test_texts_of_many_queries_are_encoded_together(parts, client):
    many(client, *({"query": f"text {n % 6}"} for n in range(12)))
    assert parts.encoders["text"].batch_sizes == [6]


def test_a_bad_query_fails_alone_and_says_why(filled):
    bad = [
        ({"query": " "}, EMPTY),
        ({"query": "x" * 101}, "/problems/invalid-request"),
        ({"query": "a", "k": 21}, "/problems/invalid-request"),
        ({"query": "a", "k": 10**30}, "/problems/invalid-request"),
        ({"query": "a", "k": "3"}, "/problems/invalid-request"),
        ({"query": "a", "filter": 5}, "/problems/bad-filter"),
        ({"query": "a", "cursor": "x"}, "/problems/invalid-request"),
        ({"id": "no"}, "/problems/unknown-item"),
        ({"id": "dog", "by": "image"}, "/problems/invalid-request"),
        ({"code": "00"}, "/problems/invalid-request"),
        ({"code": "0" * 16, "bundle_id": "another"}, "/problems/bundle-mismatch"),
        ({"id": "cat", "query": "a"}, "/problems/invalid-request"),
        ({}, "/problems/invalid-request"),
        (5, "/problems/invalid-request"),
        (None, "/problems/invalid-request"),
    ]
    answer = many(filled, *(query for query, _ in bad), {"query": "red cat"})
    assert [one["error"]["type"] for one in answer["results"][:-1]] == [slug for _, slug in bad]
    assert all(one["error"]["detail"] for one in answer["results"][:-1])
    assert answer["results"][-1]["hits"][0]["id"] == "cat"
    assert answer["n_failed"] == len(bad)


@pytest.mark.parametrize(
    "body",
    [{}, [], {"queries": []}, {"queries": 5}, {"queries": [{"query": "a"}] * 101}, {"queries": [{"query": "a", "k": 20}] * 11}],
)
def test_too_many_queries_and_none_are_refused(client, body):
    is_problem(client.post("/search/many", json=body), 422, "invalid-request")


def test_encode_gives_codes_in_both_spellings_and_the_values_before_the_sign(client):
    inputs = [{"text": "red cat"}, {"image": "p"}]
    response = client.post("/encode", data={"query": json.dumps({"inputs": inputs})}, files={"p": RED_CAT})
    relaxed, code = meaning("red cat"), packed("red cat")
    expected = {"hex": code.hex(), "base64": base64.b64encode(code).decode(), "relaxed": relaxed.tolist(), "familiarity": None}
    assert response.json() == {"results": [expected, expected], "n_failed": 0, "n_bits": 64, "bundle_id": BUNDLE_ID}


def test_codes_alone_come_from_the_cache(parts, client):
    for _ in range(2):
        response = client.post("/encode", json={"inputs": [{"text": "red cat"}], "relaxed": False})
        assert response.json()["results"][0]["relaxed"] is None
    assert parts.encoders["text"].batch_sizes == [1]


def test_an_encoded_code_is_one_to_search_by(filled):
    code = filled.post("/encode", json={"inputs": [{"text": "red cat"}]}).json()["results"][0]["base64"]
    hits = filled.post("/search/code", json={"code": code, "bundle_id": BUNDLE_ID}).json()["hits"]
    assert (hits[0]["id"], hits[0]["distance"]) == ("cat", 0)


def test_a_bad_input_fails_alone(client):
    inputs = [{"text": ""}, {"id": "cat"}, {"image": "no"}, 5, {"text": "a", "image": "p"}, {"image": "p"}, {"text": "fine"}]
    answer = client.post("/encode", data={"query": json.dumps({"inputs": inputs})}, files={"p": b"broken"}).json()
    slugs = [one["error"]["type"].removeprefix("/problems/") if "error" in one else "" for one in answer["results"]]
    assert slugs == ["empty-text", *["invalid-request"] * 4, "undecodable-image", ""]
    assert answer["n_failed"] == 6


@pytest.mark.parametrize("body", [{}, {"inputs": []}, {"inputs": [{"text": "a"}] * 65}, {"inputs": [{"text": "a"}], "relaxed": 1}])
def test_a_wrong_encode_request_is_refused(client, body):
    is_problem(client.post("/encode", json=body), 422, "invalid-request")


def test_compare_tells_the_distance_and_the_bits_that_agree(filled):
    things = [
        {"text": "red cat"},
        {"image": "p"},
        {"id": "cat"},
        {"code": packed("red cat").hex()},
    ]
    differing = np.flatnonzero((meaning("red cat") >= 0) != (meaning("blue dog") >= 0)).tolist()
    for a in things:
        query = json.dumps({"a": a, "b": {"id": "dog"}})
        answer = filled.post("/compare", data={"query": query}, files={"p": RED_CAT}).json()
        assert (answer["distance"], answer["n_bits"], answer["bundle_id"]) == (len(differing), 64, BUNDLE_ID)
        assert sorted(answer["agreeing_bits"] + differing) == list(range(64))


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        ({"a": {"text": "x"}}, 422, "invalid-request"),
        ({"a": {"text": "x"}, "b": {}}, 422, "invalid-request"),
        ({"a": {"text": "x"}, "b": {"text": ""}}, 422, "empty-text"),
        ({"a": {"text": "x"}, "b": {"id": "no"}}, 404, "unknown-item"),
        ({"a": {"text": "x"}, "b": {"code": "00"}}, 422, "invalid-request"),
        ({"a": {"text": "x"}, "b": {"image": "p"}}, 422, "invalid-request"),
    ],
)
def test_what_cannot_be_compared_is_told(client, body, status, slug):
    is_problem(client.post("/compare", json=body), status, slug)
