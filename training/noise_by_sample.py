"""How likely each label is true, if what happened to labels happened to a whole sample at once.

A sample's given labels are its true ones, or one of four things befell them: one was lost, one was added, one was exchanged for
another, or all were replaced by those of some other sample. How often each happened is estimated from the data. An exchange is a
strong statement: if one label of a sample is wrong then exactly one of the absent ones is right, and the less likely all others
are, the surer that one is. Noise that strikes labels one by one cannot say that (``training.noise_by_label``).

Decides this noise model. Does not know features or codes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from model.codes import Float32
from training.label_posterior import Float64, LabelPosterior

EVENTS = ("unchanged", "lost", "added", "exchanged", "replaced")
FIRST_SHARES = (0.7, 0.05, 0.05, 0.15, 0.05)
N_ROUNDS, ENOUGH = 500, 1e-6  # of expectation and maximisation; nats a sample
LEAST_SHARE = 1e-5
_SLOPES, _INTERCEPTS = (0.05, 30.0), (-15.0, 15.0)
_SLOPE_PENALTY, _CURVATURE = 1e-3, 1e-6  # keep Newton's steps finite where labels can be told apart without error
TINY = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleNoise(LabelPosterior):
    """What was estimated.

    Attributes:
        shares: Estimated share of samples by event, of :data:`EVENTS`; they add up to 1.
        event_probability: (N, 5) float32, what happened to each sample, in the order of :data:`EVENTS`.
    """

    shares: dict[str, float]
    event_probability: Float32

    def changed_probability(self, given_labels: Float32) -> Float32:
        """Returns how likely each sample was struck by any event.

        Args:
            given_labels: (N, C) float32 of 0 and 1; not needed here.

        Returns:
            (N,) float32 in [0, 1]; small ones are not rounded to 0.
        """
        changed: Float32 = np.minimum(self.event_probability[:, 1:].sum(axis=1), 1)
        return changed

    def mixed_up(self, given_labels: Float32) -> Float64:
        """Returns in how many samples one label was given and is not true while another is true and was not given.

        Given that a sample was struck by an exchange, the label that came and the one that went are independent: the product of
        both probabilities over that of the event.

        Note: exact for exchanges; where single labels were lost or added, or all replaced, an approximation.

        Args:
            given_labels: (N, C) float32 of 0 and 1.

        Returns:
            (C, C) float64, expected numbers; rows are the given labels, columns the true ones.
        """
        wrong, missing = self._wrong_and_missing(given_labels)
        changed = self.changed_probability(given_labels).astype(np.float64)[:, None]
        return (wrong / np.maximum(changed, TINY)).T @ missing


def fit_noise_by_sample(scores: Float32, given_labels: Float32) -> SampleNoise:
    """Estimates how often each event happened, and from that the probability that a label is true.

    Model: true labels y_c are independent given the scores, P(y_c = 1 | s) = q_c = σ(a_c s_c + b_c), a_c > 0. With odds
    A_c = q_c/(1 − q_c) of absent and B_c = (1 − q_c)/q_c of given labels g, n = Σ_c g_c of them, an event's likelihood relative to
    that of g = y is

        lost 1/(n + 1) Σ_c A_c,  added 1/(C − n + 1) Σ_c B_c,  exchanged 1/(n (C − n)) Σ_c A_c Σ_c B_c,
        replaced Π_c P(g_c)/P(y_c = g_c),

    since the lost label was one of n + 1, and so on, all equally likely. Shares, a and b are fitted by expectation and
    maximisation; a round takes one of Newton's steps for a and b on the expected labels. The posterior of one label sums over
    everything that may have happened, which factorises, so that it takes N · C steps.

    Source: expectation-maximisation of A. Dempster, N. Laird and D. Rubin (1977), https://doi.org/10.1111/j.2517-6161.1977.tb01600.x;
    the exchange is the noise of the SCBCH reference code and of NRCH's experiments. The mixture of events is ours.

    Args:
        scores: (N, C) float32, predictions that did not see the sample itself, each label's of about mean 0 and deviation 1.
        given_labels: (N, C) float32 of 0 and 1.

    Returns:
        Probabilities, and what happened how often.
    """
    samples = _Samples(given_labels.astype(np.float64))
    s = scores.astype(np.float64)
    n_labels = s.shape[1]
    slopes, intercepts = np.full(n_labels, 2.0), 1.5 * logit(np.clip(samples.given.mean(axis=0), 1e-4, 1 - 1e-4))
    shares, reached = np.array(FIRST_SHARES), -np.inf
    for _ in range(N_ROUNDS):
        prior = np.clip(expit(slopes * s + intercepts), TINY, 1 - TINY)
        labels, events, log_likelihood = samples.expect(prior, shares)
        if log_likelihood - reached < ENOUGH:
            break
        reached = log_likelihood
        shares = np.maximum(events.mean(axis=0), LEAST_SHARE)
        shares /= shares.sum()
        slopes, intercepts = newton_step(s, labels, prior, slopes, intercepts)
    return SampleNoise(
        probability=np.clip(labels, 0, 1).astype(np.float32),
        log_likelihood=log_likelihood,
        shares=dict(zip(EVENTS, shares.tolist(), strict=True)),
        event_probability=events.astype(np.float32),
    )


class _Samples:
    """Given labels, and what follows from them alone."""

    def __init__(self, given: Float64) -> None:
        n_labels = given.shape[1]
        count = given.sum(axis=1)
        base = np.clip(given.mean(axis=0), TINY, 1 - TINY)
        self.given = given
        self._log_base = log_chance(base, given)
        self._ways = (count + 1, n_labels - count + 1, np.maximum(count * (n_labels - count), 1))

    def expect(self, prior: Float64, shares: Float64) -> tuple[Float64, Float64, float]:
        """Returns expected labels (N, C), probabilities of events (N, 5) and the mean log likelihood."""
        given, odds = self.given, prior / (1 - prior)
        gained, dropped = np.where(given > 0, 0, odds), np.where(given > 0, 1 / odds, 0)
        all_gained, all_dropped = gained.sum(axis=1), dropped.sum(axis=1)
        log_unchanged = log_chance(prior, given)
        lost, added, exchanged = (
            each / ways for each, ways in zip((all_gained, all_dropped, all_gained * all_dropped), self._ways, strict=True)
        )
        replaced = np.exp(np.minimum(self._log_base - log_unchanged, 500))
        weighted = shares * np.stack([np.ones(len(given)), lost, added, exchanged, replaced], axis=1)
        evidence = weighted.sum(axis=1)
        events = weighted / evidence[:, None]
        gain = (events[:, 1] + events[:, 3]) / np.maximum(all_gained, TINY**4)
        drop = (events[:, 2] + events[:, 3]) / np.maximum(all_dropped, TINY**4)
        kept = given + gain[:, None] * gained - drop[:, None] * dropped - events[:, 4:] * given
        return kept + events[:, 4:] * prior, events, float(np.mean(log_unchanged + np.log(evidence)))


def log_chance(probability: Float64, labels: Float64) -> Float64:
    """Returns how likely labels are that are independent of each other.

    Args:
        probability: (N, C) or (C,), in (0, 1).
        labels: (N, C) of 0 and 1.

    Returns:
        (N,) natural logarithms.
    """
    chance: Float64 = np.log(np.where(labels > 0, probability, 1 - probability)).sum(axis=1)
    return chance


def newton_step(s: Float64, labels: Float64, prior: Float64, slopes: Float64, intercepts: Float64) -> tuple[Float64, Float64]:
    """Takes one step of logistic regression for all labels at once, from where it gives the prior.

    Args:
        s: (N, C) scores.
        labels: (N, C) expected labels, in [0, 1].
        prior: (N, C), what the present slopes and intercepts give.
        slopes: (C,).
        intercepts: (C,).

    Returns:
        Slopes and intercepts.
    """
    error, curvature = prior - labels, prior * (1 - prior)
    weighted = curvature * s
    by_intercept, by_slope = error.sum(axis=0), np.einsum("ij,ij->j", error, s) + _SLOPE_PENALTY * slopes
    h_bb, h_ab = curvature.sum(axis=0) + _CURVATURE, weighted.sum(axis=0)
    h_aa = np.einsum("ij,ij->j", weighted, s) + _SLOPE_PENALTY
    determinant = h_bb * h_aa - h_ab * h_ab
    slopes_step = (h_bb * by_slope - h_ab * by_intercept) / determinant
    intercepts_step = (h_aa * by_intercept - h_ab * by_slope) / determinant
    return np.clip(slopes - slopes_step, *_SLOPES), np.clip(intercepts - intercepts_step, *_INTERCEPTS)
