"""Searches by an indexed item, a code and a mix, over HTTP."""

import base64
import json

import numpy as np
import pytest

from tests.builders import BUNDLE_ID, index, is_problem, meaning, packed, picture, search

RED_CAT, BLUE_DOG = picture("red cat"), picture("blue dog")


@pytest.fixture
def filled(client):
    items = [
        {"id": "cat", "image": "a", "text": "blue dog"},
        {"id": "cat again", "image": "a", "payload": {"n": 2}},
        {"id": "dog", "image": "b"},
        {"id": "words", "text": "red cat"},
    ]
    index(client, *items, pictures={"a": RED_CAT, "b": BLUE_DOG})
    return client


def ids(response):
    assert response.status_code == 200, response.text
    return [hit["id"] for hit in response.json()["hits"]]


def hex_of(words):
    return packed(words).hex()


def test_an_item_finds_items_like_its_picture_but_not_itself(filled):
    response = filled.post("/search/id", json={"id": "cat"})
    assert ids(response) == ["cat again", "dog"]
    told = {"modality": "image", "code": hex_of("red cat"), "bundle_id": BUNDLE_ID, "cached": False, "familiarity": None}
    assert response.json()["query"] == told


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"by": "text"}, ["words"]),
        ({"by": "text", "target": "image"}, ["dog", "cat again"]),
        ({"target": "text"}, ["words"]),
        ({"max_distance": 0}, ["cat again"]),
        ({"filter": {"field": "n", "exists": False}}, ["dog"]),
        ({"dedupe": True, "k": 1}, ["cat again"]),
    ],
)
def test_by_target_and_bounds_hold_for_an_item(filled, asked, found):
    assert ids(filled.post("/search/id", json={"id": "cat", **asked})) == found


def test_an_item_without_a_picture_is_searched_by_its_text(filled):
    assert ids(filled.post("/search/id", json={"id": "words", "target": "image", "max_distance": 0})) == ["cat", "cat again"]
    is_problem(filled.post("/search/id", json={"id": "words", "by": "image"}), 422, "invalid-request")


def test_pages_of_items_like_one_leave_it_out_throughout(filled):
    first = filled.post("/search/id", json={"id": "cat", "k": 1}).json()
    second = filled.post("/search/id", json={"id": "cat", "k": 1, "cursor": first["next_cursor"]}).json()
    assert [hit["id"] for hit in first["hits"] + second["hits"]] == ["cat again", "dog"]
    assert second["next_cursor"] is None


def test_an_item_that_is_not_there_is_unknown(filled):
    is_problem(filled.post("/search/id", json={"id": "no"}), 404, "unknown-item")


def test_a_code_is_taken_in_hex_and_in_base64(filled):
    code = bytes.fromhex(hex_of("red cat"))
    for text in (code.hex(), code.hex().upper(), base64.b64encode(code).decode(), base64.urlsafe_b64encode(code).decode()):
        response = filled.post("/search/code", json={"code": text, "bundle_id": BUNDLE_ID, "max_distance": 0})
        assert ids(response) == ["cat", "cat again"]
        assert (response.json()["query"]["code"], response.json()["query"]["modality"]) == (code.hex(), None)


@pytest.mark.parametrize(
    "code", ["", "0" * 15, "0" * 18, "g" * 16, "é" * 16, " " * 16, "AAAAAAAAAAA", "AAAAAAAAAAAA", "0" * 5_000, 5]
)
def test_a_code_of_another_length_or_spelling_is_refused(client, code):
    is_problem(client.post("/search/code", json={"code": code}), 422, "invalid-request")


def test_a_code_of_another_bundle_is_a_conflict(client):
    is_problem(client.post("/search/code", json={"code": "0" * 16, "bundle_id": "another"}), 409, "bundle-mismatch")


@pytest.mark.parametrize("path", ["/search/id", "/search/code", "/search/mix"])
@pytest.mark.parametrize(("bounds", "slug"), [({"k": 21}, "invalid-request"), ({"filter": {"field": 1}}, "bad-filter")])
def test_every_search_keeps_the_bounds(filled, path, bounds, slug):
    body = {"/search/id": {"id": "cat"}, "/search/code": {"code": "0" * 16}, "/search/mix": {"parts": [{"id": "cat"}]}}[path]
    is_problem(filled.post(path, json={**body, **bounds}), 422, slug)
    is_problem(filled.post(path, json={**body, "more": 1}), 422, "invalid-request")


def test_a_mix_of_one_text_is_a_search_by_it(filled):
    mixed = filled.post("/search/mix", json={"parts": [{"text": "red cat"}]}).json()
    assert mixed["hits"] == search(filled, "red cat")["hits"]
    assert mixed["query"]["modality"] is None


def test_a_mix_is_the_sign_of_weighted_unit_vectors(filled):
    parts = [{"text": "red"}, {"image": "p", "weight": -0.7}, {"id": "words", "weight": 0.5}, {"code": hex_of("sea"), "weight": 2}]
    response = filled.post("/search/mix", data={"query": json.dumps({"parts": parts})}, files={"p": BLUE_DOG})
    total = np.zeros(64)
    for relaxed, weight in (
        (meaning("red"), 1.0),
        (meaning("blue dog"), -0.7),
        (np.where(meaning("red cat") >= 0, 1.0, -1.0), 0.5),
        (np.where(meaning("sea") >= 0, 1.0, -1.0), 2.0),
    ):
        total += weight * relaxed / np.sqrt((relaxed.astype(float) ** 2).sum())
    bits = (total >= 0).astype(np.uint8)
    assert response.json()["query"]["code"] == np.packbits(bits, bitorder="little").tobytes().hex()


def test_what_is_weighed_negatively_moves_away(filled):
    plain = search(filled, "red cat", target="image")["hits"]
    less = filled.post("/search/mix", json={"parts": [{"text": "red cat"}, {"id": "cat", "by": "image", "weight": -3}]}).json()[
        "hits"
    ]
    assert plain[0]["id"] == "cat"
    assert [hit["id"] for hit in less] == ["dog", "cat", "cat again"]


def test_a_mix_is_paged_as_well(filled):
    body, seen, cursor = {"parts": [{"text": "red"}, {"text": "dog"}], "k": 1}, [], None
    for _ in range(3):
        answer = filled.post("/search/mix", json={**body, "cursor": cursor}).json()
        seen += [hit["id"] for hit in answer["hits"]]
        cursor = answer["next_cursor"]
    assert sorted(seen) == ["cat", "cat again", "dog"]
    assert cursor is None


@pytest.mark.parametrize(
    ("mixed", "status", "slug"),
    [
        ([], 422, "invalid-request"),
        ([{}], 422, "invalid-request"),
        ([{"text": "a", "id": "cat"}], 422, "invalid-request"),
        ([{"text": "a", "by": "text"}], 422, "invalid-request"),
        ([{"text": "a", "weight": 101}], 422, "invalid-request"),
        ([{"text": "a"}] * 17, 422, "invalid-request"),
        ([{"text": "a"}, {"text": "a", "weight": -1}], 422, "invalid-request"),
        ([{"text": "a", "weight": 0}], 422, "invalid-request"),
        ([{"image": "p"}], 422, "invalid-request"),
        ([{"code": "00"}], 422, "invalid-request"),
        ([{"text": " "}], 422, "empty-text"),
        ([{"text": "x" * 101}], 422, "invalid-request"),
        ([{"id": "no"}], 404, "unknown-item"),
        ([{"id": "words", "by": "image"}], 422, "invalid-request"),
    ],
)
def test_a_mix_that_cannot_be_made_is_refused(filled, mixed, status, slug):
    is_problem(filled.post("/search/mix", json={"parts": mixed}), status, slug)


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 50_000, b"null", b'{"parts": [{"text": "a", "weight": NaN}]}', b"\xff"])
@pytest.mark.parametrize("path", ["/search/mix", "/encode", "/compare"])
def test_a_broken_body_is_a_clients_mistake(client, path, body):
    is_problem(client.post(path, content=body, headers={"content-type": "application/json"}), 422, "invalid-request")


@pytest.mark.parametrize("path", ["/search/mix", "/encode", "/compare"])
def test_forms_that_lack_something_or_are_none_are_refused(client, path):
    is_problem(client.post(path, content=b"x", headers={"content-type": "text/plain"}), 415, "unsupported-media-type")
    is_problem(client.post(path, files={"p": RED_CAT}), 422, "invalid-request")
    twice = [("query", (None, "{}")), ("p", ("p", RED_CAT)), ("p", ("p", RED_CAT))]
    is_problem(client.post(path, files=twice), 422, "invalid-request")


def test_a_bad_picture_in_a_mix_has_its_own_status(client):
    for content, status, slug in ((b"no", 422, "undecodable-image"), (b"%PDF-1", 415, "unsupported-media-type")):
        response = client.post("/search/mix", data={"query": '{"parts": [{"image": "p"}]}'}, files={"p": content})
        is_problem(response, status, slug)
