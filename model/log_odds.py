"""What shares of relevant ones tell of log-odds that were believed to be near some values: a Gaussian process, by Laplace's method.

Decides the numerics. Does not know what is counted, nor where the covariance comes from. Imports no torch.

Source: C. Rasmussen and C. Williams, Gaussian Processes for Machine Learning (2006), https://gaussianprocess.org/gpml, algorithms
3.1 (mode and evidence) and 3.2 (prediction), with the binomial likelihood of n_i trials at a place in the place of one trial. With
f = K a, p_i = 1 / (1 + exp(−x_i − f_i)) and W = diag(n_i p_i (1 − p_i)), the mode is the fixed point of Newton's step

    a ← b − √W (I + √W K √W)⁻¹ √W K b,   b = W f + r − n p

and log P(r) ≈ log P(r | f) − aᵀ f / 2 − Σ log L_ii, L Lᵀ = I + √W K √W.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
_N_STEPS, _NEAR, _SHORTEST = 100, 1e-9, 1e-4


class Belief(NamedTuple):
    """Log-odds at places, each normally distributed.

    Attributes:
        mean: (D,) float64.
        variance: (D,) float64, positive.
        log_evidence: Logarithm of the probability of what was counted, but for a constant of the counts.
    """

    mean: Float64
    variance: Float64
    log_evidence: float


def log_odds(shares: Float64 | tuple[float, ...], least: float = 1e-4) -> Float64:
    """Returns log p / (1 − p).

    Args:
        shares: (D,) probabilities.
        least: Probabilities nearer than this to 0 or 1 are taken as that near: they have no place on the scale.

    Returns:
        (D,) float64.
    """
    clipped = np.clip(np.asarray(shares, np.float64), least, 1 - least)
    odds: Float64 = np.log(clipped) - np.log1p(-clipped)
    return odds


def probability(odds: Float64) -> Float64:
    """Returns 1 / (1 + exp(−odds)).

    Args:
        odds: Log-odds, of any shape.

    Returns:
        As many probabilities.
    """
    shares: Float64 = np.exp(-np.logaddexp(0, -odds))
    return shares


def posterior(prior: Float64, covariance: Float64, n: Float64, relevant: Float64) -> Belief:
    """Returns what is believed after counting.

    Args:
        prior: (D,) float64, log-odds believed before.
        covariance: (D, D) float64, of the log-odds around them.
        n: (D,) float64, what was counted at each place; one place has some at least.
        relevant: (D,) float64, the relevant ones among them.

    Returns:
        The belief at all places, also those where nothing was counted.
    """
    seen = np.flatnonzero(n)
    mode = _Mode(prior[seen], covariance[np.ix_(seen, seen)], n[seen], relevant[seen])
    slope = mode.found()
    weight = mode.weight(slope)
    lower = np.linalg.cholesky(mode.system(weight))
    known = np.linalg.solve(lower, weight[:, None] * covariance[seen])
    variance = np.maximum(np.diag(covariance) - (known**2).sum(axis=0), _NEAR)
    evidence = mode.height(slope) - float(np.log(np.diag(lower)).sum())
    return Belief(prior + covariance[:, seen] @ slope, variance, evidence)


@dataclass(frozen=True, slots=True)
class _Mode:
    """Where something was counted: the posterior of f = K a, as a function of a."""

    prior: Float64
    covariance: Float64
    n: Float64
    relevant: Float64

    def found(self) -> Float64:
        """Climbs to the mode; a step that leads down is shortened, which the concave function makes rare."""
        slope = np.zeros(len(self.prior))
        height = self.height(slope)
        for _ in range(_N_STEPS):
            step, stride = self.newton(slope) - slope, 1.0
            while (reached := self.height(slope + stride * step)) < height and stride > _SHORTEST:
                stride /= 2
            slope = slope + stride * step
            if reached - height < _NEAR:
                break
            height = reached
        return slope

    def height(self, slope: Float64) -> float:
        """Returns log P(r | f) + log P(f), but for constants."""
        f = self.covariance @ slope
        odds = self.prior + f
        return float(self.relevant @ odds - self.n @ np.logaddexp(0, odds) - slope @ f / 2)

    def weight(self, slope: Float64) -> Float64:
        """Returns √W."""
        p = probability(self.prior + self.covariance @ slope)
        weight: Float64 = np.sqrt(self.n * p * (1 - p))
        return weight

    def system(self, weight: Float64) -> Float64:
        """Returns I + √W K √W."""
        system: Float64 = np.eye(len(weight)) + weight[:, None] * self.covariance * weight
        return system

    def newton(self, slope: Float64) -> Float64:
        """Returns where a step of Newton's method leads."""
        f, weight = self.covariance @ slope, self.weight(slope)
        target = weight**2 * f + self.relevant - self.n * probability(self.prior + f)
        towards: Float64 = target - weight * np.linalg.solve(self.system(weight), weight * (self.covariance @ target))
        return towards
