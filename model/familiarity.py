"""How familiar a query is: whether it could be one of the world that a bundle was calibrated on.

Decides the measure, and its form as JSON. Needs no labels, no index and no queries from elsewhere, and does not look at codes: a
backbone's features tell worlds apart that a code of a few labels cannot. How it is learnt is ``training.familiarity``. Does not
know what a service does with the strange. Imports no torch.

A query's strangeness is minus twice the log-likelihood of its features z, scaled to length 1, under a normal distribution that has
its own variance in each of k directions U and one variance σ² in all others, but for a constant:

    s = Σ_i (u_i · (z − μ))² / λ_i + (|z − μ|² − Σ_i (u_i · (z − μ))²) / σ²

(M. Tipping and C. Bishop, Probabilistic Principal Component Analysis, 1999, https://doi.org/10.1111/1467-9868.00196; with all
directions the Mahalanobis distance of K. Lee et al., 2018, https://arxiv.org/abs/1807.03888, there one class at a time). Its
familiarity is the share of known pairs that are at least as strange.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from model.codes import Float32

Float64 = npt.NDArray[np.float64]
_TINY = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Familiarity:
    """What features of one modality are like.

    Attributes:
        n_known: Pairs that were looked at.
        mean: (feature_dim,) little-endian float32, μ.
        directions: (k, feature_dim) little-endian float16, U row by row.
        variances: (k,) λ.
        rest: σ².
        strangeness: Rising, evenly spaced quantiles of s among the known pairs, from the least to the largest.
        value: What the features are called within the bundle's graph; None if they are in none.
    """

    n_known: int
    mean: bytes
    directions: bytes
    variances: tuple[float, ...]
    rest: float
    strangeness: tuple[float, ...]
    value: str | None = None

    @property
    def feature_dim(self) -> int:
        """Width of a feature vector."""
        return len(self.mean) // 4

    def strangeness_of(self, features: Float32) -> Float64:
        """Returns s of the module's docstring.

        Args:
            features: (N, feature_dim) float32, as a backbone gives them.

        Returns:
            (N,) float64, 0 or more.
        """
        known = features.astype(np.float64)
        known /= np.maximum(np.linalg.norm(known, axis=1, keepdims=True), _TINY)
        mean, directions = _numbers(self.mean, self.directions)
        known -= mean
        along = (known @ directions.T) ** 2
        beside = np.maximum((known**2).sum(axis=1) - along.sum(axis=1), 0)
        return np.asarray((along / np.array(self.variances)).sum(axis=1) + beside / self.rest)

    def shares(self, features: Float32) -> Float64:
        """Returns how familiar queries are.

        Args:
            features: (N, feature_dim) float32, as a backbone gives them.

        Returns:
            (N,) float64 in (0, 1], the share of known pairs that are at least as strange.
        """
        nearer = np.nextafter(self.strangeness_of(features), -np.inf)  # those that are just as strange are not below
        below = np.interp(nearer, self.strangeness, np.linspace(0, 1, len(self.strangeness)))
        least = 1 / (self.n_known + 1)
        return np.asarray(least + (1 - least) * (1 - below))

    def to_facts(self) -> dict[str, Any]:
        """Returns what :meth:`from_facts` reads, JSON-able."""
        written = {name: base64.b64encode(getattr(self, name)).decode() for name in ("mean", "directions")}
        lists = {name: list(getattr(self, name)) for name in ("variances", "strangeness")}
        return {**written, **lists, "n_known": self.n_known, "rest": self.rest, "value": self.value}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Familiarity:
        """Reads what :meth:`to_facts` gave.

        Args:
            facts: As read from JSON.

        Returns:
            The same.

        Raises:
            ValueError: If lengths do not fit, a number cannot be, or quantiles fall.
            KeyError: If something is missing.
            TypeError: If something is of another type.
        """
        mean, directions = (base64.b64decode(facts[name], validate=True) for name in ("mean", "directions"))
        variances, strangeness = (tuple(float(number) for number in facts[name]) for name in ("variances", "strangeness"))
        value, rest, n_known = facts["value"], float(facts["rest"]), int(facts["n_known"])
        if not mean or len(mean) % 4 or len(directions) != len(variances) * len(mean) // 2 or len(strangeness) < 2 or n_known < 1:
            raise ValueError(f"familiarity: {len(mean)} and {len(directions)} bytes do not fit {len(variances)} directions")
        numbers = np.concatenate([np.frombuffer(mean, "<f4"), np.frombuffer(directions, "<f2"), strangeness])
        if not np.isfinite(numbers).all() or min(*variances, rest) <= 0 or (np.diff(strangeness) < 0).any():
            raise ValueError("familiarity: numbers that are not finite, variances that are not positive, or quantiles that fall")
        if not (value is None or isinstance(value, str)):
            raise TypeError(f"familiarity: {value!r} is no name of a value")
        return cls(
            n_known=n_known,
            mean=mean,
            directions=directions,
            variances=variances,
            rest=rest,
            strangeness=strangeness,
            value=value,
        )


@lru_cache(8)  # bytes know their hash: looking up takes no time, and the same bytes are asked with every forward pass
def _numbers(mean: bytes, directions: bytes) -> tuple[Float64, Float64]:
    centre = np.frombuffer(mean, "<f4").astype(np.float64)
    return centre, np.frombuffer(directions, "<f2").reshape(-1, len(centre)).astype(np.float64)
