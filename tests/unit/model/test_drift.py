from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model.calibration import DistanceCurve
from model.drift import measure_drift
from tests.builders import small_calibration

CURVE = small_calibration().curves["image", "text"]


def curve_of(*n_pairs: int) -> DistanceCurve:
    return replace(CURVE, n_pairs=n_pairs)


def test_the_same_distances_do_not_drift_however_many_there_are() -> None:
    found = measure_drift([3] * 9, CURVE)
    assert (found.n_pairs, found.total_variation, found.shift) == (27, 0, 0)
    assert not found.is_drifting
    assert found.words("image", "text") == ""


def test_total_variation_is_half_of_what_differs() -> None:
    found = measure_drift([0, 0, 4, 4, 0, 0, 0, 0, 0], curve_of(0, 0, 0, 10, 10, 0, 0, 0, 0))
    assert found.total_variation == pytest.approx(0.5)
    assert found.shift == pytest.approx(-1)


def test_what_chance_makes_of_few_pairs_is_about_what_is_expected() -> None:
    rng, shares = np.random.default_rng(0), np.full(9, 1 / 9)
    drawn = [measure_drift(rng.multinomial(200, shares).tolist(), CURVE) for _ in range(300)]
    assert np.mean([each.total_variation for each in drawn]) == pytest.approx(drawn[0].by_chance, rel=0.1)
    assert not any(each.is_drifting for each in drawn)


def test_a_shift_is_told_in_words() -> None:
    found = measure_drift([0] * 7 + [500, 500], CURVE)
    assert found.is_drifting
    assert found.words("image", "text").startswith(
        "image → text: 78% of the distances lie elsewhere than when calibrated, 3.5 bits farther"
    )


def test_few_pairs_far_off_by_chance_are_not_told() -> None:
    assert not measure_drift([1, 0, 0, 0, 0, 0, 0, 0, 1], CURVE).is_drifting


@pytest.mark.parametrize("live", [[0] * 9, [1] * 8])
def test_no_pairs_or_another_length_are_refused(live: list[int]) -> None:
    with pytest.raises(ValueError, match="expected 9 distances"):
        measure_drift(live, CURVE)
