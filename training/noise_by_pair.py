"""How likely each label is true, if something befell a sample's labels at once and some labels are mistaken for certain others.

Decides this noise model: that of ``training.noise_by_sample`` with odds for each pair of labels. Does not know features or codes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from model.codes import Float32
from training.label_posterior import Float64
from training.noise_by_sample import (
    ENOUGH,
    EVENTS,
    FIRST_SHARES,
    LEAST_SHARE,
    N_ROUNDS,
    TINY,
    SampleNoise,
    log_chance,
    newton_step,
)

_PRIOR_PAIRS = 0.3  # exchanges that each pair of labels begins with, at odds of 1
_LEAST_UNCHANGED = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class PairNoise(SampleNoise):
    """What was estimated.

    Attributes:
        odds: (C, C) float64, how many times as often the column's label is given for the row's as any label for any other.
        exchanges: (C, C) float64, expected number of samples in which that happened.
    """

    odds: Float64
    exchanges: Float64

    def mixed_up(self, given_labels: Float32) -> Float64:
        """Returns in how many samples one label was given and is not true while another is true and was not given.

        Args:
            given_labels: (N, C) float32 of 0 and 1; not needed here.

        Returns:
            (C, C) float64, expected numbers of exchanges; rows are the given labels, columns the true ones.
        """
        return self.exchanges.T


def fit_noise_by_pair(scores: Float32, given_labels: Float32) -> PairNoise:
    """Estimates how often each event happened and which labels are exchanged, and from that the probability that a label is true.

    Model: that of :func:`training.noise_by_sample.fit_noise_by_sample`, but in a sample with n true labels y, label c is exchanged
    for c' with probability ε T_cc' y_c (1 − y_c') / n(C − n) instead of ε / n(C − n), and nothing happens with what is left. With
    the odds A, B given there, the likelihood of an exchange relative to that of g = y is ε / n(C − n) Σ_cc' A_c T_cc' B_c'.
    After each round of expectation and maximisation T is the number of expected exchanges over the number at odds of 1,

        T_cc' = (Σ_i P_i(c → c') + κ) / (ε Σ_i p_ic (1 − p_ic') / n_i(C − n_i) + κ),  κ = .3.

    Note: T is a ratio of counts, not the maximum of the likelihood, in which it also stands in the probability of no event.

    Source: the gamma prior's posterior mean of a rate from a count and an exposure, as in A. Gelman et al., Bayesian Data Analysis.

    Args:
        scores: (N, C) float32, predictions that did not see the sample itself, each label's of about mean 0 and deviation 1.
        given_labels: (N, C) float32 of 0 and 1.

    Returns:
        Probabilities, what happened how often, and odds.
    """
    samples = _Samples(given_labels.astype(np.float64))
    s, n_labels = scores.astype(np.float64), scores.shape[1]
    slopes, intercepts = np.full(n_labels, 2.0), 1.5 * logit(np.clip(samples.given.mean(axis=0), 1e-4, 1 - 1e-4))
    shares, odds, reached = np.array(FIRST_SHARES), np.ones((n_labels, n_labels)), -np.inf
    for _ in range(N_ROUNDS):
        prior = np.clip(expit(slopes * s + intercepts), TINY, 1 - TINY)
        found = samples.expect(prior, shares, odds)
        if found.log_likelihood - reached < ENOUGH:
            break
        reached = found.log_likelihood
        shares = np.maximum(found.events.mean(axis=0), LEAST_SHARE)
        shares /= shares.sum()
        odds = (found.exchanges + _PRIOR_PAIRS) / (shares[3] * samples.chances(found.labels) + _PRIOR_PAIRS)
        slopes, intercepts = newton_step(s, found.labels, prior, slopes, intercepts)
    return PairNoise(
        probability=np.clip(found.labels, 0, 1).astype(np.float32),
        log_likelihood=found.log_likelihood,
        shares=dict(zip(EVENTS, shares.tolist(), strict=True)),
        event_probability=found.events.astype(np.float32),
        odds=odds,
        exchanges=found.exchanges,
    )


@dataclass(frozen=True, slots=True)
class _Expected:
    """What is expected of labels (N, C), events (N, 5) and exchanges (C, C) of a true for a given label."""

    labels: Float64
    events: Float64
    exchanges: Float64
    log_likelihood: float


class _Samples:
    """Given labels, and what follows from them alone."""

    def __init__(self, given: Float64) -> None:
        n_labels, count = given.shape[1], given.sum(axis=1)
        self.given = given
        self._base = log_chance(np.clip(given.mean(axis=0), TINY, 1 - TINY), given)
        self._ways = (count + 1, n_labels - count + 1, np.maximum(count * (n_labels - count), 1))

    def chances(self, labels: Float64) -> Float64:
        """Returns how many exchanges of each pair were to be expected at odds of 1 if each sample had one: (C, C)."""
        chances: Float64 = (labels / self._ways[2][:, None]).T @ (1 - labels)
        return chances

    def expect(self, prior: Float64, shares: Float64, odds: Float64) -> _Expected:
        """Returns what is expected under a prior of labels (N, C), shares of events (5,) and odds (C, C)."""
        given, ratio = self.given, prior / (1 - prior)
        gained, dropped = np.where(given > 0, 0, ratio), np.where(given > 0, 1 / ratio, 0)
        all_gained, all_dropped = gained.sum(axis=1), dropped.sum(axis=1)
        for_dropped, for_gained = gained @ odds, dropped @ odds.T
        all_exchanged = (for_dropped * dropped).sum(axis=1)
        log_unchanged = log_chance(prior, given)
        lost, added, exchanged = (
            each / ways for each, ways in zip((all_gained, all_dropped, all_exchanged), self._ways, strict=True)
        )
        left = 1 - ((given @ odds) * (1 - given)).sum(axis=1) / self._ways[2]  # of the share of exchanges, if none happened
        unchanged = np.maximum(shares[0] + shares[3] * left, _LEAST_UNCHANGED)
        replaced = np.exp(np.minimum(self._base - log_unchanged, 500))
        weighted = np.stack([unchanged, *(shares[1:, None] * [lost, added, exchanged, replaced])], axis=1)
        evidence = weighted.sum(axis=1)
        events = weighted / evidence[:, None]
        alone_gained, alone_dropped, both = (
            (events[:, event] / np.maximum(total, TINY**4))[:, None]
            for event, total in ((1, all_gained), (2, all_dropped), (3, all_exchanged))
        )
        kept = given * (1 - events[:, 4:]) + gained * (alone_gained + both * for_gained)
        labels = kept - dropped * (alone_dropped + both * for_dropped) + events[:, 4:] * prior
        exchanges = (gained * both).T @ dropped * odds
        return _Expected(labels, events, exchanges, float(np.mean(log_unchanged + np.log(evidence))))
