"""Hits say how probably they are relevant, and searches take a least precision, over HTTP."""

import json
from dataclasses import replace

import pytest

from app.expectations import Expectations
from app.retrieval import NOTHING_IS_NEAR, SearchBounds
from model.calibration import MODALITY_PAIRS
from tests.builders import fake_parts, index, is_problem, packed, picture, running, search, settings_for, whole_calibration

WORDS = ["red cat", "red dog", "blue cat", "green boat", "white bus at sea", "red cat sleeps"]


@pytest.fixture
def known():
    return MODALITY_PAIRS


@pytest.fixture
def client(tmp_path, known):
    parts = fake_parts(tmp_path)
    if known:
        parts = replace(parts, calibration=whole_calibration(modality_pairs=known))
    with running(parts, settings_for(tmp_path, image_url_hosts="pictures.test")) as client:
        items = [{"id": words, "text": words, "image": str(i)} for i, words in enumerate(WORDS)]
        index(client, *items, pictures={str(i): picture(words) for i, words in enumerate(WORDS)})
        yield client


def told(hit):
    return hit["expected_precision"], hit["precision_interval"]


def precision(distance):
    return round(0.9 - 0.8 * distance / 64, 6)


def asked_by(client, kind, **bounds):
    """Asks one search of each kind for "red cat" and returns the response."""
    code = packed("red cat").hex()
    bodies = {
        "text": {"query": "red cat"},
        "id": {"id": "red cat", "by": "text"},
        "code": {"code": code, "modality": "text"},
        "mix": {"parts": [{"text": "red cat"}], "modality": "text"},
    }
    if kind == "image":
        form = {name: str(value) for name, value in bounds.items()}
        return client.post("/search/image", data=form, files={"image": ("x.png", picture("red cat"))})
    if kind == "many":
        response = client.post("/search/many", json={"queries": [{"query": "red cat", **bounds}]})
        response._content = json.dumps(response.json()["results"][0]).encode()
        return response
    return client.post(f"/search/{kind}", json=bodies[kind] | bounds)


KINDS = ["text", "image", "id", "code", "mix", "many"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_hit_says_its_expected_precision_and_the_interval(client, kind):
    answer = asked_by(client, kind).json()
    assert len({hit["distance"] for hit in answer["hits"]}) > 2
    for hit in answer["hits"]:
        middle = precision(hit["distance"])
        assert hit["expected_precision"] == middle
        assert hit["precision_interval"] == pytest.approx([middle - 0.05, middle + 0.05], abs=2e-6)
    assert answer["no_match"] is False


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wanted", [0, 0.5, 0.7, 0.85, 1])
def test_a_least_precision_leaves_exactly_the_hits_that_reach_it(client, kind, wanted):
    everything = asked_by(client, kind, k=20).json()["hits"]
    answer = asked_by(client, kind, k=20, min_precision=wanted).json()
    reaching = [hit for hit in everything if hit["expected_precision"] >= wanted]
    assert answer["hits"] == reaching
    assert answer["no_match"] is (not reaching)
    assert answer["next_cursor"] is None


def test_of_both_radii_the_smaller_one_holds(client):
    near = search(client, "red cat", max_distance=0, min_precision=0.2)["hits"]
    assert [hit["distance"] for hit in near] == [0]
    wide = search(client, "red cat", max_distance=64, min_precision=0.7)["hits"]
    assert max(hit["distance"] for hit in wide) <= 16


def test_pages_of_a_least_precision_are_those_of_the_whole_answer(client):
    whole = search(client, "red cat", k=20, min_precision=0.5)["hits"]
    found, cursor = [], None
    while True:
        page = search(client, "red cat", k=1, min_precision=0.5, cursor=cursor)
        found, cursor = found + page["hits"], page["next_cursor"]
        if cursor is None:
            break
        is_problem(client.post("/search/text", json={"query": "red cat", "cursor": cursor}), 422, "invalid-request")
    assert found == whole
    assert len(whole) > 1


def test_where_nothing_reaches_it_a_cursor_of_another_search_is_refused_still(client):
    cursor = search(client, "red cat", k=1)["next_cursor"]
    body = {"query": "red cat", "min_precision": 0.99, "cursor": cursor}
    is_problem(client.post("/search/text", json=body), 422, "invalid-request")
    assert search(client, "red cat", min_precision=0.99)["no_match"] is True


def test_a_filter_that_leaves_nothing_is_no_match_only_with_a_least_precision(client):
    nothing = {"filter": {"field": "x", "eq": 1}}
    assert search(client, "red cat", **nothing)["no_match"] is False
    assert search(client, "red cat", min_precision=0.1, **nothing)["no_match"] is True


@pytest.mark.parametrize("kind", ["code", "mix"])
def test_a_query_of_unknown_modality_has_no_expected_precision(client, kind):
    answer = asked_by(client, kind, modality=None).json()
    assert {told(hit) for hit in answer["hits"]} == {(None, None)}
    refused = asked_by(client, kind, modality=None, min_precision=0.5)
    assert is_problem(refused, 422, "invalid-request")
    assert "modality" in refused.json()["detail"]


@pytest.mark.parametrize("wanted", [-0.1, 1.1, "much", "0.5", True])
def test_what_is_no_precision_is_refused(client, wanted):
    is_problem(client.post("/search/text", json={"query": "red cat", "min_precision": wanted}), 422, "invalid-request")


@pytest.mark.parametrize("wanted", ["-0.1", "1.1", "nan", "much"])
def test_what_is_no_precision_in_a_form_is_refused(client, wanted):
    is_problem(asked_by(client, "image", min_precision=wanted), 422, "invalid-request")


@pytest.mark.parametrize("known", [()])
@pytest.mark.parametrize("kind", KINDS[:5])
def test_without_a_calibration_nothing_is_promised(client, kind):
    answer = asked_by(client, kind).json()
    assert {told(hit) for hit in answer["hits"]} == {(None, None)}
    refused = asked_by(client, kind, min_precision=0.5)
    is_problem(refused, 422, "invalid-request")
    assert "was not measured" in refused.json()["detail"]


@pytest.mark.parametrize("known", [(("text", "image"),)])
def test_a_direction_that_was_not_measured_is_named(client):
    assert search(client, "red cat", min_precision=0.7)["hits"][0]["expected_precision"] == 0.9
    refused = client.post("/search/text", json={"query": "red cat", "target": "text", "min_precision": 0.7})
    is_problem(refused, 422, "invalid-request")
    assert "from text to text" in refused.json()["detail"]
    assert told(search(client, "red cat", target="text")["hits"][0]) == (None, None)


def test_a_radius_is_that_of_the_calibration():
    expectations = Expectations(whole_calibration(), 64)
    bounds = SearchBounds("text", min_precision=0.7)
    assert expectations.narrowed(bounds, "image").max_distance == 16
    assert expectations.narrowed(replace(bounds, max_distance=3), "image").max_distance == 3
    assert expectations.narrowed(replace(bounds, min_precision=0.95, max_distance=3), "image").max_distance == NOTHING_IS_NEAR
    assert expectations.narrowed(SearchBounds("text"), None) == SearchBounds("text")
