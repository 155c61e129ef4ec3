"""What a calibration counts, on whom, and when there is too little to count."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from model.calibration import MODALITY_PAIRS
from model.codes import hamming_distances, pack_codes, sign_codes
from model.errors import DatasetError
from tests.training_fixtures import random_labels
from training.calibration import CalibrationOptions, calibrate, render_calibration, summary
from training.calibration_counts import JudgedPairs, count_pairs, expected_relevance

N_BITS = 16


def judged(seed: int, n: int, *, sure: bool = True, first: int = 0) -> JudgedPairs:
    """Returns pairs whose codes follow their labels, roughly."""
    rng = np.random.default_rng(seed)
    labels = random_labels(seed, n, 4).astype(np.float32)
    directions = np.random.default_rng(99).normal(size=(4, N_BITS))
    image, text = ((labels @ directions + rng.normal(0, 1.5, (n, N_BITS))).astype(np.float32) for _ in range(2))
    beliefs = labels if sure else (0.1 + 0.8 * labels).astype(np.float32)
    return JudgedPairs(image, text, beliefs, np.arange(first, first + n))


@pytest.mark.parametrize("sure", [True, False])
def test_expected_relevance_is_what_a_loop_over_labels_finds(sure: bool) -> None:
    queries, items = judged(1, 5, sure=sure).label_probabilities, judged(2, 7, sure=sure).label_probabilities
    slow = [[1 - np.prod([1 - p * q for p, q in zip(one, other, strict=True)]) for other in items] for one in queries]
    assert expected_relevance(queries, items) == pytest.approx(np.array(slow), abs=1e-6)


@pytest.mark.parametrize("direction", MODALITY_PAIRS)
def test_pairs_are_counted_as_a_slow_loop_counts_them(direction: tuple[str, str]) -> None:
    queries, items = judged(1, 9, sure=False), judged(2, 12, sure=False, first=4)  # pairs 4 … 8 are on both sides
    counts = count_pairs(queries, items)[direction]
    codes = [pack_codes(sign_codes(getattr(side, name))) for side, name in zip((queries, items), direction, strict=True)]
    distances = hamming_distances(*codes)
    relevance = expected_relevance(queries.label_probabilities, items.label_probabilities)
    tables, nearest = np.zeros((2, 16, N_BITS + 1)), np.full(9, N_BITS + 1)
    for q, i in product(range(9), range(12)):
        if q != i + 4:
            for cluster in (q, i + 4):
                tables[:, cluster, distances[q, i]] += (1, relevance[q, i])
            nearest[q] = min(nearest[q], distances[q, i])
    assert counts.cluster_pairs == pytest.approx(tables[0])
    assert counts.cluster_relevant == pytest.approx(tables[1], abs=1e-5)
    assert counts.n_pairs.tolist() == (tables[0].sum(axis=0) / 2).tolist()
    assert counts.n_nearest.tolist() == np.bincount(nearest, minlength=N_BITS + 1).tolist()


def test_partners_are_looked_for_across_modalities_only() -> None:
    pairs = judged(1, 30)
    counted = count_pairs(pairs, pairs, "partner")
    assert counted.keys() == {("image", "text"), ("text", "image")}
    for counts in counted.values():
        assert (counts.n_pairs.sum(), counts.n_relevant.sum()) == (900, 30)


def test_nearer_pairs_are_likelier_relevant_in_every_direction() -> None:
    found = calibrate(judged(1, 150), judged(2, 200, first=150), "fake")
    assert found.curves.keys() == set(MODALITY_PAIRS)
    for curve in found.curves.values():
        assert curve.value[2] > curve.base_rate + 0.1 > curve.base_rate > curve.value[N_BITS] + 0.05
    assert (found.kind, found.n_bits, found.bundle_id) == ("labels", N_BITS, "fake")
    assert found.measured_on == {"n_queries": 150, "n_items": 200}


def test_many_pairs_are_drawn_from_and_the_seed_decides_which() -> None:
    pairs = judged(1, 300)
    once, again, other = (calibrate(pairs, pairs, "fake", CalibrationOptions(max_queries=60, seed=seed)) for seed in (1, 1, 2))
    assert once == again != other
    assert once.measured_on["n_queries"] == 60


def test_too_few_queries_are_refused_with_the_number_that_is_needed() -> None:
    with pytest.raises(DatasetError, match=r"at least 50 pairs .* here are 49"):
        calibrate(judged(1, 49), judged(2, 200), "fake")


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_pairs_that_all_agree_are_refused(share: float) -> None:
    pairs = judged(1, 60)
    same = JudgedPairs(pairs.image, pairs.text, np.full_like(pairs.label_probabilities, share), pairs.pair_ids)
    with pytest.raises(DatasetError, match=r"image → text: \d+ relevant and \d+ irrelevant"):
        calibrate(same, same, "fake")


def test_the_table_has_a_line_a_stretch_and_says_what_was_measured_on_what() -> None:
    pairs = judged(1, 80)
    found = calibrate(pairs, pairs, "fake", CalibrationOptions(measured_on={"data": "made up"}))
    text = render_calibration(found)
    assert "Bundle fake, 16 bits; relevant: shares a label with the query. Measured on: data made up, n_queries 80" in text
    assert text.count("→") == 4
    assert f"| {sum(found.curves['image', 'text'].n_pairs)} |" not in text
    assert "image → text, base rate 0." in text


def test_the_summary_tells_radii_of_common_precisions() -> None:
    pairs = judged(1, 80)
    found = calibrate(pairs, pairs, "fake")
    told = summary(found)["directions"]["text-image"]
    assert told["max_distance"]["0.5"] == found.max_distance(0.5, "text", "image")
    assert told["base_rate"] == pytest.approx(found.curves["text", "image"].base_rate, abs=1e-6)
