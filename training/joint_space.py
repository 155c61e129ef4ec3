"""A linear space that images and texts share, found without labels: canonical correlation analysis.

Decides the projections and what each dimension counts. Does not know bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import linalg
from torch import Tensor

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LinearMap:
    """Takes one modality's features x to (x − mean) · weight.

    Attributes:
        mean: (feature_dim,) float64.
        weight: (feature_dim, d) float64.
    """

    mean: Float64
    weight: Float64

    def apply(self, features: Float64) -> Float64:
        """Returns the features in the shared space.

        Args:
            features: (N, feature_dim) float64.

        Returns:
            (N, d) float64.
        """
        return (features - self.mean) @ self.weight


def fit_joint_space(image: Tensor, text: Tensor, *, ridge: float, power: float) -> dict[str, LinearMap]:
    """Finds the pairs of directions in which images and texts correlate most.

    Source: Hotelling (1936), https://doi.org/10.1093/biomet/28.3-4.321; scaling by powers of the correlations as in Gong et al.
    (IJCV 2014), https://arxiv.org/abs/1212.4522. With C_xx + r I, r = ridge · trace(C_xx) / feature_dim, and likewise for texts:
    C_xx^−½ C_xy C_yy^−½ = P diag(ρ) Qᵀ (½ by Cholesky), W_x = C_xx^−½ P diag(ρ^power), W_y = C_yy^−½ Q diag(ρ^power).

    Args:
        image: (N, image feature_dim).
        text: (N, text feature_dim).
        ridge: Share of the mean variance that is added to each direction's; > 0 where features may be linearly dependent.
        power: Exponent of the correlations: 0 lets all dimensions count alike.

    Returns:
        A map by modality into as many dimensions as the narrower features have, the most correlated first.
    """
    x, y = image.double().cpu().numpy(), text.double().cpu().numpy()
    means = x.mean(axis=0), y.mean(axis=0)
    x, y = x - means[0], y - means[1]
    factors = _factor(x, ridge), _factor(y, ridge)
    half = linalg.solve_triangular(factors[0], x.T @ y / len(x), lower=True)
    p, correlations, q = linalg.svd(linalg.solve_triangular(factors[1], half.T, lower=True).T, full_matrices=False)
    scale = correlations.clip(0.0, 1.0) ** power
    weights = [
        linalg.solve_triangular(factor, side, lower=True, trans="T") * scale for factor, side in zip(factors, (p, q.T), strict=True)
    ]
    return {"image": LinearMap(means[0], weights[0]), "text": LinearMap(means[1], weights[1])}


def _factor(centred: Float64, ridge: float) -> Float64:
    """Returns the lower Cholesky factor of the covariance with its ridge."""
    covariance = centred.T @ centred / len(centred)
    added = ridge * np.trace(covariance) / len(covariance)
    factor: Float64 = linalg.cholesky(covariance + max(added, np.finfo(np.float64).tiny) * np.eye(len(covariance)), lower=True)
    return factor
