"""mAP with ties against every order of tied items, against shuffles, and against another library where nothing is tied."""

from __future__ import annotations

import json
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.retrieval import RetrievalMAP

from model.codes import hamming_distances, pack_codes, sign_codes
from model.errors import CodeError, DatasetError
from tests.training_fixtures import random_labels
from training.evaluation import LabelledCodes, evaluate, evaluate_within
from training.ranking_histograms import ranking_histograms
from training.ranking_metrics import expected_average_precision

RANKINGS = st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=6)


def average_precision(ranked: list[bool]) -> float:
    found = [sum(ranked[: place + 1]) / (place + 1) for place, relevant in enumerate(ranked) if relevant]
    return sum(found) / len(found)


def average_over_all_orders(items: list[tuple[int, bool]]) -> float:
    """Sorts every permutation by distance, which keeps each order of tied items equally often."""
    rankings = [sorted(order, key=lambda item: item[0]) for order in permutations(items)]
    return float(np.mean([average_precision([relevant for _, relevant in ranking]) for ranking in rankings]))


def average_over_shuffles(distances: np.ndarray, relevant: np.ndarray, rng: np.random.Generator, n: int) -> float:
    found = []
    for _ in range(n):
        order = rng.permutation(len(distances))
        ranked = relevant[order][np.argsort(distances[order], kind="stable")]
        precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
        found.append(precision[ranked].mean())
    return float(np.mean(found))


def histograms(items: list[tuple[int, bool]], n_bits: int = 8) -> tuple[np.ndarray, np.ndarray]:
    distances, relevant = np.array([d for d, _ in items]), np.array([r for _, r in items])
    return np.bincount(distances, minlength=n_bits + 1)[None], np.bincount(distances[relevant], minlength=n_bits + 1)[None]


def random_pairs(seed: int, n: int, n_bits: int = 8, n_labels: int = 4) -> LabelledCodes:
    rng = np.random.default_rng(seed)
    image, text = (rng.choice([-1.0, 1.0], (n, n_bits)).astype(np.float32) for _ in range(2))
    return LabelledCodes(image, text, random_labels(seed, n, n_labels))


def slow_map(
    queries: np.ndarray, targets: np.ndarray, query_labels: np.ndarray, labels: np.ndarray, *, own: bool = False
) -> list[float]:
    """One query after the other, from counted bits and sets of labels, by the expectation over shuffles of histograms of one."""
    found = []
    for i, row in enumerate(hamming_distances(pack_codes(sign_codes(queries)), pack_codes(sign_codes(targets)))):
        kept = [j for j in range(len(targets)) if not (own and i == j)]
        relevant = [bool(set(np.flatnonzero(query_labels[i])) & set(np.flatnonzero(labels[j]))) for j in kept]
        if any(relevant):
            items = [(int(row[j]), r) for j, r in zip(kept, relevant, strict=True)]
            found.append(float(expected_average_precision(*histograms(items, queries.shape[1]))[0]))
    return found


@given(items=RANKINGS.filter(lambda items: any(relevant for _, relevant in items)))
def test_closed_form_is_the_average_over_all_orders_of_tied_items(items: list[tuple[int, bool]]) -> None:
    assert expected_average_precision(*histograms(items))[0] == pytest.approx(average_over_all_orders(items), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_closed_form_is_the_average_over_shuffles(seed: int) -> None:
    """300 items at 9 distances; the mean of 2,000 shuffles has a standard error below .0005, so .002 is four of them."""
    rng = np.random.default_rng(seed)
    distances, relevant = rng.binomial(8, 0.5, 300), rng.random(300) < 0.2
    items = list(zip(distances.tolist(), relevant.tolist(), strict=True))
    found = expected_average_precision(*histograms(items))[0]
    assert found == pytest.approx(average_over_shuffles(distances, relevant, rng, 2000), abs=0.002)


def test_without_ties_it_is_what_torchmetrics_gives() -> None:
    n_bits, rng = 512, np.random.default_rng(3)
    database = rng.choice([-1.0, 1.0], (12, n_bits)).astype(np.float32)
    queries = rng.choice([-1.0, 1.0], (400, n_bits)).astype(np.float32)
    distances = hamming_distances(pack_codes(queries), pack_codes(database))
    untied = np.array([len(set(row)) == len(row) for row in distances.tolist()])
    queries, distances = queries[untied], distances[untied]
    query_labels, labels = random_labels(1, len(queries), 4), random_labels(2, 12, 4)
    relevant = query_labels.astype(int) @ labels.T.astype(int) > 0
    metric = RetrievalMAP(empty_target_action="skip")
    index = torch.arange(len(queries))[:, None].expand(-1, 12)
    wanted = metric(torch.from_numpy(1.0 / (1 + distances)), torch.from_numpy(relevant), indexes=index).item()
    found = evaluate(LabelledCodes(queries, queries, query_labels), LabelledCodes(database, database, labels))
    assert len(queries) > 20
    assert (found.i2t_map, found.t2i_map) == pytest.approx((wanted, wanted), abs=1e-6)


@pytest.mark.parametrize("n_query", [1, 255, 256, 257, 600])
def test_block_boundaries_leave_no_trace(n_query: int) -> None:
    query, database = random_pairs(1, n_query), random_pairs(2, 30)
    found = evaluate(query, database)
    i2t = slow_map(query.image, database.text, query.labels, database.labels)
    t2i = slow_map(query.text, database.image, query.labels, database.labels)
    assert (found.i2t_map, found.t2i_map) == pytest.approx((np.mean(i2t), np.mean(t2i)), abs=1e-12)


def test_histograms_count_every_item_once() -> None:
    query, database = random_pairs(1, 300), random_pairs(2, 30)
    found = ranking_histograms(query, database)["i2t"]
    assert (found.everything.sum(axis=1) == 30).all()
    assert (found.relevant <= found.everything).all()
    np.testing.assert_array_equal(found.relevant.sum(axis=1), (query.labels.astype(int) @ database.labels.T > 0).sum(axis=1))


def test_directions_are_not_mixed_up() -> None:
    """Images find their texts at once; texts find images of the other kind first."""
    a, b = np.ones((1, 8), np.float32), -np.ones((1, 8), np.float32)
    labels = np.eye(2, dtype=np.uint8)
    query = LabelledCodes(image=np.concatenate([a, b]), text=np.concatenate([b, a]), labels=labels)
    database = LabelledCodes(image=np.concatenate([a, b]), text=np.concatenate([a, b]), labels=labels)
    found = evaluate(query, database)
    assert (found.i2t_map, found.t2i_map, found.mean_map) == (1.0, 0.5, 0.75)


def test_a_query_with_nothing_relevant_is_left_out_and_counted() -> None:
    database = random_pairs(2, 20)
    query = random_pairs(1, 10)
    lonely = LabelledCodes(query.image, query.text, query.labels.copy())
    lonely.labels[3] = 0
    found = evaluate(lonely, database)
    rest = [i for i in range(10) if i != 3]
    wanted = evaluate(LabelledCodes(query.image[rest], query.text[rest], query.labels[rest]), database)
    assert (found.n_query, found.n_without_relevant) == (9, 1)
    assert (found.i2t_map, found.t2i_map, found.chance) == (wanted.i2t_map, wanted.t2i_map, wanted.chance)


def test_chance_is_the_mean_share_of_relevant_items_and_what_random_codes_come_to() -> None:
    query, database = random_pairs(1, 300, 16), random_pairs(2, 400, 16)
    found = evaluate(query, database)
    assert found.chance == pytest.approx((query.labels.astype(int) @ database.labels.T > 0).mean())
    assert found.mean_map == pytest.approx(found.chance, abs=0.01)


def test_codes_that_are_all_alike_come_to_a_random_order() -> None:
    """One group of n items with r relevant ones: the mean of i/n-th precisions, (r − 1)/(n − 1) + (n − r)/(n − 1) · H_n/n."""
    n, r = 10, 4
    same = np.ones((n, 8), np.float32)
    labels = (np.arange(n) < r).astype(np.uint8)[:, None]
    found = evaluate(LabelledCodes(same[:1], same[:1], labels[:1]), LabelledCodes(same, same, labels))
    harmonic = sum(1 / i for i in range(1, n + 1))
    assert found.i2t_map == pytest.approx((r - 1) / (n - 1) + (n - r) / (n - 1) * harmonic / n)


def test_where_everything_is_relevant_every_ranking_is_perfect() -> None:
    pairs = random_pairs(1, 20)
    labels = np.ones((20, 1), np.uint8)
    found = evaluate_within(LabelledCodes(pairs.image, pairs.text, labels))
    assert (found.i2t_map, found.t2i_map, found.chance) == pytest.approx((1.0, 1.0, 1.0))


@pytest.mark.parametrize("n", [12, 300])
def test_within_a_set_a_pair_is_not_its_own_answer(n: int) -> None:
    pairs = random_pairs(5, n)
    found = evaluate_within(pairs)
    i2t = slow_map(pairs.image, pairs.text, pairs.labels, pairs.labels, own=True)
    t2i = slow_map(pairs.text, pairs.image, pairs.labels, pairs.labels, own=True)
    assert (found.i2t_map, found.t2i_map) == pytest.approx((np.mean(i2t), np.mean(t2i)), abs=1e-12)
    assert found.n_database == n - 1


def test_a_pair_that_shares_labels_only_with_itself_has_nothing_relevant() -> None:
    pairs = random_pairs(1, 3)
    found = evaluate_within(LabelledCodes(pairs.image, pairs.text, np.array([[1, 0], [1, 0], [0, 1]], np.uint8)))
    assert (found.n_query, found.n_without_relevant) == (2, 1)


def test_relaxed_codes_count_by_their_signs_alone() -> None:
    query, database = random_pairs(1, 10), random_pairs(2, 20)
    scales = np.random.default_rng(1).uniform(0.01, 1, (10, 8)).astype(np.float32)
    relaxed = LabelledCodes(query.image * scales, query.text * scales, query.labels)
    assert evaluate(relaxed, database) == evaluate(query, database)


def test_figures_are_plain_numbers_by_name() -> None:
    facts = evaluate(random_pairs(1, 10), random_pairs(2, 20)).as_dict()
    wanted = {"i2t_map", "t2i_map", "mean_map", "chance", "n_query", "n_without_relevant", "n_database", "n_bits"}
    measures = ("map_at_50", "ndcg_at_50", "precision_radius_2", "empty_radius_2", "recall_at_10")
    wanted |= {f"{direction}_{measure}" for direction in ("i2t", "t2i") for measure in measures}
    wanted |= {"chance_map_at_50", "chance_ndcg_at_50", "chance_recall_at_10", "dissimilar_min", "dissimilar_p1"}
    assert facts.keys() == wanted
    assert (facts["n_query"], facts["n_database"], facts["n_bits"]) == (10, 20, 8)
    assert json.loads(json.dumps(facts)) == facts


def test_without_any_relevant_item_there_is_no_number() -> None:
    query, database = random_pairs(1, 3), random_pairs(2, 5)
    with pytest.raises(DatasetError, match="no query shares a label"):
        evaluate(LabelledCodes(query.image, query.text, np.zeros_like(query.labels)), database)


def test_codes_that_are_not_finite_are_refused() -> None:
    query, database = random_pairs(1, 3), random_pairs(2, 5)
    query.image[1, 2] = np.nan
    with pytest.raises(CodeError, match="not finite"):
        evaluate(query, database)
