"""How familiar a query is: whether its relaxed code could be one of the world that a bundle was calibrated on.

Decides the measure and how it is calibrated. Needs no labels, no index and no queries from elsewhere. Does not know what a service
does with the strange. Imports no torch.

A query's strangeness is its squared Mahalanobis distance from the relaxed codes z of unseen pairs,

    s = (z − μ)ᵀ (Σ + ρ v I)⁻¹ (z − μ),

v being the mean variance of a bit (K. Lee et al., A Simple Unified Framework for Detecting Out-of-Distribution Samples, 2018,
https://arxiv.org/abs/1807.03888, there one class at a time). ρ is the one under which held-out codes are likeliest if they are
distributed normally. Its familiarity is the share of unseen pairs that are at least as strange, each by the μ and Σ of the folds
without it (V. Vovk, Cross-Conformal Predictors, 2015, https://arxiv.org/abs/1208.0806): of queries from the same world a tenth
or so are less familiar than 0.1, whatever the codes are like.

Note: signs do not do. How far a stranger's relaxed code stays from ±1, and which bits go together, tells it apart.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model.codes import Float32

Float64 = npt.NDArray[np.float64]
_RIDGES, _FOLDS, _POINTS = (1.0, 0.1, 0.01, 0.001, 0.0001), 10, 257
_TINY = 1e-6  # of codes that are all the same the variance is 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Familiarity:
    """What relaxed codes of one modality are like.

    Attributes:
        n_queries: Codes that were looked at.
        mean: (n_bits) μ.
        whitening: Lower triangle of W, row by row, little-endian float32; Wᵀ W = (Σ + ρ v I)⁻¹.
        strangeness: Rising, evenly spaced quantiles of s among the codes, from the least to the largest.
    """

    n_queries: int
    mean: tuple[float, ...]
    whitening: bytes
    strangeness: tuple[float, ...]

    def shares(self, relaxed_codes: Float32) -> Float64:
        """Returns how familiar queries are.

        Args:
            relaxed_codes: (N, n_bits) float32 in [−1, 1].

        Returns:
            (N,) float64 in (0, 1], the share of unseen pairs that are at least as strange.
        """
        n_bits = len(self.mean)
        factor = np.zeros((n_bits, n_bits))
        factor[np.tril_indices(n_bits)] = np.frombuffer(self.whitening, "<f4")
        found = (((relaxed_codes - np.array(self.mean)) @ factor.T) ** 2).sum(axis=1)
        nearer = np.nextafter(found, -np.inf)  # those that are just as strange are not below
        below = np.interp(nearer, self.strangeness, np.linspace(0, 1, len(self.strangeness)))
        least = 1 / (self.n_queries + 1)
        return np.asarray(least + (1 - least) * (1 - below))

    def to_facts(self) -> dict[str, Any]:
        """Returns what :meth:`from_facts` reads, JSON-able."""
        return {
            "n_queries": self.n_queries,
            "mean": list(self.mean),
            "whitening": base64.b64encode(self.whitening).decode(),
            "strangeness": list(self.strangeness),
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any], n_bits: int) -> Familiarity:
        """Reads what :meth:`to_facts` gave.

        Args:
            facts: As read from JSON.
            n_bits: Bits of a code.

        Returns:
            The same.

        Raises:
            ValueError: If a length or a number cannot be, or quantiles fall.
            KeyError: If something is missing.
            TypeError: If something is of another type.
        """
        mean, strangeness = (tuple(float(number) for number in facts[name]) for name in ("mean", "strangeness"))
        whitening, n_queries = base64.b64decode(facts["whitening"], validate=True), int(facts["n_queries"])
        if len(mean) != n_bits or len(whitening) != 2 * n_bits * (n_bits + 1) or n_queries < 1 or len(strangeness) < 2:
            raise ValueError(f"familiarity of {len(mean)} bits from {n_queries} codes does not fit {n_bits} bits")
        numbers = np.concatenate([mean, np.frombuffer(whitening, "<f4"), strangeness])
        if not np.isfinite(numbers).all() or (np.diff(strangeness) < 0).any():
            raise ValueError("familiarity has numbers that are not finite, or quantiles that fall")
        return cls(n_queries=n_queries, mean=mean, whitening=whitening, strangeness=strangeness)


def fit_familiarity(relaxed_codes: Float32) -> Familiarity:
    """Learns what codes of a world are like.

    Args:
        relaxed_codes: (N, n_bits) float32 in [−1, 1], of pairs that training did not see; N of 20 or more.

    Returns:
        What tells the familiar from the strange.
    """
    codes = relaxed_codes.astype(np.float64)
    found = {ridge: _held_out(codes, ridge) for ridge in _RIDGES}
    ridge = max(found, key=lambda each: found[each][1])
    mean, factor = _gaussian(codes, ridge)
    quantiles = np.quantile(found[ridge][0], np.linspace(0, 1, _POINTS))
    return Familiarity(
        n_queries=len(codes),
        mean=tuple(mean.round(6).tolist()),
        whitening=factor[np.tril_indices(len(mean))].astype("<f4").tobytes(),
        strangeness=tuple(quantiles.round(4).tolist()),
    )


def _gaussian(codes: Float64, ridge: float) -> tuple[Float64, Float64]:
    """Returns μ and W."""
    mean = codes.mean(axis=0)
    covariance = (codes - mean).T @ (codes - mean) / len(codes)
    n_bits = len(mean)
    covariance += (ridge * np.trace(covariance) / n_bits + _TINY) * np.eye(n_bits)
    return mean, np.linalg.inv(np.linalg.cholesky(covariance))


def _held_out(codes: Float64, ridge: float) -> tuple[Float64, float]:
    """Returns each code's strangeness by the folds without it, and the log-likelihood of all but a constant."""
    order = np.random.default_rng(0).permutation(len(codes))
    strangeness, likelihood = np.empty(len(codes)), 0.0
    for fold in range(_FOLDS):
        left_out = order[fold::_FOLDS]
        mean, factor = _gaussian(np.delete(codes, left_out, axis=0), ridge)
        strangeness[left_out] = (((codes[left_out] - mean) @ factor.T) ** 2).sum(axis=1)
        likelihood += len(left_out) * float(np.log(np.diag(factor)).sum()) - strangeness[left_out].sum() / 2
    return strangeness, likelihood
