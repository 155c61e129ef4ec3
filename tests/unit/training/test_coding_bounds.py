"""The bounds are those of the table that was worked out by hand, of small codes that can be searched, and of each other."""

from __future__ import annotations

from itertools import combinations
from math import comb

import pytest

from training.coding_bounds import attainable_distance, distance_range, hamming_bound, plotkin_bound


@pytest.mark.parametrize(
    ("n_bits", "wanted"),
    [
        (16, [(5, 8), (4, 8), (3, 6)]),
        (32, [(11, 16), (10, 16), (9, 16)]),
        (64, [(25, 33), (23, 32), (21, 32)]),
        (128, [(54, 66), (51, 64), (49, 64)]),
    ],
)
def test_ranges_for_the_benchmarks_labels(n_bits: int, wanted: list[tuple[int, int]]) -> None:
    assert [distance_range(n_bits, n_codewords) for n_codewords in (24, 80, 255)] == wanted


@pytest.mark.parametrize(("n_codewords", "wanted"), [(18, (26, 33)), (21, (25, 33))])
def test_ranges_for_other_data_sets_at_64_bits(n_codewords: int, wanted: tuple[int, int]) -> None:
    assert distance_range(64, n_codewords) == wanted


@pytest.mark.parametrize("n_bits", [1, 8, 24, 64])
@pytest.mark.parametrize("n_codewords", [1, 2, 3, 17, 300])
def test_each_bound_is_the_last_distance_that_its_inequality_allows(n_bits: int, n_codewords: int) -> None:
    def allowed(radius: int) -> bool:
        return n_codewords * sum(comb(n_bits, t) for t in range(radius + 1)) <= 2**n_bits

    distances = range(1, n_bits + 1)
    assert attainable_distance(n_bits, n_codewords) == max([d for d in distances if allowed(d - 1)], default=0)
    assert hamming_bound(n_bits, n_codewords) == max([d for d in distances if allowed((d - 1) // 2)], default=0)
    lowest, highest = distance_range(n_bits, n_codewords)
    assert 0 <= lowest <= highest <= n_bits


@pytest.mark.parametrize("n_codewords", [2, 3, 4, 6])
def test_small_codes_lie_within_the_range(n_codewords: int) -> None:
    """Searches all sets of words of 4 bits for the largest least distance."""
    best = max(
        min((a ^ b).bit_count() for a, b in combinations(words, 2)) for words in combinations(range(16), n_codewords) if 0 in words
    )
    lowest, highest = distance_range(4, n_codewords)
    assert lowest <= best <= highest


def test_two_words_may_differ_everywhere_and_many_in_half_of_the_bits() -> None:
    assert plotkin_bound(64, 2) == 64
    assert plotkin_bound(64, 1) == 64
    assert plotkin_bound(64, 10**6) == 32


def test_more_words_than_there_are_have_no_distance() -> None:
    assert attainable_distance(4, 17) == 0
    assert hamming_bound(4, 17) == 0
    assert distance_range(4, 17) == (0, 0)
