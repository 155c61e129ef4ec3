"""Odds of exchanges that were put in are found; posteriors are those of Bayes' rule over everything that may have happened."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest

from training.label_noise import add_label_noise
from training.noise_by_pair import _Samples, fit_noise_by_pair
from training.noise_by_sample import fit_noise_by_sample

N, C = 4000, 5
Float64 = npt.NDArray[np.float64]


def draw() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(N, C)).astype(np.float32)
    return scores, (rng.random((N, C)) < 1 / (1 + np.exp(-(4 * scores - 1)))).astype(np.uint8)


def slow_posterior(given: Float64, prior: Float64, base: Float64, shares: Float64, odds: Float64) -> tuple[Float64, Float64]:
    """Sums over all true labels and all that may have led from them to the given ones."""
    labels, exchanges, evidence = np.zeros(C), np.zeros((C, C)), 0.0
    for bits in product((0, 1), repeat=C):
        y = np.array(bits, float)
        chance = float(np.prod(np.where(y > 0, prior, 1 - prior)))
        n = int(y.sum())
        ways = max(n * (C - n), 1)
        left = 1 - sum(odds[c, d] for c in range(C) for d in range(C) if y[c] > 0 and y[d] == 0) / ways
        likely = shares[4] * float(np.prod(np.where(given > 0, base, 1 - base)))
        if (given == y).all():
            likely += shares[0] + shares[3] * left
        gone, come = np.flatnonzero(y > given), np.flatnonzero(given > y)
        if (len(gone), len(come)) == (1, 0):
            likely += shares[1] / n
        if (len(gone), len(come)) == (0, 1):
            likely += shares[2] / (C - n)
        if (len(gone), len(come)) == (1, 1):
            exchanged = shares[3] * odds[gone[0], come[0]] / ways
            likely += exchanged
            exchanges[gone[0], come[0]] += chance * exchanged
        labels += chance * likely * y
        evidence += chance * likely
    return labels / evidence, exchanges / evidence


def test_posteriors_are_those_of_bayes_rule() -> None:
    rng = np.random.default_rng(2)
    given = (rng.random((40, C)) < 0.4).astype(float)
    prior, odds = rng.uniform(0.05, 0.95, (40, C)), rng.uniform(0.2, 1.5, (C, C))
    np.fill_diagonal(odds, 1)
    shares = np.array([0.6, 0.05, 0.05, 0.2, 0.1])
    found = _Samples(given).expect(prior, shares, odds)
    base = np.clip(given.mean(axis=0), 1e-7, 1 - 1e-7)
    slow = [slow_posterior(*rows, base, shares, odds) for rows in zip(given, prior, strict=True)]
    np.testing.assert_allclose(found.labels, [labels for labels, _ in slow], atol=1e-9)
    np.testing.assert_allclose(found.exchanges, sum(exchanges for _, exchanges in slow), atol=1e-9)


def test_a_label_that_is_mistaken_for_another_has_high_odds_and_others_do_not() -> None:
    scores, true = draw()
    struck = (true[:, 0] > 0) & (true[:, 1] == 0) & (np.random.default_rng(3).random(N) < 0.2)
    given = true.copy()
    given[struck, 0], given[struck, 1] = 0, 1
    found = fit_noise_by_pair(scores, given.astype(np.float32))
    assert found.odds.argmax() == 1
    assert found.exchanges[0, 1] == pytest.approx(struck.sum(), rel=0.2)
    assert found.log_likelihood > fit_noise_by_sample(scores, given.astype(np.float32)).log_likelihood


def test_if_any_label_stands_for_any_other_all_odds_are_about_one() -> None:
    scores, true = draw()
    found = fit_noise_by_pair(scores, add_label_noise(true, 0.5, seed=1).astype(np.float32))
    others = ~np.eye(C, dtype=bool)
    assert found.shares["exchanged"] == pytest.approx(0.5, abs=0.05)
    assert 0.6 < found.odds[others].min() <= found.odds[others].max() < 1.6
