"""Closed forms for ties against every order of tied items, against shuffles, and against another library where nothing is tied."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.retrieval import (
    retrieval_average_precision,
    retrieval_hit_rate,
    retrieval_normalized_dcg,
    retrieval_precision,
)

from tests.ranking_fixtures import Items, average_over_all_orders, average_over_shuffles, histograms
from training.ranking_metrics import (
    expected_average_precision,
    expected_ndcg,
    expected_partner_recall,
    expected_precision_at,
    precision_and_recall_within,
)

ITEMS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=5)
RANKINGS = ITEMS.filter(lambda items: any(gain for _, gain in items))
PLACES = st.integers(1, 7)


def closed_forms(items: Items, k: int, *, n_bits: int = 8, farther: int = 0) -> dict[str, float]:
    everything, relevant, gain, levels = histograms([(distance + farther, gain) for distance, gain in items], n_bits)
    return {
        "ap": expected_average_precision(everything, relevant, k)[0],
        "ndcg": expected_ndcg(everything, gain, levels, k)[0],
        "precision": expected_precision_at(everything, relevant, k)[0],
    }


@given(items=RANKINGS, k=PLACES)
def test_closed_forms_are_averages_over_all_orders_of_tied_items(items: Items, k: int) -> None:
    assert closed_forms(items, k) == pytest.approx(average_over_all_orders(items, k), abs=1e-12)


@given(items=RANKINGS)
def test_average_precision_of_all_places_is_that_of_as_many_as_there_are(items: Items) -> None:
    everything, relevant, *_ = histograms(items)
    found = expected_average_precision(everything, relevant)[0]
    assert found == pytest.approx(average_over_all_orders(items, len(items))["ap"], abs=1e-12)
    assert found == pytest.approx(expected_average_precision(everything, relevant, len(items) + 3)[0], abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_closed_forms_are_averages_over_shuffles(seed: int) -> None:
    """300 items at 9 distances, cut within a group; the means of 2,000 shuffles have standard errors below .002."""
    rng = np.random.default_rng(seed)
    gains = rng.integers(1, 4, 300) * (rng.random(300) < 0.2)
    items = list(zip(rng.binomial(8, 0.5, 300).tolist(), gains.tolist(), strict=True))
    assert closed_forms(items, 50) == pytest.approx(average_over_shuffles(items, 50, rng, 2000), abs=0.006)
    everything, relevant, *_ = histograms(items)
    wanted = average_over_shuffles(items, 300, rng, 1000)["ap"]
    assert expected_average_precision(everything, relevant)[0] == pytest.approx(wanted, abs=0.003)


@pytest.mark.parametrize("seed", range(5))
def test_without_ties_they_are_what_torchmetrics_gives(seed: int) -> None:
    """Its AP of the first k is divided by the relevant items found there; ours by those that could be, min(k, all)."""
    rng, k = np.random.default_rng(seed), 50
    distances, gains = rng.permutation(201)[:200], rng.integers(1, 4, 200) * (rng.random(200) < 0.3)
    items = list(zip(distances.tolist(), gains.tolist(), strict=True))
    scores, target = torch.from_numpy(1.0 / (1 + distances)), torch.from_numpy(gains > 0)
    n_found = (gains[np.argsort(distances)][:k] > 0).sum()
    wanted = {
        "ap": retrieval_average_precision(scores, target, top_k=k).item() * n_found / min(k, (gains > 0).sum()),
        "ndcg": retrieval_normalized_dcg(scores, torch.from_numpy(gains), top_k=k).item(),
        "precision": retrieval_precision(scores, target, top_k=k).item(),
    }
    assert closed_forms(items, k, n_bits=200) == pytest.approx(wanted, abs=1e-6)
    everything, relevant, *_ = histograms(items, 200)
    assert expected_average_precision(everything, relevant)[0] == pytest.approx(
        retrieval_average_precision(scores, target).item(), abs=1e-6
    )


def test_with_ties_ndcg_is_what_torchmetrics_gives() -> None:
    rng = np.random.default_rng(1)
    distances, gains = rng.integers(0, 9, 80), rng.integers(0, 4, 80)
    wanted = retrieval_normalized_dcg(torch.from_numpy(1.0 / (1 + distances)), torch.from_numpy(gains), top_k=50).item()
    assert closed_forms(list(zip(distances, gains, strict=True)), 50)["ndcg"] == pytest.approx(wanted, abs=1e-6)


@given(items=RANKINGS, k=PLACES, farther=st.integers(1, 4))
def test_they_lie_between_0_and_1_and_a_distance_added_to_all_changes_nothing(items: Items, k: int, farther: int) -> None:
    found = closed_forms(items, k)
    assert all(-1e-12 <= value <= 1 + 1e-12 for value in found.values())
    assert closed_forms(items, k, farther=farther) == pytest.approx(found, abs=1e-12)


@given(items=RANKINGS, k=PLACES)
def test_a_ranking_by_gain_is_perfect(items: Items, k: int) -> None:
    found = closed_forms([(2 - gain, gain) for _, gain in items], k)
    assert (found["ap"], found["ndcg"]) == pytest.approx((1.0, 1.0))


@given(items=RANKINGS, k=PLACES)
def test_at_one_distance_precision_is_the_share_of_relevant_items(items: Items, k: int) -> None:
    share = np.mean([gain > 0 for _, gain in items])
    assert closed_forms([(3, gain) for _, gain in items], k)["precision"] == pytest.approx(share)


def test_rows_do_not_meet() -> None:
    several = [[(0, 1), (0, 0), (2, 2)], [(1, 0), (2, 1), (2, 1), (3, 0), (3, 2)], [(8, 1)]]
    rows = [histograms(items) for items in several]
    everything, relevant, gain = (np.concatenate([row[i] for row in rows]) for i in range(3))
    levels = np.concatenate([np.pad(row[3], ((0, 0), (0, 3 - row[3].shape[1]))) for row in rows])
    wanted = [closed_forms(items, 2) for items in several]
    assert expected_average_precision(everything, relevant, 2) == pytest.approx([one["ap"] for one in wanted])
    assert expected_ndcg(everything, gain, levels, 2) == pytest.approx([one["ndcg"] for one in wanted])
    assert expected_precision_at(everything, relevant, 2) == pytest.approx([one["precision"] for one in wanted])


@given(items=RANKINGS)
def test_precision_and_recall_count_what_lies_within_each_distance(items: Items) -> None:
    everything, relevant, *_ = histograms(items)
    precision, recall = precision_and_recall_within(everything, relevant)
    for distance in range(9):
        within = [gain > 0 for d, gain in items if d <= distance]
        assert precision[0, distance] == pytest.approx(np.mean(within) if within else 0.0)
        assert recall[0, distance] == pytest.approx(sum(within) / sum(gain > 0 for _, gain in items))


@given(distances=st.lists(st.integers(0, 3), min_size=1, max_size=5), k=PLACES)
def test_partner_recall_is_the_share_of_orders_that_have_the_partner_among_the_first(distances: list[int], k: int) -> None:
    """The first item is the partner."""
    orders = [sorted(order, key=lambda i: distances[i]) for order in permutations(range(len(distances)))]
    nearer, tied = sum(d < distances[0] for d in distances), distances.count(distances[0])
    found = expected_partner_recall(np.array([nearer]), np.array([tied]), k)
    assert found == pytest.approx(np.mean([0 in order[:k] for order in orders]))


@pytest.mark.parametrize("place", [1, 10, 11, 40])
def test_without_ties_partner_recall_is_what_torchmetrics_calls_a_hit(place: int) -> None:
    target = torch.arange(40) == place - 1
    wanted = retrieval_hit_rate(torch.linspace(1, 0.1, 40), target, top_k=10).item()
    assert expected_partner_recall(np.array([place - 1]), np.array([1]), 10)[0] == wanted
