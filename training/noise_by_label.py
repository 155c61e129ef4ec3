"""How likely each label is true, if labels were switched on and off one by one, each at rates of its own.

Decides this noise model. Does not know features or codes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from model.codes import Float32
from training.label_posterior import Float64, LabelPosterior

_RATE_BOUNDS = (-9.0, 3.0)  # logits of the rates' shares of their ceilings
_ON_CEILING, _OFF_CEILING = 0.5, 0.98  # a label that says less than nothing is not expected
_STARTS = ((-4.0, -3.0), (-2.0, 0.0))
_ON_SPREAD, _OFF_SPREAD = 0.2, 0.8  # of the rates' logits around their median over the labels
_TINY = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelNoise(LabelPosterior):
    """What was estimated.

    Attributes:
        false_on: (C,) float64, P(given | not true).
        false_off: (C,) float64, P(not given | true).
    """

    false_on: Float64
    false_off: Float64


def fit_noise_by_label(scores: Float32, given_labels: Float32) -> LabelNoise:
    """Estimates each label's noise rates, and from them the probability that it is true.

    Model, for each label: P(true | s) = q = σ(a s + b), a > 0, P(given | s) = ρ₊ + (1 − ρ₊ − ρ₋) q, fitted by maximum likelihood to
    the given labels: the rates show as the two levels between which the share of given labels moves with the score. Then by Bayes'
    rule, for a given label P = (1 − ρ₋) q / ((1 − ρ₋) q + ρ₊ (1 − q)), for an absent one P = ρ₋ q / (ρ₋ q + (1 − ρ₊)(1 − q)).
    Labels are fitted twice, the second time with the rates' logits drawn towards their median over all labels (a normal prior,
    empirical Bayes), so that rare labels borrow strength.

    Source: class-conditional noise as in N. Natarajan et al., Learning with Noisy Labels (2013),
    https://papers.nips.cc/paper/5073; levels as anchors as in G. Patrini et al. (2017), https://arxiv.org/abs/1609.03683.

    Args:
        scores: (N, C) float32, predictions that did not see the sample itself.
        given_labels: (N, C) float32 of 0 and 1.

    Returns:
        Probabilities and rates.
    """
    labels = range(given_labels.shape[1])
    fits = [_Fit(scores[:, label].astype(np.float64), given_labels[:, label].astype(np.float64)) for label in labels]
    first = np.array([fit.best(_STARTS, None) for fit in fits])
    middle = np.median(first[:, 2:], axis=0)
    second = np.array([fit.best([own[2:], middle], middle) for fit, own in zip(fits, first, strict=True)])
    columns = [fit.posterior(parameters) for fit, parameters in zip(fits, second, strict=True)]
    rates_on, rates_off = _rates(second[:, 2], second[:, 3])
    return LabelNoise(
        probability=np.stack(columns, axis=1).astype(np.float32),
        log_likelihood=-sum(fit.loss(parameters) for fit, parameters in zip(fits, second, strict=True)),
        false_on=rates_on,
        false_off=rates_off,
    )


class _Fit:
    """One label; parameters are log a, b, and the logits of ρ₊ and ρ₋ as shares of their ceilings."""

    def __init__(self, scores: Float64, given: Float64) -> None:
        self._scores, self._given = scores, given
        self._start = (0.7, float(logit(np.clip(given.mean(), _TINY, 1 - _TINY))))

    def best(self, starts: object, middle: Float64 | None) -> Float64:
        bounds = [(-3.0, 3.0), (-14.0, 14.0), _RATE_BOUNDS, _RATE_BOUNDS]
        found = [
            minimize(self._loss, [*self._start, *start], (middle,), jac=True, method="L-BFGS-B", bounds=bounds)
            for start in starts  # type: ignore[attr-defined]
        ]
        best: Float64 = min(found, key=lambda each: float(each.fun)).x
        return best

    def _loss(self, parameters: Float64, middle: Float64 | None) -> tuple[float, Float64]:
        """Mean negative log likelihood, with the prior's share, and its gradient."""
        slope, n = np.exp(parameters[0]), len(self._given)
        on, off = _rates(parameters[2], parameters[3])
        q = expit(slope * self._scores + parameters[1])
        level = np.clip(on + (1 - on - off) * q, _TINY, 1 - _TINY)
        loss = -float(np.mean(self._given * np.log(level) + (1 - self._given) * np.log1p(-level)))
        by_level = ((1 - self._given) / (1 - level) - self._given / level) / n
        by_logit = by_level * (1 - on - off) * q * (1 - q)
        gradient = np.array(
            [
                np.sum(by_logit * self._scores) * slope,
                np.sum(by_logit),
                np.sum(by_level * (1 - q)) * on * (1 - on / _ON_CEILING),
                -np.sum(by_level * q) * off * (1 - off / _OFF_CEILING),
            ]
        )
        if middle is not None:
            distance = (parameters[2:] - middle) / np.array([_ON_SPREAD, _OFF_SPREAD])
            loss += 0.5 * float(distance @ distance) / n
            gradient[2:] += distance / np.array([_ON_SPREAD, _OFF_SPREAD]) / n
        return loss, gradient

    def loss(self, parameters: Float64) -> float:
        return self._loss(parameters, None)[0]

    def posterior(self, parameters: Float64) -> Float64:
        on, off = _rates(parameters[2], parameters[3])
        q = expit(np.exp(parameters[0]) * self._scores + parameters[1])
        if_true = np.where(self._given > 0, 1 - off, off) * q
        if_not = np.where(self._given > 0, on, 1 - on) * (1 - q)
        probability: Float64 = if_true / np.maximum(if_true + if_not, _TINY**2)
        return probability


def _rates(on: Float64, off: Float64) -> tuple[Float64, Float64]:
    return _ON_CEILING * expit(on), _OFF_CEILING * expit(off)
