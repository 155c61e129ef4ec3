"""Canonical correlations: the projections are uncorrelated within and between dimensions, and are those of the eigenproblem."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training_fixtures import labelled
from training.joint_space import fit_joint_space


def projected(ridge: float, power: float, n: int = 70) -> tuple[np.ndarray, np.ndarray]:
    train = labelled(n)
    maps = fit_joint_space(train.image, train.text, ridge=ridge, power=power)
    return maps["image"].apply(train.image.double().numpy()), maps["text"].apply(train.text.double().numpy())


def correlations_by_eigenvalues() -> np.ndarray:
    """Square roots of the eigenvalues of C_xx⁻¹ C_xy C_yy⁻¹ C_yx."""
    train = labelled()
    x, y = (side.double().numpy() - side.double().numpy().mean(axis=0) for side in (train.image, train.text))
    product = np.linalg.inv(x.T @ x) @ (x.T @ y) @ np.linalg.inv(y.T @ y) @ (y.T @ x)
    return np.sqrt(np.sort(np.linalg.eigvals(product).real)[::-1][:10])


def test_without_scaling_each_modality_is_white_and_only_equal_dimensions_correlate() -> None:
    x, y = projected(ridge=1e-9, power=0.0)
    np.testing.assert_allclose(x.T @ x / 70, np.eye(10), atol=1e-6)
    np.testing.assert_allclose(y.T @ y / 70, np.eye(10), atol=1e-6)
    np.testing.assert_allclose(x.T @ y / 70, np.diag(correlations_by_eigenvalues()), atol=1e-6)


def test_dimensions_are_scaled_by_powers_of_their_correlations() -> None:
    (plain, _), (scaled, _) = projected(ridge=1e-9, power=0.0), projected(ridge=1e-9, power=4.0)
    np.testing.assert_allclose(scaled, plain * correlations_by_eigenvalues() ** 4, atol=1e-6)


def test_places_are_centred_in_as_many_dimensions_as_the_narrower_features_have() -> None:
    x, y = projected(ridge=0.1, power=1.0)
    assert x.shape == y.shape == (70, 10)
    np.testing.assert_allclose(np.stack([x.mean(axis=0), y.mean(axis=0)]), 0, atol=1e-9)


@pytest.mark.parametrize("image", [torch.zeros(9, 12), torch.ones(9, 12)], ids=["zeros", "constant"])
def test_features_that_do_not_vary_give_finite_places(image: torch.Tensor) -> None:
    maps = fit_joint_space(image, labelled(9).text, ridge=0.1, power=4.0)
    assert np.isfinite(maps["image"].apply(image.double().numpy())).all()


def test_fewer_pairs_than_features_are_no_obstacle() -> None:
    x, _ = projected(ridge=0.1, power=1.0, n=4)
    assert np.isfinite(x).all()
