"""Judgements become a calibration that the running service uses, and the way back."""

import dataclasses
import time

import numpy as np
import pytest

from app.recalibration import recalibrated
from model.calibration import MODALITY_PAIRS
from model.errors import CatalogError, InvalidRequest
from model.recalibration import FEWEST_JUDGEMENTS, FEWEST_QUERIES, JudgedHits
from tests.builders import (
    fake_parts,
    index,
    is_problem,
    logged_lines,
    packed,
    real_parts,
    running,
    search,
    settings_for,
    whole_calibration,
)

QUERIES = 20
WORDS = [f"word{number} thing{number % 3}" for number in range(12)]


def parts_in(folder, real=False, calibration=None):
    parts = (real_parts if real else fake_parts)(folder)
    return dataclasses.replace(parts, calibration=calibration or whole_calibration(modality_pairs=MODALITY_PAIRS))


@pytest.fixture
def parts(tmp_path):
    return parts_in(tmp_path)


@pytest.fixture
def client(parts, tmp_path):
    with running(parts, settings_for(tmp_path)) as client:
        index(client, *({"id": words, "text": words} for words in WORDS))
        yield client


def judge(client, n_queries=QUERIES, share=0.1):
    """Says of every item that it is no answer to most queries, each of which is a word with another one."""
    for number in range(n_queries):
        query = {"code": packed(f"{WORDS[number % 12]} other{number}").hex(), "modality": "text", "bundle_id": "fake-bundle"}
        said = [
            {"query": query, "id": words, "target": "text", "relevant": (number + place) % 12 < 12 * share}
            for place, words in enumerate(WORDS)
        ]
        assert client.post("/feedback", json={"judgements": said}).json()["n_failed"] == 0


def promised(client):
    hits = search(client, "word1", target="text", k=20)["hits"]
    return [hit["expected_precision"] for hit in hits]


def test_enough_judgements_change_what_is_promised_at_once_and_the_way_back_is_short(client):
    before = promised(client)
    judge(client)
    assert promised(client) == before
    made = client.post("/recalibrate").json()
    assert made["calibration"]["source"] == "judgements"
    told = made["directions"]["text-text"]
    assert (told["n"], told["n_queries"], told["refitted"], told["lacking"]) == (240, 20, True, None)
    assert told["base_rate"] < 0.3
    assert max(promised(client)) < min(0.3, *before)
    assert client.delete("/recalibrate").json()["calibration"] == {"source": "bundle", "made_at": None}
    assert promised(client) == before
    assert client.get("/stats").json()["judgements"]["text-text"]["n"] == 240


def test_a_least_precision_is_that_of_the_new_calibration(client):
    judge(client)
    assert search(client, "word1", target="text", min_precision=0.4)["no_match"] is False
    client.post("/recalibrate")
    assert search(client, "word1", target="text", min_precision=0.4)["no_match"] is True


def test_directions_without_judgements_stay_the_bundles(client, parts):
    judge(client)
    directions = client.post("/recalibrate").json()["directions"]
    assert {name for name, told in directions.items() if told["refitted"]} == {"text-text"}
    assert directions["text-image"]["lacking"].startswith("200 more judgements (0 of 200), 20 more queries")
    served = client.app.state.services.expectations.calibration
    assert served.curves["text", "image"] == parts.calibration.curves["text", "image"]
    assert served.measured_on["judgements"] == {"text-text": {"n": 240, "n_relevant": 40}}


def test_too_few_judgements_are_refused_in_words(client):
    is_problem(client.post("/recalibrate"), 422, "invalid-request")
    judge(client, n_queries=5)
    refused = client.post("/recalibrate")
    is_problem(refused, 422, "invalid-request")
    assert refused.json()["detail"] == (
        "too few judgements: text → text lacks 140 more judgements (60 of 200), 15 more queries (5 of 20)"
    )
    assert client.get("/readyz").json()["calibration"] == {"source": "bundle", "made_at": None}


def test_readyz_and_stats_say_which_calibration_holds_and_since_when(client):
    judge(client)
    made = client.post("/recalibrate").json()["calibration"]
    assert client.get("/readyz").json()["calibration"] == client.get("/stats").json()["calibration"] == made
    assert made["made_at"][:10] >= time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))


def test_without_a_calibration_to_begin_with_there_is_none_to_be_made(tmp_path):
    with running(fake_parts(tmp_path), settings_for(tmp_path)) as client:
        refused = client.post("/recalibrate")
        is_problem(refused, 422, "invalid-request")
        assert "python -m training calibrate" in refused.json()["detail"]
        assert client.delete("/recalibrate").json()["calibration"] is None


def test_it_is_made_of_the_bundles_own_each_time(client):
    judge(client)
    client.post("/recalibrate")
    first = promised(client)
    client.post("/recalibrate")
    assert promised(client) == first


def test_a_later_start_serves_it_and_another_bundle_does_not(tmp_path):
    with running(parts_in(tmp_path, real=True), settings_for(tmp_path)) as client:
        index(client, *({"id": words, "text": words} for words in WORDS))
        judge(client)
        client.post("/recalibrate")
        made = promised(client)
    with running(parts_in(tmp_path, real=True), settings_for(tmp_path)) as client:
        assert promised(client) == made
        assert client.get("/readyz").json()["calibration"]["source"] == "judgements"


def test_one_that_a_command_line_has_made_or_taken_back_is_noticed(client, parts):
    recalibration, call = client.app.state.services.recalibration, client.portal.call
    assert call(recalibration.look) is False
    judge(client)
    kept = recalibrated(parts.calibration, parts.catalog.judged_hits()).calibration
    parts.catalog.keep_calibration(kept.to_json(), 1_700_000_000)
    assert [call(recalibration.look) for _ in range(2)] == [True, False]
    assert client.get("/readyz").json()["calibration"] == {"source": "judgements", "made_at": "2023-11-14T22:13:20Z"}
    parts.catalog.keep_calibration(None, 1_700_000_001)
    assert call(recalibration.look) is True
    assert client.get("/readyz").json()["calibration"]["source"] == "bundle"


@pytest.mark.parametrize("content", [b"{", whole_calibration(bundle_id="another").to_json()])
def test_one_that_cannot_be_used_is_logged_and_the_bundles_own_holds(parts, tmp_path, content):
    parts.catalog.keep_calibration(content, 1)
    with logged_lines() as lines, running(parts, settings_for(tmp_path)) as client:
        assert client.get("/readyz").json()["calibration"] == {"source": "bundle", "made_at": None}
    assert "the bundle's own holds" in str([line["event"] for line in lines if line["level"] == "error"])


def test_a_catalogue_that_is_away_changes_nothing(client, parts):
    def away():
        raise CatalogError("away")

    parts.catalog.judged_hits = away
    is_problem(client.post("/recalibrate"), 503, "catalogue-unavailable")
    assert client.get("/readyz").json()["calibration"]["source"] == "bundle"


def hits(n=FEWEST_JUDGEMENTS, n_queries=FEWEST_QUERIES):
    numbers = np.arange(n)
    return JudgedHits(numbers % 20, numbers % 2 == 0, numbers % n_queries, numbers)


def test_a_direction_that_the_bundle_does_not_know_is_left_out_and_told():
    own = whole_calibration(modality_pairs=[("text", "image")])
    made = recalibrated(own, {("text", "image"): hits(), ("image", "image"): hits()})
    assert made.calibration.curves.keys() == {("text", "image")}
    assert made.used["image", "image"].lacking == "a calibration of the bundle to begin with"
    assert made.used["image", "image"].base_rate is None
    with pytest.raises(InvalidRequest, match="image → image lacks a calibration"):
        recalibrated(own, {("image", "image"): hits()})
