"""Calibrations from judgements: against slow twins, and against known curves that judgements are drawn from."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.calibration import Calibration, DistanceCurve
from model.log_odds import Float64, log_odds, posterior, probability
from model.recalibration import FEWEST_JUDGEMENTS, JudgedHits, design_effect, lacking, refit

N_BITS = 64
DISTANCES = np.arange(N_BITS + 1)
OWN = probability((20 - DISTANCES) / 5)
"""What the bundle expects: 0.98 at distance 0, one half at 20, 0.02 at 40."""
SHOWN = np.where(DISTANCES < 30, np.exp(-(((DISTANCES - 12) / 6) ** 2) / 2), 0)
SHOWN /= SHOWN.sum()
TRUTHS = {
    "rarer": probability(log_odds(OWN) - 1.5),
    "commoner": probability(log_odds(OWN) + 1),
    "flatter": probability(log_odds(OWN) / 2 - 0.3),
    "a line": np.clip(0.9 - 0.03 * DISTANCES, 0.01, 1),
}


def curve(value: Float64 = OWN, width: float = 0.3) -> DistanceCurve:
    """Returns a curve whose intervals are so wide in log-odds on either side."""
    low, high = (probability(log_odds(value) + side * width) for side in (-1, 1))
    ends = {"value": tuple(value.tolist()), "low": tuple(low.tolist()), "high": tuple(high.tolist())}
    n_pairs = tuple(np.rint(10_000 * np.exp(-(((DISTANCES - 32) / 6) ** 2) / 2)).astype(int).tolist())
    return DistanceCurve(**ends, n_pairs=n_pairs, n_relevant=(1.0,) * 65, n_nearest=(1,) * 65, base_rate=0.1)


def drawn(truth: Float64, n: int, seed: int, each: int = 5) -> JudgedHits:
    """Draws judged hits where they are shown, several of a query; queries have luck of their own, ± 0.7 in log-odds."""
    rng = np.random.default_rng(seed)
    nodes = np.random.default_rng(0).normal(0, 0.7, 400)
    middle = log_odds(truth)
    for _ in range(20):  # so that the mean over all queries is the truth
        middle = middle + (log_odds(truth) - log_odds(probability(middle[:, None] + nodes).mean(axis=1)))
    queries = np.repeat(np.arange(n), each)[:n]
    distances = rng.choice(N_BITS + 1, n, p=SHOWN)
    relevant = rng.random(n) < probability(middle[distances] + rng.normal(0, 0.7, n)[queries])
    return JudgedHits(distances, relevant, queries, rng.integers(0, 5_000, n))


def error_of(fitted: DistanceCurve, truth: Float64) -> float:
    """Returns the expected calibration error over the distances of hits that are shown."""
    return float(SHOWN @ np.abs(np.array(fitted.value) - truth))


def mean_error(truth: Float64, n: int, n_draws: int = 12) -> float:
    return float(np.mean([error_of(refit(curve(), drawn(truth, n, seed)), truth) for seed in range(n_draws)]))


@pytest.mark.parametrize("name", TRUTHS)
def test_with_enough_judgements_of_other_data_the_error_is_below_three_hundredths_and_far_below_the_bundles(name: str) -> None:
    before = error_of(curve(), TRUTHS[name])
    after = mean_error(TRUTHS[name], 1_000)
    assert before > 0.06
    assert after < 0.03
    assert after < before / 2


@pytest.mark.parametrize("name", TRUTHS)
def test_the_fewest_judgements_make_it_better_already_where_the_bundle_is_wrong(name: str) -> None:
    assert mean_error(TRUTHS[name], FEWEST_JUDGEMENTS) < error_of(curve(), TRUTHS[name]) - 0.02


@pytest.mark.parametrize("n", [FEWEST_JUDGEMENTS, 500])
def test_where_the_bundle_was_right_few_judgements_do_little_harm(n: int) -> None:
    errors = [error_of(refit(curve(), drawn(OWN, n, seed)), OWN) for seed in range(20)]
    assert np.mean(errors) < 0.025
    assert np.quantile(errors, 0.9) < 0.045


@pytest.mark.parametrize("truth", [OWN, *TRUTHS.values()], ids=["right", *TRUTHS])
def test_intervals_hold_what_they_promise(truth: Float64) -> None:
    held = []
    for seed in range(12):
        fitted = refit(curve(), drawn(truth, 500, seed))
        held.append(SHOWN @ ((np.array(fitted.low) <= truth) & (truth <= np.array(fitted.high))))
    assert np.mean(held) > 0.9


def test_judgements_near_the_query_say_nothing_of_distances_that_were_never_shown() -> None:
    fitted = refit(curve(), drawn(TRUTHS["flatter"], 500, 1))
    width = np.array(fitted.high) - np.array(fitted.low)
    assert fitted.value[64] < 0.1
    assert log_odds(fitted.high)[40] - log_odds(fitted.low)[40] > 2 * (log_odds(fitted.high)[12] - log_odds(fitted.low)[12])
    assert np.all(width < 1)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 64), st.booleans(), st.integers(0, 5), st.integers(0, 9)), min_size=1, max_size=60))
def test_whatever_is_judged_the_curve_is_one(rows: list[tuple[int, bool, int, int]]) -> None:
    fitted = refit(curve(), JudgedHits(*(np.array(column) for column in zip(*rows, strict=True))))
    for numbers in (fitted.value, fitted.low, fitted.high):
        assert all(later <= earlier for earlier, later in pairwise(numbers))
    assert all(0 <= low <= value <= high <= 1 for low, value, high in zip(fitted.low, fitted.value, fitted.high, strict=True))
    content = Calibration(kind="judgements", n_bits=64, bundle_id="b", curves={("text", "image"): fitted}).to_json()
    assert Calibration.from_json(content).kind == "judgements"


def test_a_curve_without_any_doubt_of_0_and_1_can_be_contradicted() -> None:
    sure = curve(np.where(DISTANCES < 10, 1.0, 0.0), width=0)
    n = np.arange(600)
    fitted = refit(sure, JudgedHits(n % 20, n // 20 % 2 == 0, n // 6, n))
    assert np.array(fitted.value[:20]) == pytest.approx(0.5, abs=0.12)


def test_what_was_counted_stays_the_bundles_and_the_base_rate_is_that_of_its_pairs() -> None:
    own = curve()
    fitted = refit(own, drawn(TRUTHS["rarer"], 500, 1))
    assert (fitted.n_pairs, fitted.n_relevant, fitted.n_nearest) == (own.n_pairs, own.n_relevant, own.n_nearest)
    assert fitted.base_rate == pytest.approx(np.average(fitted.value, weights=own.n_pairs))


def test_the_design_effect_is_the_sum_over_pairs_of_judgements_that_share_a_query_or_an_item() -> None:
    rng = np.random.default_rng(3)
    hits = JudgedHits(rng.integers(0, 5, 40), rng.random(40) < 0.5, np.repeat(np.arange(8), 5), rng.integers(0, 50, 40))
    hits = replace(hits, relevant=hits.relevant | (hits.queries < 2))
    residuals = hits.relevant - OWN[hits.distances]
    together = 0.0
    for i in range(40):
        for j in range(40):
            n_shared = int(hits.queries[i] == hits.queries[j]) + int(hits.items[i] == hits.items[j])
            together += residuals[i] * residuals[j] * (n_shared - int(i == j))
    assert design_effect(hits, OWN) == pytest.approx(max(1, 8 / 7 * together / (residuals**2).sum()))


def test_judgements_that_agree_with_their_query_count_for_little() -> None:
    n = np.arange(300)
    apart = JudgedHits(n % 15, n % 3 == 0, n, n)
    assert design_effect(apart, np.full(65, 1 / 3)) < 1.2
    assert design_effect(replace(apart, relevant=n // 30 < 3, queries=n // 30), np.full(65, 0.3)) > 20


def test_the_posterior_is_that_of_a_grid() -> None:
    """Two places: Laplace's mean, variance and evidence against sums over all values of both log-odds."""
    prior, covariance = np.array([0.5, -0.5]), np.array([[1.0, 0.6], [0.6, 1.5]])
    n, relevant = np.array([30.0, 0.0]), np.array([20.0, 0.0])
    belief = posterior(prior, covariance, n, relevant)
    axis = np.linspace(-7, 7, 281)
    f = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    density = np.exp(-np.einsum("gi,ij,gj->g", f, np.linalg.inv(covariance), f) / 2)
    density /= density.sum()
    likelihood = probability(prior[0] + f[:, 0]) ** 20 * (1 - probability(prior[0] + f[:, 0])) ** 10
    evidence = float(density @ likelihood)
    mean = (density * likelihood) @ f / evidence
    variance = (density * likelihood) @ (f - mean) ** 2 / evidence
    assert belief.log_evidence == pytest.approx(np.log(evidence), abs=0.02)
    assert belief.mean == pytest.approx(prior + mean, abs=0.03)
    assert belief.variance == pytest.approx(variance, rel=0.05)


def test_the_mode_is_where_no_neighbour_is_higher() -> None:
    prior, covariance = np.array([6.0, -6.0, 0.0]), np.eye(3) * 4 + 1.0
    n, relevant = np.array([50.0, 50.0, 0.0]), np.array([1.0, 49.0, 0.0])

    def height(at: Float64) -> float:
        odds = prior + at
        return float(relevant @ odds - n @ np.logaddexp(0, odds) - at @ np.linalg.solve(covariance, at) / 2)

    mode = posterior(prior, covariance, n, relevant).mean - prior
    assert all(height(mode) >= height(mode + step) for step in 0.01 * np.vstack([np.eye(3), -np.eye(3)]))


def test_what_is_lacking_is_said_in_words() -> None:
    n = np.arange(FEWEST_JUDGEMENTS)
    enough = JudgedHits(n % 20, n % 2 == 0, n // 10, n)
    assert lacking(enough) == ""
    assert lacking(replace(enough, queries=n * 0)) == "19 more queries (1 of 20)"
    assert lacking(replace(enough, relevant=n < 0)) == "5 more hits judged relevant (0 of 5)"
    assert lacking(replace(enough, relevant=n >= 0)) == "5 more hits judged irrelevant (0 of 5)"
    assert lacking(None).startswith("200 more judgements (0 of 200), 20 more queries")
