from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from model.calibration_fit import DistanceCounts, at_base_rate, effective_pairs, falling_blocks, fit_curve

N_BITS = 8
Pair = tuple[int, int, int, bool]  # query, item, distance, relevant


def counts_of(pairs: list[Pair]) -> DistanceCounts:
    """Counts one pair after another; queries and items are different things."""
    n_queries, n_items = (1 + max(pair[side] for pair in pairs) for side in (0, 1))
    tables = np.zeros((2, n_queries + n_items, N_BITS + 1))
    nearest: dict[int, int] = {}
    for query, item, distance, relevant in pairs:
        for cluster in (query, n_queries + item):
            tables[:, cluster, distance] += (1, relevant)
        nearest[query] = min(distance, nearest.get(query, distance))
    totals = tables.sum(axis=1) / 2
    n_nearest = np.bincount(list(nearest.values()), minlength=N_BITS + 1)
    return DistanceCounts(totals[0], totals[1], tables[0], tables[1], n_nearest)


def random_pairs(seed: int, n_queries: int = 30, n_items: int = 40) -> list[Pair]:
    """Relevance falls with distance, and some queries find more than others."""
    rng = np.random.default_rng(seed)
    luck = rng.normal(0, 0.2, n_queries)
    found = []
    for query, item in product(range(n_queries), range(n_items)):
        distance = int(rng.integers(1, N_BITS))
        found.append((query, item, distance, bool(rng.random() < np.clip(0.9 - 0.1 * distance + luck[query], 0, 1))))
    return found


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 100)), min_size=1, max_size=30))
def test_pooling_is_isotonic_regression(points: list[tuple[float, float]]) -> None:
    values, weights = np.array(points).T
    fitted = np.empty(len(values))
    for block in falling_blocks(values, weights):
        fitted[block] = np.average(values[block], weights=weights[block])
    theirs = IsotonicRegression(increasing=False).fit_transform(np.arange(len(values)), values, sample_weight=weights)
    assert fitted == pytest.approx(theirs, abs=1e-9)


def test_the_variance_is_the_sum_over_pairs_that_share_a_query_or_an_item() -> None:
    pairs = random_pairs(1, 7, 9)
    chosen = [2, 3, 4]
    counts, within = counts_of(pairs), [pair for pair in pairs if pair[2] in chosen]
    share = np.mean([relevant for *_, relevant in within])
    products = [
        (one[3] - share) * (other[3] - share)
        for one, other in product(within, within)
        if one[0] == other[0] or one[1] == other[1]  # a pair shares both with itself, and is counted once
    ]
    expected = share * (1 - share) / (sum(products) / len(within) ** 2)
    sizes = counts.cluster_pairs[:, chosen].sum(axis=1)
    most = min(len(within), sizes.sum() ** 2 / (sizes**2).sum())
    assert effective_pairs(counts, chosen) == pytest.approx(np.clip(expected, 1, most))


def test_pairs_of_one_query_tell_less_than_as_many_of_many() -> None:
    shared = counts_of([(query, item, 0, query % 2 == 0) for query in range(10) for item in range(query * 20, query * 20 + 20)])
    apart = counts_of([(query, query, 0, query % 2 == 0) for query in range(200)])
    assert effective_pairs(shared, [0]) == pytest.approx(10, rel=0.1)
    assert effective_pairs(apart, [0]) == pytest.approx(200, rel=0.1)


def test_where_all_pairs_agree_clusters_count_not_pairs() -> None:
    assert effective_pairs(counts_of([(0, item, 0, True) for item in range(50)]), [0]) < 5


def test_one_item_that_is_near_to_everybody_makes_no_promise() -> None:
    hub = [(query, 0, 0, query % 4 > 0) for query in range(100)]
    others = [(query, 1 + item, 5, (query + item) % 5 == 0) for query in range(100) for item in range(20)]
    curve = fit_curve(counts_of([*hub, *others]))
    assert effective_pairs(counts_of(hub), [0]) < 10
    assert curve.value[0] == curve.value[5] < 0.3


def test_value_and_ends_never_rise_and_the_value_lies_between_the_ends() -> None:
    for seed in range(20):
        curve = fit_curve(counts_of(random_pairs(seed, 5, 9)))
        for numbers in (curve.value, curve.low, curve.high):
            assert all(later <= earlier for earlier, later in pairwise(numbers))
            assert 0 <= min(numbers) <= max(numbers) <= 1
        ends = zip(curve.low, curve.value, curve.high, strict=True)
        assert all(low - 1e-12 <= value <= high + 1e-12 for low, value, high in ends)


def test_distances_nobody_saw_take_the_next_farther_value_with_open_ends() -> None:
    few = [(query, query, distance, query % 5 < 4) for query in range(40) for distance in (2, 5)]
    curve = fit_curve(counts_of(few))
    assert len(set(curve.value)) == 1
    assert curve.high[:2] == (1.0, 1.0)
    assert curve.high[2] < 1
    assert curve.low[6:] == (0.0, 0.0, 0.0)
    assert curve.low[5] > 0


def test_a_gap_takes_the_farther_neighbours_value() -> None:
    curve = fit_curve(counts_of([(query, query, 2 if query % 2 else 6, query % 2 == 1) for query in range(100)]))
    assert curve.value[2] > 0.9
    assert curve.value[3] == curve.value[6] < 0.1


def test_three_lucky_pairs_make_no_promise() -> None:
    lucky = [(query, query, 0, True) for query in range(3)]
    curve = fit_curve(counts_of([*lucky, *[(query, query, 1, query % 10 < 9) for query in range(3, 203)]]))
    assert curve.value[0] == curve.value[1] < 0.91
    many = fit_curve(counts_of([(query, query, query % 2, query % 2 == 0 or query % 4 == 1) for query in range(203)]))
    assert many.value[0] > 0.98 > 0.6 > many.value[1]


def test_too_few_pairs_at_the_far_end_join_the_nearer_ones() -> None:
    curve = fit_curve(counts_of([(query, query, 1 if query < 100 else 7, query % 2 == 0 and query < 100) for query in range(104)]))
    assert curve.value[1] == curve.value[7]


def test_the_interval_covers_the_truth_where_queries_differ() -> None:
    """The naive one, of independent pairs, would cover in a fifth of the cases."""
    covered = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        luck = rng.beta(2, 2, 40)  # each query's own precision; their mean is 0.5
        counts = counts_of([(query, 30 * query + i, 3, bool(rng.random() < luck[query])) for query in range(40) for i in range(30)])
        estimate = fit_curve(counts).at(3)
        covered.append(estimate.low <= 0.5 <= estimate.high)
    assert np.mean(covered) >= 0.9


def test_half_sure_pairs_count_as_half() -> None:
    counts = counts_of([(query, query, 0, True) for query in range(200)])
    halved = DistanceCounts(
        counts.n_pairs, counts.n_relevant / 2, counts.cluster_pairs, counts.cluster_relevant / 2, counts.n_nearest
    )
    assert fit_curve(halved).value[0] == pytest.approx(0.5)


def test_a_better_known_base_rate_weighs_relevant_and_irrelevant_pairs() -> None:
    counts = counts_of(random_pairs(3))
    curve, moved = fit_curve(counts), fit_curve(counts, 0.2)
    assert (moved.base_rate, moved.n_pairs, moved.n_relevant) == (pytest.approx(0.2), curve.n_pairs, curve.n_relevant)
    assert moved.value == pytest.approx(curve.at_base_rate(0.2).value, abs=0.03)  # but for smoothing and for what is pooled
    weighed = at_base_rate(counts, 0.2)
    assert weighed.n_pairs.sum() == pytest.approx(counts.n_pairs.sum())
    assert weighed.cluster_pairs.sum() == pytest.approx(2 * counts.n_pairs.sum())
