"""Beliefs are what a ridge regression says of a sample that it has not seen: refitted sample by sample, in double precision."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from training.honest_beliefs import RIDGES, fit_beliefs

Float64 = npt.NDArray[np.float64]


def problem(seed: int, n: int, dim: int, n_targets: int = 3, *, noise: float = 0.3) -> tuple[Tensor, Tensor]:
    """Returns features that do not lie around 0, and targets in [0, 1] that follow from them but for noise."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, dim)) * rng.uniform(0.5, 2, size=dim) + rng.normal(size=dim)
    signal = features @ rng.normal(size=(dim, n_targets)) / dim**0.5 + noise * rng.normal(size=(n, n_targets))
    return torch.from_numpy(features).float(), torch.from_numpy(1 / (1 + np.exp(-signal))).float()


def regression(x: Float64, y: Float64, ridge: float) -> tuple[Float64, Float64]:
    """Returns weights and the intercept, which is not penalised, by the normal equations."""
    centred = x - x.mean(axis=0)
    weight = np.linalg.solve(centred.T @ centred + ridge * np.eye(x.shape[1]), centred.T @ (y - y.mean(axis=0)))
    return weight, y.mean(axis=0) - x.mean(axis=0) @ weight


def held_out_by_loop(features: Tensor, targets: Tensor, ridge: float) -> tuple[Float64, Float64, Float64]:
    """Returns features in units of their length, targets, and each sample's prediction by a regression on all others."""
    x, y = features.double().numpy(), targets.double().numpy()
    x = x / np.sqrt(((x - x.mean(axis=0)) ** 2).sum(axis=1).mean())
    found = np.empty_like(y)
    for i in range(len(x)):
        weight, intercept = regression(np.delete(x, i, axis=0), np.delete(y, i, axis=0), ridge)
        found[i] = x[i] @ weight + intercept
    return x, y, found


@pytest.mark.parametrize("ridge", [0.01, 1.0, 30.0])
@pytest.mark.parametrize(("n", "dim"), [(40, 7), (15, 30), (20, 20)])
def test_held_out_beliefs_are_those_of_a_regression_refitted_without_the_sample(n: int, dim: int, ridge: float) -> None:
    features, targets = problem(1, n, dim)
    found = fit_beliefs(features, targets, ridges=[ridge])
    _, _, wanted = held_out_by_loop(features, targets, ridge)
    np.testing.assert_allclose(found.held_out.numpy(), (wanted - wanted.mean(axis=0)) / wanted.std(axis=0), atol=2e-4)
    assert found.ridge == ridge


@pytest.mark.parametrize(("n", "dim"), [(40, 7), (15, 30)])
def test_new_features_are_believed_by_the_regression_on_all_samples_on_the_same_scale(n: int, dim: int) -> None:
    features, targets = problem(2, n, dim)
    found = fit_beliefs(features, targets, ridges=[0.3])
    x, y, held_out = held_out_by_loop(features, targets, 0.3)
    weight, intercept = regression(x, y, 0.3)
    wanted = (x @ weight + intercept - held_out.mean(axis=0)) / held_out.std(axis=0)
    np.testing.assert_allclose((features @ found.weight + found.bias).numpy(), wanted, atol=2e-4)


@pytest.mark.parametrize("noise", [0.0, 1.0, 8.0])
def test_the_ridge_is_the_one_with_the_least_error_of_held_out_predictions(noise: float) -> None:
    features, targets = problem(3, 40, 12, noise=noise)
    errors = {}
    for ridge in RIDGES:
        _, y, predicted = held_out_by_loop(features, targets, ridge)
        errors[ridge] = ((predicted - y) ** 2).mean()
    assert fit_beliefs(features, targets).ridge == min(errors, key=errors.__getitem__)


def test_noisier_targets_need_a_stronger_ridge() -> None:
    ridges = [fit_beliefs(*problem(3, 40, 12, noise=noise)).ridge for noise in (0.0, 1.0, 8.0)]
    assert ridges == sorted(ridges)
    assert len(set(ridges)) == 3


def test_columns_that_say_nothing_change_nothing_though_they_make_the_problem_a_wide_one() -> None:
    features, targets = problem(4, 25, 6)
    tall, wide = (fit_beliefs(torch.cat([features, torch.full((25, n), 3.0)], dim=1), targets) for n in (0, 40))
    assert tall.ridge == wide.ridge
    torch.testing.assert_close(wide.held_out, tall.held_out, atol=1e-4, rtol=0)
    torch.testing.assert_close(wide.weight[:6], tall.weight, atol=1e-4, rtol=1e-4)
    assert wide.weight[6:].abs().max() < 1e-5


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_beliefs_do_not_depend_on_the_unit_or_origin_of_features(scale: float) -> None:
    features, targets = problem(5, 30, 8)
    plain, moved = fit_beliefs(features, targets), fit_beliefs(scale * (features + 5), targets)
    torch.testing.assert_close(moved.held_out, plain.held_out, atol=1e-3, rtol=0)
    torch.testing.assert_close(scale * moved.weight, plain.weight, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("n", [12, 40])
def test_held_out_beliefs_have_mean_0_and_deviation_1(n: int) -> None:
    found = fit_beliefs(*problem(6, n, 20)).held_out
    torch.testing.assert_close(found.mean(dim=0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.std(dim=0, correction=0), torch.ones(3))


def test_what_cannot_be_known_is_not_believed() -> None:
    """More features than samples, and targets of pure chance: in-sample predictions would fit, held-out ones do not."""
    rng = np.random.default_rng(7)
    features, targets = torch.from_numpy(rng.normal(size=(60, 200))).float(), torch.from_numpy(rng.random((60, 5))).float()
    found = fit_beliefs(features, targets, ridges=[0.01])
    correlations = [np.corrcoef(a, b)[0, 1] for a, b in zip(found.held_out.T.numpy(), targets.T.numpy(), strict=True)]
    fitted = features @ found.weight + found.bias
    assert max(correlations) < 0.35
    assert min(np.corrcoef(a, b)[0, 1] for a, b in zip(fitted.T.numpy(), targets.T.numpy(), strict=True)) > 0.99


def degenerate(name: str) -> tuple[Tensor, Tensor]:
    features, targets = problem(8, 20, 6)
    return {
        "constant features": (torch.full((20, 6), 2.5), targets),
        "zero features": (torch.zeros(20, 6), targets),
        "duplicate columns": (features.repeat(1, 3), targets),
        "duplicate samples": (features[:1].repeat(20, 1).index_copy(0, torch.tensor([3]), features[3:4]), targets),
        "one constant target": (features, targets.index_fill(1, torch.tensor(1), 1.0)),
        "constant targets": (features, torch.zeros(20, 3)),
        "two samples": (features[:2], targets[:2]),
        "one sample": (features[:1], targets[:1]),
        "huge features": (1e6 * features, targets),
    }[name]


@pytest.mark.parametrize(
    "name",
    [
        "constant features",
        "zero features",
        "duplicate columns",
        "duplicate samples",
        "one constant target",
        "constant targets",
        "two samples",
        "one sample",
        "huge features",
    ],
)
def test_beliefs_are_finite_and_bounded_where_there_is_little_to_learn_from(name: str) -> None:
    features, targets = degenerate(name)
    found = fit_beliefs(features, targets)
    for tensor in (found.weight, found.bias, found.held_out, features @ found.weight + found.bias):
        assert torch.isfinite(tensor).all()
    assert found.held_out.abs().max() <= len(features) ** 0.5 + 1e-3
    assert found.held_out.shape == targets.shape


def test_a_label_that_everybody_bears_is_believed_of_nobody_in_particular() -> None:
    found = fit_beliefs(*degenerate("one constant target"))
    assert found.held_out[:, 1].abs().max() < 1.0
    torch.testing.assert_close(found.weight[:, 1], torch.zeros(6), atol=1e-3, rtol=0)
