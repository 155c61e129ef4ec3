"""What the audit's benchmark measures: areas beside cleanlab's, calibration, and noise that always strikes the same labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.audit import render_found, render_worth
from bench.audit_figures import LARGEST, OWN, areas, best_of_cleanlab, calibration_error, confuse
from tests.audit_fixtures import features_of, true_labels
from training.label_noise import add_label_noise
from training.methods.base import LabelledFeatures


def test_the_audit_stands_beside_cleanlab_on_the_same_predictions() -> None:
    pytest.importorskip("cleanlab", reason="the comparison needs cleanlab")
    true = true_labels()
    features = features_of(true, true, spread=2.0)
    area, worth = areas(LabelledFeatures(features.image, features.text, torch.zeros(0)), true, add_label_noise(true, 0.4, seed=1))
    assert 1 >= area[OWN] > area[LARGEST] > 0.5
    assert area[OWN] > area[best_of_cleanlab([area])] >= area["cleanlab: self_confidence, minimum"] == pytest.approx(area[LARGEST])
    assert worth["wrong"] == 0.4
    assert worth["entries 0.7"] < 0.7 * worth["entries"]
    assert "| noise 0.4 |" in render_found({0.4: [area, area]})
    assert "| 0.400 ± 0.000 |" in render_worth({0.4: [worth, worth]})


def test_suspicion_that_is_right_as_often_as_it_says_has_no_calibration_error() -> None:
    suspicion = np.array([0.25] * 4 + [0.75] * 4, np.float32)
    assert calibration_error(suspicion, np.array([1, 0, 0, 0, 1, 1, 1, 0], bool)) == pytest.approx(0)
    assert calibration_error(suspicion, np.array([0, 0, 0, 0, 1, 1, 1, 1], bool)) == pytest.approx(0.25)


def test_confused_labels_change_only_where_one_is_true_and_the_other_is_not() -> None:
    true = true_labels()
    given = confuse(true, [(0, 1)], 0.5, np.random.default_rng(1))
    changed = (given != true).any(axis=1)
    assert (true[changed][:, :2] == [1, 0]).all()
    assert (given[changed][:, :2] == [0, 1]).all()
    assert changed.sum() == pytest.approx(0.5 * ((true[:, 0] > 0) & (true[:, 1] == 0)).sum(), rel=0.3)
