"""Searches that explain their hits, over HTTP, with encoders that are fakes."""

import json
from dataclasses import replace

import numpy as np
import pytest

from app import examples
from app.query_schemas import ManyOut, SearchOut
from model.label_reader import LabelReader
from tests.builders import fake_parts, index, is_problem, meaning, packed, picture, running, search, settings_for

MEASURED = {
    "on": {"data": "fake"},
    **{name: {"precision": 1.0, "recall": None, "calibration_error": 0.0} for name in ("image", "text")},
}
WORDS = ["red cat", "red dog", "blue cat", "green boat"]


def labels():
    """Reads "cat" and "dog" off codes, as their words' own codes."""
    weights = np.stack([np.sign(meaning(word)) / 8 for word in ("cat", "dog")], axis=1).astype(np.float32)
    bias = np.full(2, -2.0, np.float32)
    return LabelReader(("cat", "dog"), {"image": weights, "text": weights}, {"image": bias, "text": bias}, 0.5, MEASURED)


@pytest.fixture
def parts(tmp_path):
    return replace(fake_parts(tmp_path), labels=labels())


@pytest.fixture
def client(tmp_path, parts):
    with running(parts, settings_for(tmp_path, image_url_hosts="pictures.test")) as client:
        items = [{"id": words, "text": words, "image": str(i)} for i, words in enumerate(WORDS)]
        index(client, *items, pictures={str(i): picture(words) for i, words in enumerate(WORDS)})
        yield client


def asked_by(client, kind, **more):
    """Asks one search of each kind for "red cat" among texts and returns its answer."""
    bodies = {
        "text": {"query": "red cat"},
        "id": {"id": "red dog", "by": "text"},
        "code": {"code": packed("red cat").hex(), "modality": "text"},
        "mix": {"parts": [{"text": "red cat"}, {"id": "blue cat", "by": "text", "weight": 0.1}], "modality": "text"},
    }
    if kind == "image":
        form = {"target": "text"} | {name: str(value) for name, value in more.items()}
        return client.post("/search/image", data=form, files={"image": ("x.png", picture("red cat"))})
    if kind == "many":
        response = client.post("/search/many", json={"queries": [{"query": "red cat", "target": "text", **more}]})
        response._content = json.dumps(response.json()["results"][0]).encode() if response.is_success else response.content
        return response
    return client.post(f"/search/{kind}", json=bodies[kind] | {"target": "text"} | more)


KINDS = ["text", "image", "id", "code", "mix", "many"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_search_explains_its_hits(client, kind):
    answer = asked_by(client, kind, explain=True, k=3).json()
    assert SearchOut.model_validate(answer).model_dump(exclude_unset=True) == answer
    assert len(answer["hits"]) == 3
    for hit in answer["hits"]:
        told = hit["explanation"]
        assert told["n_differing"] == len(told["differing_bits"]) == hit["distance"]
        assert told["distance_range"][0] <= hit["distance"] <= told["distance_range"][1]
        assert told["n_undecided"] == len(told["undecided_bits"]) > 10  # two words cancel each other out in half of the bits
    assert answer["hits"][0]["explanation"]["labels"][0]["name"] == "cat"
    assert (answer["query"]["explanation"]["undecided_bits"] is None) == (kind == "code")


@pytest.mark.parametrize("kind", KINDS)
def test_without_explain_answers_are_what_they_were(client, kind):
    plain, long = asked_by(client, kind, k=2).json(), asked_by(client, kind, k=2, explain=True).json()
    assert not any("explanation" in one for one in (*plain["hits"], plain["query"]))
    for one in (*long["hits"], long["query"]):
        del one["explanation"]
    assert long == plain | {"query": plain["query"] | {"cached": long["query"]["cached"]}}


@pytest.mark.parametrize("kind", KINDS)
def test_only_so_many_hits_are_explained(client, kind):
    assert asked_by(client, kind, explain=True, k=50).is_success
    refused = asked_by(client, kind, explain=True, k=51)
    assert refused.status_code == 422, refused.text
    assert "at most 50" in refused.json()["detail"]


def test_of_many_searches_only_so_many_hits_are_explained_together(client):
    queries = [{"query": "red cat", "k": 25, "explain": True}] * 2
    found = client.post("/search/many", json={"queries": [*queries, {"query": "red cat", "k": 60}]})
    assert ManyOut.model_validate(found.json()).n_failed == 0
    refused = client.post("/search/many", json={"queries": [*queries, {"query": "red dog", "k": 1, "explain": True}]})
    assert is_problem(refused, 422, "invalid-request")


def test_pages_go_on_with_and_without_explanations(client):
    first = search(client, "red cat", k=1, explain=True)
    second = search(client, "red cat", k=2, cursor=first["next_cursor"])
    third = search(client, "red cat", k=2, cursor=second["next_cursor"], explain=True)
    ids = [hit["id"] for page in (first, second, third) for hit in page["hits"]]
    assert sorted(ids) == sorted(WORDS)
    assert ["explanation" in page["hits"][0] for page in (first, second, third)] == [True, False, True]


def test_hits_are_encoded_a_few_at_a_time_and_equal_ones_once(client, parts):
    index(client, *[{"id": f"{i}", "text": f"thing {i % 20}"} for i in range(40)])
    encoder = parts.encoders["text"]
    encoder.batch_sizes.clear()
    answer = search(client, "thing 1", target="text", k=44, explain=True)
    assert len(answer["hits"]) == 44
    assert sum(encoder.batch_sizes) == 1 + 24  # the query, whose code alone is cached, and 24 different texts
    assert max(encoder.batch_sizes) <= 8


def test_the_code_cache_is_left_as_it_is(client, parts):
    before = dict(parts.cache.entries)
    search(client, "red cat", explain=True)
    added = parts.cache.entries.keys() - before.keys()
    assert not added, "the query was indexed before, and hits are never looked up"
    assert search(client, "red cat", explain=True)["query"]["cached"]


def test_a_hit_whose_picture_is_gone_is_explained_by_its_code(client, parts):
    [gone] = [item for item in parts.catalog.scan() if item.item_id == "red dog"]
    parts.media.delete(gone.image.sha256)
    answer = search(client, "red dog", k=2, explain=True)
    told = [hit["explanation"] for hit in answer["hits"]]
    assert (told[0]["undecided_bits"], told[0]["n_undecided"]) == (None, None)
    assert told[0]["labels"][0]["name"] == "dog"
    assert told[1]["undecided_bits"] is not None


def test_nothing_found_is_explained_as_well(client):
    answer = search(client, "purple elephant", max_distance=0, explain=True)
    assert answer["hits"] == []
    assert answer["query"]["explanation"]["n_undecided"] > 10


def test_a_bundle_without_labels_says_so(tmp_path):
    with running(fake_parts(tmp_path), settings_for(tmp_path)) as client:
        index(client, {"id": "a", "text": "red cat"})
        [hit] = search(client, "red cat", target="text", explain=True)["hits"]
    assert hit["explanation"]["labels"] is None
    assert hit["explanation"]["labels_missing"].startswith("nothing was learned that reads labels off this bundle's codes")


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_explain_is_true_or_false(client, value):
    assert is_problem(client.post("/search/text", json={"query": "a", "explain": value}), 422, "invalid-request")


def test_the_document_has_explain_wherever_one_searches_with_an_example(client):
    document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    for name in ("TextQuery", "IdQuery", "CodeQuery", "UrlQuery", "MixQuery", "Body_search_image_search_image_post"):
        assert schemas[name]["properties"]["explain"]["default"] is False, name
        assert "50" in schemas[name]["properties"]["explain"]["description"]
    assert "explanation" in schemas["SearchOut"]["examples"][1]["query"]
    assert SearchOut.model_validate(examples.EXPLAINED_OUT).model_dump() == examples.EXPLAINED_OUT
    undescribed = [
        f"{name}.{field}"
        for name in ("HitExplanation", "QueryExplanation", "DifferingBit", "SharedLabel")
        for field, facts in schemas[name]["properties"].items()
        if "description" not in facts and field != "name"
    ]
    assert undescribed == []


def test_the_query_of_an_explained_answer_can_be_judged_as_it_is(client):
    answer = asked_by(client, "text", explain=True).json()
    said = {"query": answer["query"], "id": answer["hits"][0]["id"], "target": "text", "relevant": True}
    assert client.post("/feedback", json={"judgements": [said]}).json()["n_added"] == 1
