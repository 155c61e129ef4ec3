"""Searches say how familiar their query is, and take a least familiarity, over HTTP."""

import json
from dataclasses import replace

import pytest

from tests.builders import (
    fake_parts,
    index,
    is_problem,
    packed,
    picture,
    running,
    search,
    settings_for,
    two_worlds,
    whole_calibration,
)

WORDS = ["red cat", "red dog", "blue cat", "strange boat"]
BOTH = {"image": two_worlds(), "text": two_worlds()}
KINDS = ["text", "image", "mix", "many"]


@pytest.fixture
def measures():
    return BOTH


@pytest.fixture
def least():
    return 0


@pytest.fixture
def client(tmp_path, measures, least):
    parts = fake_parts(tmp_path)
    if measures is not None:
        parts = replace(parts, calibration=replace(whole_calibration(), familiarity=measures))
    with running(parts, settings_for(tmp_path, min_familiarity=least)) as client:
        items = [{"id": words, "text": words, "image": str(i)} for i, words in enumerate(WORDS)]
        index(client, *items, pictures={str(i): picture(words) for i, words in enumerate(WORDS)})
        yield client


def asked_by(client, kind, words, **bounds):
    """Asks one search of a kind for some words and returns the response."""
    bodies = {
        "text": {"query": words},
        "id": {"id": words, "by": "text"},
        "code": {"code": packed(words).hex(), "modality": "text"},
        "mix": {"parts": [{"text": words}, {"id": "red cat"}], "modality": "text"},
    }
    if kind == "image":
        form = {name: str(value) for name, value in bounds.items()}
        return client.post("/search/image", data=form, files={"image": ("x.png", picture(words))})
    if kind == "many":
        response = client.post("/search/many", json={"queries": [{"query": words, **bounds}]})
        response._content = json.dumps(response.json()["results"][0]).encode()
        return response
    return client.post(f"/search/{kind}", json=bodies[kind] | bounds)


def told(answer):
    return answer["query"]["familiarity"], len(answer["hits"]) > 0, answer["no_match"], answer["no_match_reason"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_answer_says_how_familiar_the_query_is_whether_cached_or_not(client, kind):
    for _ in range(2):
        assert told(asked_by(client, kind, "red dog").json()) == (1.0, True, False, None)
        assert told(asked_by(client, kind, "strange dog").json()) == (0.01, True, False, None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_query_that_is_less_familiar_than_asked_for_is_no_match(client, kind):
    assert told(asked_by(client, kind, "strange dog", min_familiarity=0.02).json()) == (0.01, False, True, "unfamiliar")
    assert told(asked_by(client, kind, "strange dog", min_familiarity=0.01).json()) == (0.01, True, False, None)
    assert told(asked_by(client, kind, "red dog", min_familiarity=1).json()) == (1.0, True, False, None)


def test_what_is_too_far_is_told_from_what_is_unfamiliar(client):
    wanted = {"min_precision": 0.95, "min_familiarity": 0.02}
    assert told(search(client, "red dog", **wanted)) == (1.0, False, True, "too_far")
    assert told(search(client, "strange dog", **wanted)) == (0.01, False, True, "unfamiliar")


@pytest.mark.parametrize("kind", ["id", "code"])
def test_items_and_codes_have_no_familiarity_and_can_be_asked_for_none(client, kind):
    assert told(asked_by(client, kind, "strange boat", min_familiarity=0).json()) == (None, True, False, None)
    refused = asked_by(client, kind, "strange boat", min_familiarity=0.02)
    is_problem(refused, 422, "invalid-request")
    assert "not items or codes" in refused.json()["detail"]


def test_a_mix_is_as_familiar_as_its_strangest_text_or_picture(client):
    parts = [{"text": "red dog"}, {"text": "strange cat", "weight": -0.1}, {"id": "red cat"}]
    assert told(client.post("/search/mix", json={"parts": parts}).json())[0] == 0.01
    assert told(client.post("/search/mix", json={"parts": parts[::2]}).json())[0] == 1.0
    assert told(client.post("/search/mix", json={"parts": parts[2:]}).json())[0] is None
    is_problem(client.post("/search/mix", json={"parts": parts[2:], "min_familiarity": 0.1}), 422, "invalid-request")


@pytest.mark.parametrize("least", [0.02])
def test_the_setting_holds_where_a_search_does_not_say_and_somebody_can_tell(client):
    for kind in KINDS:
        assert told(asked_by(client, kind, "strange dog").json()) == (0.01, False, True, "unfamiliar")
        assert told(asked_by(client, kind, "strange dog", min_familiarity=0).json()) == (0.01, True, False, None)
    for kind in ("id", "code"):
        assert told(asked_by(client, kind, "strange boat").json()) == (None, True, False, None)


@pytest.mark.parametrize("measures", [None, {}, {"text": two_worlds(None)}])
@pytest.mark.parametrize("least", [0, 0.02])
def test_without_a_measure_nothing_is_told_and_asking_for_it_is_refused(client, least):
    for kind in KINDS:
        assert told(asked_by(client, kind, "strange dog").json()) == (None, True, False, None)
    refused = client.post("/search/text", json={"query": "red dog", "min_familiarity": 0.1})
    is_problem(refused, 422, "invalid-request")
    assert "was not measured" in refused.json()["detail"]
    assert client.get("/stats").json()["familiarity"] == {}


@pytest.mark.parametrize("measures", [{"text": two_worlds()}])
def test_a_modality_that_was_not_measured_is_named(client):
    assert told(asked_by(client, "image", "strange dog").json())[0] is None
    refused = asked_by(client, "image", "strange dog", min_familiarity=0.1)
    is_problem(refused, 422, "invalid-request")
    assert "which pictures are familiar" in refused.json()["detail"]


@pytest.mark.parametrize("wanted", [-0.1, 1.1, "much", "0.5", True])
def test_what_is_no_familiarity_is_refused(client, wanted):
    is_problem(client.post("/search/text", json={"query": "red cat", "min_familiarity": wanted}), 422, "invalid-request")


def test_further_pages_are_held_to_it_and_a_cursor_of_another_search_is_refused_still(client):
    cursor = search(client, "strange cat", k=1)["next_cursor"]
    assert told(search(client, "strange cat", k=1, cursor=cursor, min_familiarity=0.1)) == (0.01, False, True, "unfamiliar")
    body = {"query": "strange dog", "cursor": cursor, "min_familiarity": 0.1}
    is_problem(client.post("/search/text", json=body), 422, "invalid-request")


def test_the_long_way_answers_as_the_short_one(client):
    long = search(client, "strange dog", min_familiarity=0.1, filter={"not": {"field": "x", "eq": 1}})
    assert told(long) == told(search(client, "strange dog", min_familiarity=0.1)) == (0.01, False, True, "unfamiliar")


def test_a_judgement_takes_the_query_of_an_answer_as_it_is(client):
    answer = search(client, "red dog", k=1)
    said = {"query": answer["query"], "id": answer["hits"][0]["id"], "target": "image", "relevant": True}
    assert client.post("/feedback", json={"judgements": [said]}).json()["n_added"] == 1


@pytest.mark.parametrize("relaxed", [True, False])
def test_encoding_tells_it_too(client, relaxed):
    inputs = [{"text": "red dog"}, {"text": "strange dog"}]
    results = client.post("/encode", json={"inputs": inputs, "relaxed": relaxed}).json()["results"]
    assert [result["familiarity"] for result in results] == [1.0, 0.01]


def test_stats_and_metrics_count_searches_by_familiarity(client):
    for words, least in (("red dog", None), ("strange dog", None), ("strange dog", 0.02), ("strange cat", 0.005)):
        search(client, words, min_familiarity=least)
    asked_by(client, "image", "red dog")
    found = client.get("/stats").json()["familiarity"]
    assert found["text"] == {"n": 4, "mean": pytest.approx(0.2575), "unfamiliar_below": 0.02, "n_unfamiliar": 3, "n_abstained": 1}
    assert (found["image"]["n"], found["image"]["n_unfamiliar"]) == (1, 0)
    lines = client.get("/metrics").text.splitlines()
    assert 'bitlens_query_familiarity_bucket{le="0.01",modality="text"} 3.0' in lines
    assert 'bitlens_query_familiarity_count{modality="text"} 4.0' in lines
    assert 'bitlens_unfamiliar_unanswered_total{modality="text"} 1.0' in lines


def test_a_search_for_what_was_indexed_before_it_was_measured_encodes_it_again_once(tmp_path):
    parts = fake_parts(tmp_path)
    with running(parts, settings_for(tmp_path / "before")) as client:
        before = search(client, "strange dog")["query"]
    parts = replace(fake_parts(tmp_path, cache=parts.cache), calibration=replace(whole_calibration(), familiarity=BOTH))
    with running(parts, settings_for(tmp_path / "after")) as client:
        after = [search(client, "strange dog")["query"] for _ in range(2)]
    assert [one["cached"] for one in after] == [False, True]
    assert after[0] == before | {"familiarity": 0.01, "cached": False}
    assert after[1]["familiarity"] == 0.01
