"""Queries of the world that was measured pass for familiar, others for strange."""

from __future__ import annotations

import numpy as np
import pytest

from model.codes import Float32
from training.familiarity import N_DIRECTIONS, fit_familiarity

DIM = 140


def features(n: int, seed: int, *, spread: float = 1.0) -> Float32:
    """Points around one direction, spread along ten others."""
    rng, world = np.random.default_rng(seed), np.random.default_rng(7)
    axes = world.normal(size=(11, DIM))
    found = 3 * axes[0] + spread * rng.normal(size=(n, 10)) @ axes[1:] + 0.3 * rng.normal(size=(n, DIM))
    return found.astype(np.float32)


def test_a_tenth_of_the_same_world_is_less_familiar_than_a_tenth() -> None:
    shares = fit_familiarity(features(2000, 1)).shares(features(2000, 2))
    assert (shares < 0.1).mean() == pytest.approx(0.1, abs=0.02)
    assert 0 < shares.min() <= shares.max() <= 1


def test_no_pair_judges_itself() -> None:
    """With fewer pairs than features each lies next to what was fitted with it; another one of its world must not be strange."""
    shares = fit_familiarity(features(60, 1)).shares(features(2000, 2))
    assert (shares < 0.1).mean() < 0.2


def test_another_world_is_strange() -> None:
    world = fit_familiarity(features(1000, 1), "value")
    rng = np.random.default_rng(3)
    assert world.shares(rng.normal(size=(50, DIM)).astype(np.float32)).max() < 0.01
    assert world.value == "value"
    assert world.feature_dim == DIM


def test_many_pairs_are_drawn_from_and_few_features_have_fewer_directions() -> None:
    world = fit_familiarity(np.tile(features(1000, 1), (6, 1)))
    assert (world.n_known, len(world.variances)) == (5000, N_DIRECTIONS)
    few = fit_familiarity(features(50, 1)[:, :8])
    assert len(few.variances) == 4


def test_the_distribution_is_that_of_all_pairs() -> None:
    known = features(200, 1)
    unit = known / np.linalg.norm(known, axis=1, keepdims=True)
    values = np.linalg.eigvalsh(np.cov(unit.T, bias=True))
    found = fit_familiarity(known)
    assert found.variances == pytest.approx(values[-N_DIRECTIONS:], rel=1e-3)
    assert found.rest == pytest.approx(values[:-N_DIRECTIONS].mean(), rel=1e-3)
    assert np.frombuffer(found.mean, "<f4") == pytest.approx(unit.mean(axis=0), abs=1e-6)


def test_where_all_features_are_the_same_others_are_strange() -> None:
    found = fit_familiarity(np.ones((50, 8), np.float32))
    assert found.shares(-np.ones((1, 8), np.float32)) == pytest.approx(1 / 51)
