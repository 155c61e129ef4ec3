"""Noise that was put in is found again, label by label; probabilities are Bayes' rule and know more than the given labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import check_grad

from training.noise_by_label import LabelNoise, _Fit, fit_noise_by_label

N = 3000
SLOPES, INTERCEPTS = np.array([2.0, 3.0, 4.0, 2.5]), np.array([-1.0, 0.0, -2.0, 1.0])
FALSE_ON, FALSE_OFF = np.array([0.1, 0.05, 0.08, 0.15]), np.array([0.3, 0.2, 0.4, 0.25])


@dataclass(frozen=True)
class Simulation:
    """Labels drawn from a logistic model of standard normal scores, then switched on and off at given rates."""

    scores: npt.NDArray[np.float32]
    true: npt.NDArray[np.float32]
    given: npt.NDArray[np.float32]
    found: LabelNoise


def simulate(false_on: npt.NDArray[np.float64], false_off: npt.NDArray[np.float64], seed: int = 1) -> Simulation:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(N, 4)).astype(np.float32)
    true = rng.random((N, 4)) < 1 / (1 + np.exp(-(SLOPES * scores + INTERCEPTS)))
    given = (rng.random((N, 4)) < np.where(true, 1 - false_off, false_on)).astype(np.float32)
    return Simulation(scores, true.astype(np.float32), given, fit_noise_by_label(scores, given))


def log_loss(probability: npt.NDArray[np.float32], true: npt.NDArray[np.float32]) -> float:
    chance = np.clip(np.where(true > 0, probability, 1 - probability).astype(np.float64), 1e-6, 1)
    return float(-np.log(chance).mean())


@pytest.fixture(scope="module")
def noisy() -> Simulation:
    return simulate(FALSE_ON, FALSE_OFF)


@pytest.fixture(scope="module")
def clean() -> Simulation:
    return simulate(np.zeros(4), np.zeros(4))


def test_rates_are_those_that_were_put_in(noisy: Simulation) -> None:
    """But for what labels borrow from each other, which draws the last one's 0.15 towards the rest."""
    np.testing.assert_allclose(noisy.found.false_on, FALSE_ON, atol=0.06)
    np.testing.assert_allclose(noisy.found.false_off, FALSE_OFF, atol=0.08)


def test_probabilities_are_bayes_rule_with_the_rates_and_one_logistic_line_for_given_and_absent(noisy: Simulation) -> None:
    """With x = a s + b the odds are (1 − ρ₋)/ρ₊ · exp x of a given label, and ρ₋/(1 − ρ₊) · exp x of an absent one."""
    for label in range(4):
        on, off = noisy.found.false_on[label], noisy.found.false_off[label]
        points = []
        for s, given, p in zip(noisy.scores[:, label], noisy.given[:, label], noisy.found.probability[:, label], strict=True):
            if 0.001 < p < 0.999:
                points.append((s, np.log(p / (1 - p)) - np.log((1 - off) / on if given else off / (1 - on))))
        s, logits = np.array(points, dtype=np.float64).T
        slope, intercept = np.polyfit(s, logits, 1)
        np.testing.assert_allclose(logits, slope * s + intercept, atol=2e-3)
        assert slope == pytest.approx(SLOPES[label], rel=0.3)
        assert intercept == pytest.approx(INTERCEPTS[label], abs=0.5)


def test_probabilities_know_more_of_the_truth_than_given_labels_and_than_scores_alone(noisy: Simulation) -> None:
    found = log_loss(noisy.found.probability, noisy.true)
    trusted = np.where(noisy.given > 0, 1 - FALSE_ON, FALSE_OFF).astype(np.float32)
    scored = (1 / (1 + np.exp(-(SLOPES * noisy.scores + INTERCEPTS)))).astype(np.float32)
    assert found < 0.9 * min(log_loss(noisy.given, noisy.true), log_loss(trusted, noisy.true), log_loss(scored, noisy.true))


def test_probabilities_are_calibrated(noisy: Simulation) -> None:
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        chosen = (noisy.found.probability >= low) & (noisy.found.probability <= low + 0.2)
        assert noisy.true[chosen].mean() == pytest.approx(noisy.found.probability[chosen].mean(), abs=0.06)


def test_without_noise_the_given_labels_are_believed(clean: Simulation) -> None:
    assert clean.found.false_on.max() < 0.02
    assert clean.found.false_off.max() < 0.08
    assert ((clean.found.probability > 0.5) == (clean.given > 0)).mean() > 0.995
    assert np.abs(clean.found.probability - clean.given).mean() < 0.02


def test_a_given_label_is_likelier_than_an_absent_one_and_a_higher_score_makes_both_likelier(noisy: Simulation) -> None:
    for label in range(4):
        order = np.argsort(noisy.scores[:, label])
        for given in (0, 1):
            chosen = order[noisy.given[order, label] == given]
            assert (np.diff(noisy.found.probability[chosen, label]) >= 0).all()
    middle = np.abs(noisy.scores) < 0.3
    assert noisy.found.probability[middle & (noisy.given > 0)].min() > noisy.found.probability[middle & (noisy.given == 0)].min()


@pytest.mark.parametrize("middle", [None, np.array([-1.0, 0.5])], ids=["likelihood", "with prior"])
@pytest.mark.parametrize("point", [(0.7, -1.0, -2.0, -1.0), (-1.0, 2.0, 1.0, 2.0), (1.5, 0.0, -6.0, -8.0)])
def test_the_gradient_is_that_of_finite_differences(
    noisy: Simulation, point: tuple[float, ...], middle: npt.NDArray[np.float64] | None
) -> None:
    fit = _Fit(noisy.scores[:200, 0].astype(np.float64), noisy.given[:200, 0].astype(np.float64))
    error = check_grad(lambda x: fit._loss(x, middle)[0], lambda x: fit._loss(x, middle)[1], np.array(point))
    assert error < 1e-6


def test_a_rare_label_borrows_its_rates_from_the_others() -> None:
    """Ten bearers, those of the highest scores: alone they show no noise at all, beside noisy labels some must be missing."""
    base, scores = simulate(np.full(4, 0.1), np.full(4, 0.3)), np.random.default_rng(5).normal(size=(N, 1)).astype(np.float32)
    rare = np.zeros((N, 1), dtype=np.float32)
    rare[np.argsort(scores[:, 0])[-10:]] = 1
    alone = fit_noise_by_label(scores, rare)
    found = fit_noise_by_label(np.concatenate([base.scores, scores], axis=1), np.concatenate([base.given, rare], axis=1))
    assert alone.false_off[0] < 0.01 < 0.1 < found.false_off[4] < 0.4
    assert alone.false_on[0] < 1e-3 < 1e-2 < found.false_on[4]


@pytest.mark.parametrize("scores", [0.0, 3.0, 1e4], ids=["zero", "constant", "huge"])
@pytest.mark.parametrize("share", [0.0, 0.4, 1.0], ids=["nobody", "some", "everybody"])
def test_probabilities_stay_in_bounds_where_labels_or_scores_say_nothing(share: float, scores: float) -> None:
    given = (np.random.default_rng(1).random((50, 2)) < share).astype(np.float32)
    found = fit_noise_by_label(np.full((50, 2), scores, dtype=np.float32), given)
    for values in (found.probability, found.false_on, found.false_off):
        assert np.isfinite(values).all()
        assert (values >= 0).all()
        assert (values <= 1).all()
    assert found.probability.dtype == np.float32


@pytest.mark.parametrize("share", [0.0, 1.0], ids=["nobody", "everybody"])
def test_a_label_without_contrast_stays_what_it_is_among_others(share: float) -> None:
    base = simulate(np.full(4, 0.02), np.full(4, 0.05))
    given = base.given.copy()
    given[:, 1] = share
    found = fit_noise_by_label(base.scores, given)
    assert np.abs(found.probability[:, 1] - share).mean() < 0.1
    assert np.isfinite(found.probability).all()
