"""What features are like is kept with the calibration, and says how familiar a query is."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from model.calibration import Calibration
from model.errors import BundleCorrupt
from model.familiarity import Familiarity
from tests.builders import small_calibration

DIRECTIONS = np.array([[0.6, 0.8, 0, 0], [0, 0, 1, 0]])
MEAN = np.array([0.5, 0, 0, 0.25], np.float32)


def known(**changes: Any) -> Familiarity:
    """Four features, two directions of their own; 9 pairs were as strange as 1, 2, …"""
    facts: dict[str, Any] = {
        "n_known": 9,
        "mean": MEAN.tobytes(),
        "directions": DIRECTIONS.astype("<f2").tobytes(),
        "variances": (0.5, 0.25),
        "rest": 0.125,
        "strangeness": (1.0, 2.0, 3.0, 5.0, 9.0),
    }
    return Familiarity(**facts | changes)


def test_strangeness_is_that_of_a_normal_distribution() -> None:
    features = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    directions = np.frombuffer(known().directions, "<f2").reshape(2, 4).astype(np.float64)  # as they are kept
    covariance = directions.T @ np.diag([0.5, 0.25]) @ directions + 0.125 * (np.eye(4) - directions.T @ directions)
    for row, found in zip(features, known().strangeness_of(features), strict=True):
        away = row / np.linalg.norm(row) - MEAN
        assert found == pytest.approx(away @ np.linalg.inv(covariance) @ away, rel=1e-2)


def test_the_length_of_features_says_nothing() -> None:
    features = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    assert known().strangeness_of(7 * features) == pytest.approx(known().strangeness_of(features))
    assert np.isfinite(known().strangeness_of(np.zeros((1, 4), np.float32))).all()


def test_familiarity_is_the_share_that_is_as_strange() -> None:
    features = np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)
    for strange, share in zip(known().strangeness_of(features), known().shares(features), strict=True):
        below = np.interp(strange, (1, 2, 3, 5, 9), (0, 0.25, 0.5, 0.75, 1))
        assert share == pytest.approx(0.1 + 0.9 * (1 - below))


def test_those_that_are_just_as_strange_count() -> None:
    alike = known(strangeness=(2.0, 2.0, 2.0), mean=np.zeros(4, np.float32).tobytes(), variances=(0.5, 0.5), rest=0.5)
    assert alike.shares(np.eye(4, dtype=np.float32)[2:3]).tolist() == [1.0]
    assert alike.shares(np.empty((0, 4), np.float32)).shape == (0,)


def test_a_calibration_takes_it_along() -> None:
    calibration = replace(small_calibration(), familiarity={"text": known(value="features")})
    assert Calibration.from_json(calibration.to_json()) == calibration
    assert calibration.feature_values == {"text": "features"}
    carried = calibration.carried_to("other", {"text": "x"})
    assert (carried.bundle_id, carried.feature_values) == ("other", {"text": "x"})
    assert calibration.carried_to("other").feature_values == {}


def test_calibrations_of_earlier_versions_have_none() -> None:
    old = json.loads(small_calibration().to_json())
    del old["familiarity"]
    assert Calibration.from_json(json.dumps(old).encode()) == small_calibration()


@pytest.mark.parametrize(
    "damage",
    [
        {"mean": ""},
        {"directions": base64.b64encode(bytes(10)).decode()},
        {"directions": "?"},
        {"mean": base64.b64encode(b"\xff" * 16).decode()},
        {"variances": [0.5, 0.0]},
        {"rest": -1},
        {"strangeness": [2.0, 1.0]},
        {"n_known": 0},
        {"n_known": None},
        {"value": 3},
    ],
)
def test_what_is_damaged_is_refused(damage: dict[str, Any]) -> None:
    whole = json.loads(small_calibration().to_json()) | {"familiarity": {"text": known().to_facts() | damage}}
    with pytest.raises(BundleCorrupt, match="damaged"):
        Calibration.from_json(json.dumps(whole).encode())
