"""Queries of the world that was measured pass for familiar, others for strange."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from model.calibration import Calibration
from model.codes import Float32
from model.errors import BundleCorrupt
from model.familiarity import Familiarity, fit_familiarity
from tests.builders import small_calibration

N_BITS = 8


def codes(n: int, seed: int = 0) -> Float32:
    """Relaxed codes in which bits go together: four latent values, two bits each."""
    rng = np.random.default_rng(seed)
    latent = np.repeat(rng.normal(size=(n, N_BITS // 2)), 2, axis=1)
    return np.tanh(latent + 0.2 * rng.normal(size=(n, N_BITS))).astype(np.float32)


def slow_strangeness(codes: Float32, query: Float32, ridge: float) -> float:
    mean = codes.mean(axis=0)
    covariance = np.cov(codes.T, bias=True)
    regular = covariance + (ridge * np.diag(covariance).mean() + 1e-6) * np.eye(N_BITS)
    return float((query - mean) @ np.linalg.inv(regular) @ (query - mean))


def test_familiarity_is_the_share_of_codes_as_strange_by_folds_without_them() -> None:
    measured, queries, order = codes(40), codes(5, seed=1), np.random.default_rng(0).permutation(40)
    shares = fit_familiarity(measured).shares(queries)
    agreeing = []
    for ridge in (1.0, 0.1, 0.01, 0.001, 0.0001):
        held_out = [
            slow_strangeness(np.delete(measured, order[i % 10 :: 10], axis=0), measured[order[i]], ridge) for i in range(40)
        ]
        strange = [slow_strangeness(measured, query, ridge) for query in queries]
        slow = np.array([(1 + sum(each >= found for each in held_out)) / 41 for found in strange])
        agreeing.append(np.abs(slow - shares).max() < 1.5 / 41)  # quantiles lie between the ranks
    assert any(agreeing)


def test_a_tenth_of_the_same_world_is_less_familiar_than_a_tenth() -> None:
    shares = fit_familiarity(codes(2000)).shares(codes(2000, seed=1))
    assert (shares < 0.1).mean() == pytest.approx(0.1, abs=0.02)
    assert 0 < shares.min() <= shares.max() <= 1


def test_bits_that_do_not_go_together_are_strange_although_each_is_usual() -> None:
    usual, stranger = codes(500), codes(200, seed=1)
    stranger[:, ::2] *= -1
    assert np.median(fit_familiarity(usual).shares(stranger)) < 0.02


def test_where_all_codes_are_equal_they_are_familiar_and_nothing_else_is() -> None:
    found = fit_familiarity(np.ones((50, N_BITS), np.float32))
    assert found.shares(np.ones((1, N_BITS), np.float32)).tolist() == [1.0]
    assert found.shares(np.zeros((1, N_BITS), np.float32)) == pytest.approx(1 / 51)


def test_no_queries_have_no_familiarity() -> None:
    assert fit_familiarity(codes(50)).shares(np.empty((0, N_BITS), np.float32)).shape == (0,)


def test_a_calibration_takes_it_along() -> None:
    calibration = replace(small_calibration(), familiarity={"text": fit_familiarity(codes(50))})
    assert Calibration.from_json(calibration.to_json()) == calibration
    assert Calibration.from_json(small_calibration().to_json()).familiarity == {}


def test_calibrations_of_earlier_versions_have_none() -> None:
    old = json.loads(small_calibration().to_json())
    del old["familiarity"]
    assert Calibration.from_json(json.dumps(old).encode()) == small_calibration()


@pytest.mark.parametrize(
    "damage",
    [
        {"mean": [0.0] * 7},
        {"whitening": base64.b64encode(bytes(10)).decode()},
        {"whitening": "?"},
        {"whitening": base64.b64encode(b"\xff" * 144).decode()},
        {"strangeness": [2.0, 1.0]},
        {"n_queries": 0},
        {"n_queries": None},
    ],
)
def test_what_is_damaged_is_refused(damage: dict[str, Any]) -> None:
    facts = fit_familiarity(codes(50)).to_facts()
    with pytest.raises((ValueError, TypeError)):
        Familiarity.from_facts(facts | damage, N_BITS)
    whole = json.loads(small_calibration().to_json()) | {"familiarity": {"text": facts | damage}}
    with pytest.raises(BundleCorrupt, match="damaged"):
        Calibration.from_json(json.dumps(whole).encode())
