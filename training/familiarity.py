"""What the features of a data set are like, so that a query from elsewhere is told (``model.familiarity``).

Decides how many directions are told apart, and that no pair judges itself: each one's strangeness is measured by the folds
without it (V. Vovk, Cross-Conformal Predictors, 2015, https://arxiv.org/abs/1208.0806). Backbones are frozen: pairs that heads
were trained on are as good as others. Does not know labels or codes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import linalg

from model.codes import Float32
from model.familiarity import Familiarity

N_DIRECTIONS, MOST_KNOWN = 64, 5000
"""With 16 to 192 directions as many strangers are told (``docs/calibration.md``); 64 fill 280 kB."""
_FOLDS, _POINTS, _TINY = 5, 257, 1e-9
Float64 = npt.NDArray[np.float64]


def fit_familiarity(features: Float32, value: str | None = None, *, n_directions: int = N_DIRECTIONS) -> Familiarity:
    """Learns what features are like.

    Args:
        features: (N, feature_dim) float32, as a backbone gives them; N of 20 or more. Of more than 5,000, so many are drawn.
        value: What they are called within the bundle's graph.
        n_directions: How many have a variance of their own; of few features half.

    Returns:
        What tells the familiar from the strange.
    """
    order = np.random.default_rng(0).permutation(len(features))[:MOST_KNOWN]
    known = np.asarray(features[np.sort(order)], np.float32)
    strangeness = np.empty(len(known))
    for fold in range(_FOLDS):
        held_out = np.arange(fold, len(known), _FOLDS)
        strangeness[held_out] = _fit(np.delete(known, held_out, axis=0), n_directions).strangeness_of(known[held_out])
    quantiles = np.quantile(strangeness, np.linspace(0, 1, _POINTS)).round(4)
    return replace(_fit(known, n_directions), strangeness=tuple(quantiles.tolist()), value=value)


def _fit(known: Float32, n_directions: int) -> Familiarity:
    """Returns the distribution; how strange the known ones are is yet to be measured."""
    unit = known / np.maximum(np.linalg.norm(known, axis=1, keepdims=True), _TINY)
    mean, dim = unit.mean(axis=0), unit.shape[1]
    covariance: Float64 = ((unit - mean).T @ (unit - mean) / len(unit)).astype(np.float64)
    k = min(n_directions, max(dim // 2, 1))  # with next to none left σ² would be that of rounding
    variances, directions = linalg.eigh(covariance, subset_by_index=[dim - k, dim - 1])
    rest = (np.trace(covariance) - variances.sum()) / (dim - k)
    return Familiarity(
        n_known=len(known),
        mean=mean.astype("<f4").tobytes(),
        directions=directions.T.astype("<f2").tobytes(),
        variances=tuple(np.maximum(variances, _TINY).tolist()),
        rest=float(max(rest, _TINY)),
        strangeness=(0.0, 0.0),
    )
