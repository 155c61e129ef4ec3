"""The health of the indexed codes and the drift of distances, over HTTP."""

from dataclasses import replace

import numpy as np
import pytest

from app import code_stats_schemas
from tests.builders import N_BITS, index, is_problem, picture, real_parts, running, search, settings_for, whole_calibration
from tests.unit.app.test_metrics import samples as metrics


def coded(seed, n=100):
    """Returns many searches by random codes that count as texts."""
    codes = np.random.default_rng(seed).integers(0, 256, (n, N_BITS // 8), dtype=np.uint8)
    return {"queries": [{"code": code.tobytes().hex(), "modality": "text", "target": "text", "k": 1} for code in codes]}


@pytest.fixture
def drifting(tmp_path):
    """A service whose distances are those of random codes, and are all alike often in its calibration."""
    parts = replace(real_parts(tmp_path), calibration=whole_calibration(modality_pairs=[("text", "text")]))
    with running(parts, settings_for(tmp_path)) as client:
        index(client, *({"id": str(n), "text": f"word{n}"} for n in range(300)))
        client.get("/stats/codes")  # has items drawn
        yield client


def test_the_codes_of_both_modalities_are_measured(client):
    words = [f"{colour} {thing}" for colour in ("red", "blue", "green") for thing in ("cat", "dog")]
    items = [{"id": each, "text": each, "image": each} for each in words]
    index(client, *items, {"id": "again", "text": words[0]}, pictures={each: picture(each) for each in words})
    found = client.get("/stats/codes").json()
    text = found["codes"]["text"]
    assert (text["n_indexed"], text["n_sampled"], text["health"]["n_distinct"]) == (7, 7, 6)
    assert text["health"]["share_equal"] == pytest.approx(2 / 7)
    assert [bucket["n_codes"] for bucket in text["health"]["largest_buckets"]] == [2]
    assert (found["distances"]["image-image"]["n_pairs"], found["distances"]["image-text"]["n_pairs"]) == (15, 42)
    assert 0 < found["modality_gap"] < 2
    assert found["age_s"] >= 0


def test_the_code_of_a_bucket_finds_its_items(client):
    index(client, *({"id": str(n), "text": "red cat"} for n in range(3)), {"id": "other", "text": "green boat at sea"})
    (bucket,) = client.get("/stats/codes").json()["codes"]["text"]["health"]["largest_buckets"]
    hits = client.post("/search/code", json={"code": bucket["code"], "target": "text", "max_distance": 0}).json()["hits"]
    assert [hit["id"] for hit in hits] == ["0", "1", "2"]


def test_an_empty_index_has_no_health(client):
    found = client.get("/stats/codes").json()
    assert found["codes"] == {one: {"n_indexed": 0, "n_sampled": 0, "health": None} for one in ("image", "text")}
    assert (found["modality_gap"], found["alarms"]) == (None, [])
    assert found["distances"]["image-text"] == {"n_pairs": 0, "mean": None, "by_distance": [0] * 65}


def test_equal_codes_are_told_in_words(client):
    for start in range(0, 120, 40):
        index(client, *({"id": str(n), "text": "the same"} for n in range(start, start + 40)))
    alarms = client.get("/stats/codes").json()["alarms"]
    assert "texts: 0 of 64 bits carry information (64 hardly ever change)" in alarms
    assert any("100% of the codes are one and the same" in alarm for alarm in alarms)


def test_a_service_that_is_too_busy_to_measure_says_so(parts, tmp_path):
    with running(parts, settings_for(tmp_path, search_threads=1, max_waiting=0)) as client:
        client.app.state.services.read_pool.close()
        is_problem(client.get("/stats/codes"), 503, "overloaded")


def test_the_example_is_what_it_says():
    read = code_stats_schemas.CodeStatsOut.model_validate(code_stats_schemas.CODE_STATS)
    assert read.model_dump(mode="json", exclude_unset=True) == code_stats_schemas.CODE_STATS


def test_drift_is_told_by_direction_in_stats_and_metrics(drifting):
    before = drifting.get("/stats").json()["drift"]["text-text"]
    assert (before["n_pairs"], before["total_variation"], before["is_drifting"]) == (0, None, False)
    for seed in range(6):
        assert drifting.post("/search/many", json=coded(seed)).json()["n_failed"] == 0
    told = drifting.get("/stats").json()["drift"]["text-text"]
    assert (told["n_pairs"], told["is_drifting"]) == (600, True)
    assert told["total_variation"] > told["threshold"]
    assert "recalibrate" in told["words"]
    direction = (("query", "text"), ("target", "text"))
    found = metrics(drifting)
    assert found["bitlens_drift_pairs", *direction] == 600
    assert found["bitlens_drift", *direction] == pytest.approx(told["total_variation"])
    assert found["bitlens_drifting", *direction] == 1


def test_pages_known_queries_and_codes_of_nothing_known_are_left_out(drifting):
    page = search(drifting, "a new query", target="text", k=1)
    search(drifting, "a new query", target="text", k=1)
    search(drifting, "a new query", target="text", k=1, cursor=page["next_cursor"])
    for modality in (None, "image"):
        drifting.post("/search/code", json={"code": "00" * 8, "modality": modality, "target": "text"})
    assert drifting.get("/stats").json()["drift"]["text-text"]["n_pairs"] == 1


def test_without_a_calibration_nothing_drifts(client):
    assert client.get("/stats").json()["drift"] == {}
