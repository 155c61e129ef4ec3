"""Events that were put in are found again; posteriors are those of Bayes' rule over everything that may have happened."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest

from training.label_noise import add_label_noise
from training.noise_by_label import fit_noise_by_label
from training.noise_by_sample import EVENTS, SampleNoise, _Samples, fit_noise_by_sample

N, C = 4000, 6
SLOPES, INTERCEPTS = np.linspace(2.5, 4.0, C), np.linspace(-2.5, 0.0, C)
Float64 = npt.NDArray[np.float64]
Uint8 = npt.NDArray[np.uint8]


def draw(seed: int = 1) -> tuple[npt.NDArray[np.float32], Uint8]:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(N, C)).astype(np.float32)
    true = rng.random((N, C)) < 1 / (1 + np.exp(-(SLOPES * scores + INTERCEPTS)))
    return scores, true.astype(np.uint8)


def lose(true: Uint8, rng: np.random.Generator) -> None:
    for row in true[: N // 3]:
        if row.any():
            row[rng.choice(np.flatnonzero(row))] = 0


def add(true: Uint8, rng: np.random.Generator) -> None:
    for row in true[: N // 3]:
        if not row.all():
            row[rng.choice(np.flatnonzero(row == 0))] = 1


def replace(true: Uint8, rng: np.random.Generator) -> None:
    true[: N // 3] = true[rng.permutation(N)[: N // 3]]


def exchanged(true: Uint8, rate: float) -> Uint8:
    return add_label_noise(true, rate, seed=3)


def log_loss(probability: npt.NDArray[np.float32], true: Uint8) -> float:
    chance = np.clip(np.where(true > 0, probability, 1 - probability).astype(np.float64), 1e-6, 1)
    return float(-np.log(chance).mean())


def fit(scores: npt.NDArray[np.float32], given: Uint8) -> SampleNoise:
    return fit_noise_by_sample(scores, given.astype(np.float32))


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.8])
def test_the_share_of_exchanged_samples_is_found(rate: float) -> None:
    scores, true = draw()
    both = (true.any(axis=1) & ~true.all(axis=1)).mean()  # others cannot be exchanged
    found = fit(scores, exchanged(true, rate))
    assert found.shares["exchanged"] == pytest.approx(rate * both, abs=0.05)
    assert sum(found.shares.values()) == pytest.approx(1)


@pytest.mark.parametrize(("event", "befalls"), [("lost", lose), ("added", add), ("replaced", replace)])
def test_other_events_are_told_apart(event: str, befalls: Callable[[Uint8, np.random.Generator], None]) -> None:
    scores, true = draw()
    given = true.copy()
    befalls(given, np.random.default_rng(7))
    found = fit(scores, given)
    assert max((name for name in EVENTS if name != "unchanged"), key=lambda name: found.shares[name]) == event
    assert found.shares[event] == pytest.approx(1 / 3, abs=0.1)
    chosen = found.event_probability[:, EVENTS.index(event)]
    assert chosen[: N // 3].mean() > 1.5 * chosen[N // 3 :].mean()


def test_without_noise_given_labels_are_believed() -> None:
    scores, true = draw()
    found = fit(scores, true)
    assert found.shares["unchanged"] > 0.95
    assert np.abs(found.probability - true).mean() < 0.02


@pytest.mark.parametrize("rate", [0.5, 0.8])
def test_exchanges_are_undone_better_than_label_by_label_and_probabilities_are_calibrated(rate: float) -> None:
    scores, true = draw()
    given = exchanged(true, rate)
    found, by_label = fit(scores, given), fit_noise_by_label(scores, given.astype(np.float32))
    assert found.log_likelihood > by_label.log_likelihood
    assert log_loss(found.probability, true) < 0.85 * log_loss(by_label.probability, true)
    for low in np.arange(0, 1, 0.2):
        chosen = (found.probability >= low) & (found.probability <= low + 0.2)
        assert true[chosen].mean() == pytest.approx(found.probability[chosen].mean(), abs=0.08)


def by_enumeration(prior: Float64, shares: Float64, given: Float64, base: Float64) -> tuple[Float64, Float64, float]:
    """What one sample's labels were and what befell them, by Bayes' rule over all 2^C label sets and events."""
    evidence, labels, events = 0.0, np.zeros(len(given)), np.zeros(5)
    for bits in product((0.0, 1.0), repeat=len(given)):
        y = np.array(bits)
        chance = float(np.prod(np.where(y > 0, prior, 1 - prior)))
        off, on = int(((y == 1) & (given == 0)).sum()), int(((y == 0) & (given == 1)).sum())
        n = y.sum()
        ways = (
            float(off == on == 0),
            float(off == 1 and on == 0) / max(n, 1),
            float(off == 0 and on == 1) / max(len(y) - n, 1),
            float(off == on == 1) / max(n * (len(y) - n), 1),
            float(np.prod(np.where(given > 0, base, 1 - base))),
        )
        for event, way in enumerate(ways):
            joint = chance * shares[event] * way
            evidence, labels = evidence + joint, labels + joint * y
            events[event] += joint
    return labels / evidence, events / evidence, float(np.log(evidence))


def test_one_step_of_expectation_is_bayes_rule_over_all_label_sets() -> None:
    rng = np.random.default_rng(2)
    given = (rng.random((24, 5)) < 0.4).astype(np.float64)
    given[0], given[1] = 0, 1
    prior, shares = rng.uniform(0.02, 0.98, size=given.shape), np.array([0.3, 0.15, 0.1, 0.3, 0.15])
    labels, events, log_likelihood = _Samples(given).expect(prior, shares)
    wanted = [by_enumeration(prior[i], shares, given[i], given.mean(axis=0)) for i in range(len(given))]
    np.testing.assert_allclose(labels, [each[0] for each in wanted], atol=1e-9)
    np.testing.assert_allclose(events, [each[1] for each in wanted], atol=1e-9)
    assert log_likelihood == pytest.approx(np.mean([each[2] for each in wanted]))


@pytest.mark.parametrize("scores", [0.0, 3.0, 1e4], ids=["zero", "constant", "huge"])
@pytest.mark.parametrize("share", [0.0, 0.4, 1.0], ids=["nobody", "some", "everybody"])
def test_probabilities_stay_in_bounds_where_labels_or_scores_say_nothing(share: float, scores: float) -> None:
    given = (np.random.default_rng(1).random((50, 3)) < share).astype(np.float32)
    found = fit_noise_by_sample(np.full((50, 3), scores, dtype=np.float32), given)
    assert found.probability.dtype == np.float32
    for values in (found.probability, found.event_probability, np.array(list(found.shares.values()))):
        assert np.isfinite(values).all()
        assert (values >= 0).all()
        assert (values <= 1).all()
    assert np.isfinite(found.log_likelihood)


def test_labels_that_scores_tell_without_error_are_fitted_too() -> None:
    scores = np.random.default_rng(4).normal(size=(300, 3)).astype(np.float32)
    found = fit_noise_by_sample(scores, (scores > 0).astype(np.float32))
    np.testing.assert_allclose(found.probability, scores > 0, atol=1e-2)
