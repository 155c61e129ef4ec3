"""What distances mean, told over HTTP as a whole."""

from dataclasses import replace

import pytest

from tests.builders import N_BITS, fake_parts, index, running, search, settings_for, whole_calibration


def test_the_served_calibration_is_told_by_distance_and_direction(tmp_path):
    calibration = replace(whole_calibration(), measured_on={"data": "squares", "n_queries": 9})
    with running(replace(fake_parts(tmp_path), calibration=calibration), settings_for(tmp_path)) as client:
        told = client.get("/stats/calibration").json()
        index(client, {"id": "one", "text": "red cat"})
        (hit,) = search(client, "red dog", target="text")["hits"]
    assert (told["served"], told["kind"], told["n_bits"]) == ({"source": "bundle", "made_at": None}, "labels", N_BITS)
    assert told["measured_on"] == {"data": "squares", "n_queries": 9}
    assert set(told["curves"]) == {"image-text", "text-image", "image-image", "text-text"}
    curve = told["curves"]["text-text"]
    assert curve["expected_precision"][hit["distance"]] == hit["expected_precision"]
    assert [curve["low"][hit["distance"]], curve["high"][hit["distance"]]] == pytest.approx(hit["precision_interval"])
    assert (curve["base_rate"], curve["n_pairs"]) == (0.5, 10 * (N_BITS + 1))


def test_without_a_calibration_there_is_nothing_to_tell(tmp_path):
    with running(fake_parts(tmp_path), settings_for(tmp_path)) as client:
        told = client.get("/stats/calibration").json()
    assert told == {"served": None, "kind": None, "n_bits": N_BITS, "measured_on": {}, "curves": {}}
