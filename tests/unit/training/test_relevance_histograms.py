"""The quick counts behind mAP against the general ones, which are tested against loops over pairs."""

import numpy as np
import pytest

from model.errors import CodeError
from tests.ranking_fixtures import random_pairs
from training.evaluation import evaluate, evaluate_map
from training.ranking_histograms import LabelledCodes, ranking_histograms
from training.relevance_histograms import relevance_histograms


def assert_alike(query, database, **options):
    wanted, found = ranking_histograms(query, database, **options), relevance_histograms(query, database, **options)
    assert found.keys() == wanted.keys()
    for name, each in wanted.items():
        np.testing.assert_array_equal(found[name].everything, each.everything)
        np.testing.assert_array_equal(found[name].relevant, each.relevant)


@pytest.mark.parametrize(("n_query", "n_database"), [(1, 1), (64, 500), (65, 70), (3, 2**15 + 7)])
@pytest.mark.parametrize("n_bits", [8, 64, 128])
def test_counts_are_those_of_the_general_way_whatever_the_blocks(n_query, n_database, n_bits):
    assert_alike(random_pairs(1, n_query, n_bits), random_pairs(2, n_database, n_bits))


def test_codes_too_long_for_a_table_of_both_distances_are_counted_too():
    assert_alike(random_pairs(1, 9, 136), random_pairs(2, 40, 136))


def test_many_shared_labels_count_as_one():
    codes = np.random.default_rng(1).choice([-1.0, 1.0], (90, 128)).astype(np.float32)
    pairs = LabelledCodes(codes, -codes, np.ones((90, 700), np.uint8))
    assert_alike(pairs, pairs, exclude_own=True)
    assert (relevance_histograms(pairs, pairs, exclude_own=True)["t2i"].relevant.sum(axis=1) == 89).all()


@pytest.mark.parametrize("n", [1, 6, 130])
def test_an_own_item_is_left_out_also_where_a_pair_has_no_label(n):
    pairs = random_pairs(1, n)
    pairs.labels[::2] = 0
    assert_alike(pairs, pairs, exclude_own=True)


def test_map_alone_is_the_map_among_all_figures():
    query, database = random_pairs(1, 70), random_pairs(2, 300)
    alone, all_figures = evaluate_map(query, database), evaluate(query, database)
    assert (alone.i2t_map, alone.t2i_map, alone.chance) == (all_figures.i2t_map, all_figures.t2i_map, all_figures.chance)


def test_codes_that_are_not_finite_are_refused():
    pairs = random_pairs(1, 3)
    pairs.text[1, 2] = np.nan
    with pytest.raises(CodeError):
        relevance_histograms(pairs, pairs)
