"""What one can honestly believe of a sample's labels from its features: ridge regression, each sample predicted without itself.

Decides the scaling of features and the strength of the ridge, both from the training split alone. Does not know codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from training.precision import matmul_precision

RIDGES = tuple(10.0 ** (power / 2) for power in range(-4, 7))
"""Strengths that are tried, in units of the features' mean squared length: 0.01 … 1000."""
_LEAST_VARIANCE = 1e-6  # of the largest; directions below it carry rounding errors only
_EPSILON = 1e-6


@dataclass(frozen=True, slots=True)
class Beliefs:
    """Linear predictions of C targets, scaled to mean 0 and variance 1 over the training samples.

    Attributes:
        weight: (feature_dim, C) float32.
        bias: (C,) float32; beliefs of new features x are x · weight + bias.
        held_out: (N, C) float32, the training samples' beliefs, each by a regression that did not see the sample.
        ridge: The strength that was chosen.
    """

    weight: Tensor
    bias: Tensor
    held_out: Tensor
    ridge: float


@torch.no_grad()
@matmul_precision("highest")  # decompositions suffer from rounded products
def fit_beliefs(features: Tensor, targets: Tensor, *, ridges: Sequence[float] = RIDGES) -> Beliefs:
    """Regresses targets on features, and chooses the ridge by the squared error of held-out predictions.

    With centred features X = U Σ Vᵀ and ridge λ, the hat matrix is H = 11ᵀ/N + U Σ²/(Σ² + λ) Uᵀ, and the prediction of sample i by
    a regression without it is y_i − (y_i − (H y)_i)/(1 − H_ii).

    Source: D. Allen, The Relationship between Variable Selection and Data Augmentation and a Method for Prediction (1974),
    https://doi.org/10.1080/00401706.1974.10489157 (PRESS); N. Draper and H. Smith, Applied Regression Analysis, for the form above.

    Args:
        features: (N, feature_dim) float32.
        targets: (N, C) float32 in [0, 1].
        ridges: Strengths to choose from, relative to the mean squared length of the centred features.

    Returns:
        The beliefs.
    """
    mean = features.mean(dim=0)
    centred = features - mean
    length = centred.square().sum(dim=1).mean().sqrt().clamp_min(_EPSILON)
    left, variances, right = _decompose(centred / length)
    target_mean = targets.mean(dim=0)
    projected = left.T @ (targets - target_mean)
    tried = [_held_out(left, variances / (variances + ridge), projected, targets - target_mean) for ridge in ridges]
    errors = [float((targets - target_mean - each).square().mean()) for each in tried]
    best = min(range(len(ridges)), key=errors.__getitem__)
    held_out = tried[best]
    centre, spread = held_out.mean(dim=0), held_out.std(dim=0, correction=0).clamp_min(_EPSILON)
    weight = right @ ((variances.sqrt() / (variances + ridges[best]))[:, None] * projected) / length / spread
    return Beliefs(weight, -(mean @ weight) - centre / spread, (held_out - centre) / spread, ridges[best])


def _decompose(centred: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns U, the squares of Σ and V of the singular value decomposition, by the smaller of the two Gram matrices."""
    wide = centred.shape[1] > centred.shape[0]
    gram = (centred @ centred.T if wide else centred.T @ centred).double()
    variances, vectors = torch.linalg.eigh(gram)
    kept = variances > _LEAST_VARIANCE * variances[-1].clamp_min(_EPSILON)
    variances, vectors = variances[kept].float(), vectors[:, kept].float()
    others = (centred.T if wide else centred) @ vectors / variances.sqrt()
    return (vectors, variances, others) if wide else (others, variances, vectors)


def _held_out(left: Tensor, shrinkage: Tensor, projected: Tensor, centred_targets: Tensor) -> Tensor:
    fitted = left @ (shrinkage[:, None] * projected)
    leverage = left.square() @ shrinkage + 1.0 / len(left)
    return centred_targets - (centred_targets - fitted) / (1.0 - leverage).clamp_min(_EPSILON)[:, None]
