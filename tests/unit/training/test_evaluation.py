"""Rankings in both directions against loops over queries and sets of labels; which queries count; what is reported."""

from __future__ import annotations

import json

import numpy as np
import pytest

from model.errors import CodeError, DatasetError
from tests.ranking_fixtures import Items, histograms, random_pairs, ranked_items
from training.evaluation import LabelledCodes, evaluate, evaluate_map, evaluate_separation, evaluate_within
from training.ranking_metrics import (
    expected_average_precision,
    expected_ndcg,
    expected_precision_at,
    precision_and_recall_within,
)

SIDES = {"i2t": ("image", "text"), "t2i": ("text", "image")}


def rankings(query: LabelledCodes, database: LabelledCodes, direction: str, *, own: bool = False) -> list[Items]:
    """Returns the items of each query to which any is relevant; ``own`` leaves out item i for query i."""
    asks, ranked = SIDES[direction]
    rows = ranked_items(getattr(query, asks), getattr(database, ranked), query.labels, database.labels)
    kept = [[item for j, item in enumerate(row) if not (own and i == j)] for i, row in enumerate(rows)]
    return [row for row in kept if any(gain for _, gain in row)]


def slow_map(query: LabelledCodes, database: LabelledCodes, direction: str, *, own: bool = False) -> float:
    """One query after the other, by the expectation over shuffles of histograms of one."""
    rows = rankings(query, database, direction, own=own)
    return float(np.mean([expected_average_precision(*histograms(items, query.image.shape[1])[:2])[0] for items in rows]))


def slow_figures(query: LabelledCodes, database: LabelledCodes, direction: str) -> dict[str, float]:
    rows = [histograms(items) for items in rankings(query, database, direction)]
    within = [everything[0, :3].sum() for everything, *_ in rows]
    return {
        "map_at_50": float(np.mean([expected_average_precision(row[0], row[1], 50)[0] for row in rows])),
        "ndcg_at_50": float(np.mean([expected_ndcg(row[0], row[2], row[3], 50)[0] for row in rows])),
        "precision_radius_2": float(np.mean([row[1][0, :3].sum() / n if n else 0 for row, n in zip(rows, within, strict=True)])),
        "empty_radius_2": float(np.mean([n == 0 for n in within])),
    }


def test_map_alone_is_that_of_the_whole_evaluation() -> None:
    query, database = random_pairs(1, 20), random_pairs(2, 30)
    alone, whole = evaluate_map(query, database), evaluate(query, database)
    assert (alone.i2t_map, alone.t2i_map, alone.chance, alone.n_query) == (
        whole.i2t_map,
        whole.t2i_map,
        whole.chance,
        whole.n_query,
    )


@pytest.mark.parametrize("n_query", [1, 70])
def test_map_is_that_of_a_loop_over_queries(n_query: int) -> None:
    query, database = random_pairs(1, n_query), random_pairs(2, 30)
    found = evaluate(query, database)
    wanted = [slow_map(query, database, direction) for direction in SIDES]
    assert [found.i2t_map, found.t2i_map] == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("direction", SIDES)
def test_figures_of_a_direction_are_those_of_a_loop_over_its_queries(direction: str) -> None:
    query, database = random_pairs(1, 30), random_pairs(2, 120)
    query.labels[4] = 0
    found = getattr(evaluate(query, database), direction)
    wanted = slow_figures(query, database, direction)
    assert {name: found.scalars()[name] for name in wanted} == pytest.approx(wanted)
    rows = [histograms(items) for items in rankings(query, database, direction)]
    curves = [precision_and_recall_within(everything, relevant) for everything, relevant, *_ in rows]
    assert found.precision == pytest.approx(np.mean([precision[0] for precision, _ in curves], axis=0))
    assert found.recall == pytest.approx(np.mean([recall[0] for _, recall in curves], axis=0))
    assert list(found.precision_at) == [1, 5, 10, 20, 50, 100]
    at_20 = [expected_precision_at(everything, relevant, 20)[0] for everything, relevant, *_ in rows]
    assert found.precision_at[20] == pytest.approx(np.mean(at_20))


@pytest.mark.parametrize("direction", SIDES)
def test_a_labels_map_ranks_its_bearers_for_queries_that_bear_it(direction: str) -> None:
    query, database = random_pairs(1, 30), random_pairs(2, 60)
    query.labels[:, 2] = 0  # nobody asks for it
    found = evaluate(query, database, label_names="abcd")
    for label, name in enumerate("abd"):
        column = np.eye(4, dtype=np.uint8)[:, [0, 1, 3][label]]
        only = [LabelledCodes(side.image, side.text, side.labels * column) for side in (query, database)]
        assert getattr(found, direction).per_label[name] == pytest.approx(slow_map(*only, direction))
    assert list(getattr(found, direction).per_label) == ["a", "b", "d"]
    assert found.label_share == pytest.approx(dict(zip("abcd", database.labels.mean(axis=0), strict=True)))


@pytest.mark.parametrize("direction", SIDES)
def test_partners_are_sought_among_the_queries_partners(direction: str) -> None:
    query = random_pairs(1, 70)
    asks, ranked = (getattr(query, side) for side in SIDES[direction])
    wanted = []
    for i in range(70):
        distances = [int((asks[i] != other).sum()) for other in ranked]
        nearer, tied = sum(d < distances[i] for d in distances), distances.count(distances[i])
        wanted.append(min(max(10 - nearer, 0) / tied, 1.0))
    assert getattr(evaluate(query, random_pairs(2, 20)), direction).recall_at_10 == pytest.approx(np.mean(wanted))


def test_ten_pairs_always_have_their_partner_among_the_first_ten() -> None:
    found = evaluate(random_pairs(1, 10), random_pairs(2, 20))
    assert (found.i2t.recall_at_10, found.t2i.recall_at_10, found.chance_recall_at_10) == (1.0, 1.0, 1.0)


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


def test_codes_that_are_all_alike_make_every_figure_its_chance() -> None:
    query, database = random_pairs(1, 40), random_pairs(2, 130)
    alike = [LabelledCodes(np.ones_like(side.image), np.ones_like(side.text), side.labels) for side in (query, database)]
    found = evaluate(*alike)
    for figures in (found.i2t, found.t2i):
        assert figures.map_at_50 == pytest.approx(found.chance_map_at_50)
        assert figures.ndcg_at_50 == pytest.approx(found.chance_ndcg_at_50)
        assert figures.recall_at_10 == pytest.approx(found.chance_recall_at_10)
        assert [*figures.precision, *figures.precision_at.values()] == pytest.approx([found.chance] * (9 + 6))
        assert (figures.precision_radius_2, figures.empty_radius_2) == (pytest.approx(found.chance), 0.0)
    assert (found.as_dict()["dissimilar_min"], found.as_dict()["dissimilar_p1"]) == (0, 0)


def test_where_everything_is_relevant_every_ranking_is_perfect() -> None:
    pairs = random_pairs(1, 20)
    labels = np.ones((20, 1), np.uint8)
    found = evaluate_within(LabelledCodes(pairs.image, pairs.text, labels))
    assert (found.i2t_map, found.t2i_map, found.chance) == pytest.approx((1.0, 1.0, 1.0))


@pytest.mark.parametrize("n", [12, 300])
def test_within_a_set_a_pair_is_not_its_own_answer(n: int) -> None:
    pairs = random_pairs(5, n)
    found = evaluate_within(pairs)
    wanted = [slow_map(pairs, pairs, direction, own=True) for direction in SIDES]
    assert [found.i2t_map, found.t2i_map] == pytest.approx(wanted, abs=1e-12)
    assert found.n_database == n - 1


def test_a_pair_that_shares_labels_only_with_itself_has_nothing_relevant() -> None:
    pairs = random_pairs(1, 3)
    found = evaluate_within(LabelledCodes(pairs.image, pairs.text, np.array([[1, 0], [1, 0], [0, 1]], np.uint8)))
    assert (found.n_query, found.n_without_relevant) == (2, 1)


def test_separation_is_the_distance_of_every_image_from_every_text_without_a_shared_label() -> None:
    pairs = random_pairs(3, 40, 16)
    rows = ranked_items(pairs.image, pairs.text, pairs.labels, pairs.labels)
    wanted = sorted(d for i, row in enumerate(rows) for j, (d, shared) in enumerate(row) if i != j and not shared)
    found = evaluate_separation(pairs)
    assert found.counts == tuple(np.bincount(wanted, minlength=17).tolist())
    assert (found.n_pairs, found.percentile(0.0), found.percentile(1.0)) == (len(wanted), wanted[0], wanted[-1])
    for share in (0.01, 0.25, 0.5, 0.9):
        assert found.percentile(share) == np.percentile(wanted, 100 * share, method="inverted_cdf")


def test_separation_of_a_ranking_task_is_that_of_both_directions() -> None:
    query, database = random_pairs(1, 20, 16), random_pairs(2, 90, 16)
    both = [(query.image, database.text), (query.text, database.image)]
    rows = [row for sides in both for row in ranked_items(*sides, query.labels, database.labels)]
    wanted = [distance for row in rows for distance, shared in row if not shared]
    found = evaluate(query, database).as_dict()
    assert found["dissimilar_min"] == min(wanted)
    assert found["dissimilar_p1"] == np.percentile(wanted, 1, method="inverted_cdf")


def test_where_every_pair_shares_a_label_there_is_no_separation() -> None:
    pairs = random_pairs(1, 5)
    pairs.labels[:, 0] = 1
    assert not {"dissimilar_min", "dissimilar_p1"} & evaluate(pairs, pairs).as_dict().keys()
    with pytest.raises(ValueError, match="every pair shares a label"):
        evaluate_separation(pairs).percentile(0.01)


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


def test_curves_are_lists_by_name() -> None:
    query, database = random_pairs(1, 10), random_pairs(2, 20)
    found = evaluate(query, database, label_names="abcd")
    curves = found.curves()
    assert json.loads(json.dumps(curves)) == curves
    assert curves.keys() == {"i2t", "t2i", "label_share"}
    for direction in SIDES:
        curve = curves[direction]
        assert curve["distance"] == list(range(9))
        assert curve["precision"][2] == found.as_dict()[f"{direction}_precision_radius_2"]
        assert curve["empty"][2] == found.as_dict()[f"{direction}_empty_radius_2"]
        assert (curve["precision"][-1], curve["recall"][-1], curve["empty"][-1]) == pytest.approx((found.chance, 1.0, 0.0))
        assert curve["precision_at"]["n"] == [1, 5, 10, 20]
        assert curve["per_label"].keys() == set("abcd")


def test_without_names_labels_have_numbers() -> None:
    assert evaluate(random_pairs(1, 10), random_pairs(2, 20)).curves()["label_share"].keys() == {"0", "1", "2", "3"}


@pytest.mark.parametrize(("n_query", "n_database"), [(0, 5), (5, 0)])
def test_without_queries_or_items_there_is_no_number(n_query: int, n_database: int) -> None:
    pairs = random_pairs(1, 5)
    sides = [LabelledCodes(pairs.image[:n], pairs.text[:n], pairs.labels[:n]) for n in (n_query, n_database)]
    with pytest.raises(DatasetError, match="nothing to evaluate"):
        evaluate(*sides)


def test_without_any_relevant_item_there_is_no_number() -> None:
    query, database = random_pairs(1, 3), random_pairs(2, 5)
    with pytest.raises(DatasetError, match="no query shares a label"):
        evaluate(LabelledCodes(query.image, query.text, np.zeros_like(query.labels)), database)


def test_codes_that_are_not_finite_are_refused() -> None:
    query, database = random_pairs(1, 3), random_pairs(2, 5)
    query.image[1, 2] = np.nan
    with pytest.raises(CodeError, match="not finite"):
        evaluate(query, database)
