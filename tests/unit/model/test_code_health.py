from __future__ import annotations

from collections import Counter
from itertools import combinations, product
from math import log2, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.code_health import (
    alarms,
    all_alarms,
    bit_entropy,
    gap_alarms,
    measure_codes,
    modality_gap,
    nearer_share,
)
from model.codes import pack_codes
from model.errors import CodeError


def random_signs(seed: int, n: int = 300, n_bits: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), (n, n_bits))


def slow_correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    means = one.mean(), other.mean()
    products = [(a - means[0]) * (b - means[1]) for a, b in zip(one, other, strict=True)]
    spreads = [sum((a - mean) ** 2 for a in side) for side, mean in zip((one, other), means, strict=True)]
    return abs(sum(products)) / sqrt(spreads[0] * spreads[1]) if min(spreads) > 0 else None


@given(st.integers(0, 1000), st.integers(2, 30))
def test_every_measure_is_what_a_slow_loop_finds(seed: int, n: int) -> None:
    signs = random_signs(seed, n, 8)
    signs[:, 0] = 1  # a constant bit
    signs[:, 3] = -signs[:, 2]  # the same in other words
    found = measure_codes(pack_codes(signs))
    shares = [sum(row[bit] > 0 for row in signs) / n for bit in range(8)]
    entropies = [-sum(p * log2(p) for p in (share, 1 - share) if p > 0) for share in shares]
    known = [c for a, b in combinations(range(8), 2) if (c := slow_correlation(signs[:, a], signs[:, b])) is not None]
    buckets = Counter(row.tobytes() for row in signs)
    equal = sum(one.tobytes() == other.tobytes() for one, other in combinations(signs, 2))
    assert found.balance == pytest.approx(shares)
    assert found.entropy == pytest.approx(np.mean(entropies))
    assert found.correlation == pytest.approx(np.mean(known) if known else 0.0, abs=1e-6)
    assert found.largest_correlation == pytest.approx(max(known, default=0.0), abs=1e-6)
    assert (found.n_codes, found.n_bits, found.n_distinct) == (n, 8, len(buckets))
    assert found.largest_bucket == max(buckets.values())
    assert found.collision == pytest.approx(2 * equal / (n * (n - 1)))
    assert sum(found.bucket_sizes) == len(buckets)


@pytest.mark.parametrize("seed", range(3))
def test_effective_bits_are_the_participation_ratio_of_the_eigenvalues(seed: int) -> None:
    signs = random_signs(seed)
    signs[:, :4] = signs[:, :1]
    eigenvalues = np.linalg.eigvalsh(np.cov(signs.T.astype(float), bias=True))
    expected = eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
    assert measure_codes(pack_codes(signs)).effective_bits == pytest.approx(expected)


def test_independent_bits_are_all_effective_and_copies_are_one() -> None:
    every = np.array(list(product([-1, 1], repeat=8)), np.int8)
    assert measure_codes(pack_codes(every)).effective_bits == pytest.approx(8)
    assert measure_codes(pack_codes(np.repeat(every[:, :1], 8, axis=1))).effective_bits == pytest.approx(1)
    assert measure_codes(pack_codes(np.ones((5, 8), np.int8))).effective_bits == 0


def test_buckets_are_counted_by_powers_of_two() -> None:
    signs = random_signs(1, 4, 16)
    found = measure_codes(pack_codes(np.repeat(signs, [1, 2, 3, 9], axis=0)))
    assert found.bucket_sizes == (1, 2, 0, 1)
    assert found.frequent == tuple((pack_codes(signs)[[at]].tobytes().hex(), n) for at, n in ((3, 9), (2, 3), (1, 2)))
    assert found.as_dict()["frequent"][0] == list(found.frequent[0])


def test_constant_bits_and_copies_carry_no_information() -> None:
    signs = random_signs(2)
    signs[:, 5], signs[:, 9] = 1, -signs[:, 7]
    found = measure_codes(pack_codes(signs))
    assert (found.n_constant, found.n_copies, found.n_informative) == (1, 1, 14)
    assert found.as_dict()["n_informative"] == 14
    told = alarms(found, "images")
    assert told == ["images: 14 of 16 bits carry information (1 hardly ever change, 1 repeat another one)"]


def test_healthy_codes_raise_no_alarm_and_few_codes_none_at_all() -> None:
    assert alarms(measure_codes(pack_codes(random_signs(3))), "texts") == []
    assert alarms(measure_codes(pack_codes(np.ones((99, 8), np.int8))), "texts") == []


def test_bits_that_move_together_and_crowded_codes_are_told() -> None:
    told = alarms(measure_codes(pack_codes(np.repeat(random_signs(4)[:, :1], 16, axis=1))), "texts")
    assert "texts: the bits move together: 16 bits tell as much as 1.0 independent ones" in told
    assert any("of the codes are one and the same" in sentence for sentence in told)


def test_the_modality_gap_is_the_distance_of_the_means_on_the_sphere() -> None:
    image, text = random_signs(5), random_signs(6)
    image[:, :8] = 1
    healths = [measure_codes(pack_codes(side)) for side in (image, text)]
    expected = np.linalg.norm((image / 4).mean(axis=0) - (text / 4).mean(axis=0))  # √16 = 4
    assert modality_gap(*healths) == pytest.approx(expected)
    assert modality_gap(healths[0], healths[0]) == 0
    assert any("lie apart" in sentence for sentence in all_alarms(*healths))
    assert gap_alarms(0.1) == []


def test_one_modality_alone_or_few_codes_have_no_gap_to_tell_of() -> None:
    crowded, other = (measure_codes(pack_codes(np.full((200, 8), sign, np.int8))) for sign in (-1, 1))
    assert [sentence.split(":")[0] for sentence in all_alarms(None, crowded)] == ["texts"] * 3
    assert any("lie apart" in sentence for sentence in all_alarms(crowded, other))
    few = measure_codes(pack_codes(np.ones((99, 8), np.int8)))
    assert not any("lie apart" in sentence for sentence in all_alarms(crowded, few))


def test_opposite_codes_have_the_widest_gap() -> None:
    sides = [measure_codes(pack_codes(np.full((3, 8), sign, np.int8))) for sign in (-1, 1)]
    assert modality_gap(*sides) == pytest.approx(2)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=6))
def test_the_share_of_nearer_relevant_pairs_is_that_of_all_comparisons(counts: list[tuple[int, int]]) -> None:
    relevant, irrelevant = np.array([*counts, (1, 1)], float).T
    wins = total = 0.0
    for (d, n), (e, m) in product(enumerate(relevant), enumerate(irrelevant)):
        wins, total = wins + n * m * (1 if d < e else 0.5 if d == e else 0), total + n * m
    assert nearer_share(relevant, irrelevant) == pytest.approx(wins / total)


def test_entropy_of_sure_bits_is_nothing_and_of_a_fair_coin_one() -> None:
    assert bit_entropy(np.array([0.0, 0.5, 1.0])).tolist() == [0.0, 1.0, 0.0]


def test_no_codes_are_refused() -> None:
    with pytest.raises(CodeError, match="no codes"):
        measure_codes(np.empty((0, 2), np.uint8))
