"""Counts by distance against loops over pairs, whatever the sizes of blocks, codes and label sets."""

from __future__ import annotations

import numpy as np
import pytest

from model.codes import hamming_distances, pack_codes, sign_codes
from tests.ranking_fixtures import histograms, random_pairs, ranked_items
from tests.training_fixtures import random_labels
from training.ranking_histograms import LabelledCodes, label_histograms, partner_places, ranking_histograms


@pytest.mark.parametrize(("n_query", "n_bits", "n_labels"), [(5, 8, 1), (9, 16, 4), (7, 256, 40)])
def test_histograms_are_those_of_a_loop_over_pairs(n_query: int, n_bits: int, n_labels: int) -> None:
    query, database = random_pairs(1, n_query, n_bits, n_labels), random_pairs(2, 50, n_bits, n_labels)
    found = ranking_histograms(query, database)["t2i"]
    rows = ranked_items(query.text, database.image, query.labels, database.labels)
    for i, items in enumerate(rows):
        everything, relevant, gain, levels = histograms(items, n_bits)
        np.testing.assert_array_equal(found.everything[i], everything[0])
        np.testing.assert_array_equal(found.relevant[i], relevant[0])
        np.testing.assert_array_equal(found.gain[i], gain[0])
        np.testing.assert_array_equal(np.trim_zeros(found.levels[i], "b"), levels[0])


def test_many_levels_and_long_codes_are_counted_exactly() -> None:
    """300 labels borne by all, 301 levels times 513 distances: 27 rows make a block, and every bin is still exact."""
    codes = np.random.default_rng(1).choice([-1.0, 1.0], (90, 512)).astype(np.float32)
    pairs = LabelledCodes(codes, codes, np.ones((90, 300), np.uint8))
    found = ranking_histograms(pairs, pairs, exclude_own=True, directions=("i2t",))["i2t"]
    distances = hamming_distances(pack_codes(codes), pack_codes(codes))
    for i in range(90):
        np.testing.assert_array_equal(found.everything[i], np.bincount(np.delete(distances[i], i), minlength=513))
    assert (found.levels[:, 300] == 89).all()
    np.testing.assert_array_equal(found.gain, 300 * found.everything)


@pytest.mark.parametrize("n_query", [64, 65, 130])
def test_block_boundaries_leave_no_trace(n_query: int) -> None:
    """Of so many items 64 rows make a block; queries asked alone have none before them."""
    query, database = random_pairs(1, n_query), random_pairs(2, 18_000)
    query.labels[:, 0] = database.labels[:, 0] = 1  # a label with as many bearers
    whole, labels = ranking_histograms(query, database)["i2t"], next(label_histograms(query, database, "i2t"))
    for i in (0, 63, n_query - 1):
        one = LabelledCodes(query.image[[i]], query.text[[i]], query.labels[[i]])
        alone = ranking_histograms(one, database)["i2t"]
        np.testing.assert_array_equal(whole.everything[i], alone.everything[0])
        np.testing.assert_array_equal(whole.levels[i], np.pad(alone.levels[0], (0, 5 - alone.levels.shape[1])))
        np.testing.assert_array_equal(labels[2][i], next(label_histograms(one, database, "i2t"))[2][0])
    assert (whole.everything.sum(axis=1) == 18_000).all()
    assert labels[1].tolist() == list(range(n_query))


@pytest.mark.parametrize("n", [1, 6, 130])
def test_an_own_item_is_left_out_where_it_lies(n: int) -> None:
    pairs = random_pairs(1, n)
    whole, rest = (ranking_histograms(pairs, pairs, exclude_own=own)["i2t"] for own in (False, True))
    own = (sign_codes(pairs.image) != sign_codes(pairs.text)).sum(axis=1)
    np.testing.assert_array_equal(whole.everything - rest.everything, np.eye(9, dtype=np.int64)[own])
    np.testing.assert_array_equal(whole.relevant - rest.relevant, np.eye(9, dtype=np.int64)[own])
    np.testing.assert_array_equal((whole.gain - rest.gain).sum(axis=1), pairs.labels.sum(axis=1))


def test_one_direction_alone_is_counted_alike() -> None:
    query, database = random_pairs(1, 10), random_pairs(2, 20)
    alone = ranking_histograms(query, database, directions=("t2i",))
    assert alone.keys() == {"t2i"}
    np.testing.assert_array_equal(alone["t2i"].gain, ranking_histograms(query, database)["t2i"].gain)


@pytest.mark.parametrize("n_query", [3, 200])
def test_a_label_counts_its_bearers_only(n_query: int) -> None:
    query, database = random_pairs(1, n_query), random_pairs(2, 40)
    database.labels[:, 1] = 0  # nobody bears it
    distances = hamming_distances(pack_codes(sign_codes(query.image)), pack_codes(sign_codes(database.text)))
    found = {label: (rows, counts) for label, rows, counts in label_histograms(query, database, "i2t")}
    assert found.keys() == {label for label in (0, 2, 3) if query.labels[:, label].any()}
    for label, (rows, counts) in found.items():
        assert rows.tolist() == np.flatnonzero(query.labels[:, label]).tolist()
        for row, count in zip(rows, counts, strict=True):
            wanted = np.bincount(distances[row][database.labels[:, label] > 0], minlength=9)
            np.testing.assert_array_equal(count, wanted)


@pytest.mark.parametrize("n", [1, 9, 1500])
def test_a_partners_place_counts_nearer_and_equally_near_ones(n: int) -> None:
    pairs = LabelledCodes(random_pairs(1, n).image, random_pairs(2, n).text, random_labels(1, n))
    distances = hamming_distances(pack_codes(sign_codes(pairs.text)), pack_codes(sign_codes(pairs.image)))
    nearer, tied = partner_places(pairs, "t2i")
    np.testing.assert_array_equal(nearer, (distances < np.diag(distances)[:, None]).sum(axis=1))
    np.testing.assert_array_equal(tied, (distances == np.diag(distances)[:, None]).sum(axis=1))
