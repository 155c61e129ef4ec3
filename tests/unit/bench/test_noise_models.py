"""Each kind of noise changes what it says, and a row names the likelier model and the doubt of both."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.noise_models import NOISES, log_loss, replace_half, row_of, switch
from training.methods.base import LabelledFeatures

N, C, DIM = 1200, 6, 20


def labels() -> np.ndarray:
    return (np.random.default_rng(1).random((N, C)) < 0.3).astype(np.uint8)


@pytest.mark.parametrize(("on", "off"), [(0.1, 0.0), (0.0, 0.4), (0.2, 0.5)])
def test_labels_are_switched_at_the_rates(on: float, off: float) -> None:
    true = labels()
    given = switch(on, off)(true, np.random.default_rng(2), 2)
    assert given[true == 0].mean() == pytest.approx(on, abs=0.03)
    assert 1 - given[true == 1].mean() == pytest.approx(off, abs=0.04)


def test_half_of_the_samples_get_labels_that_others_have() -> None:
    true = labels()
    given = replace_half(true, np.random.default_rng(2), 2)
    changed = (given != true).any(axis=1).mean()
    assert 0.35 < changed < 0.5
    assert {tuple(row) for row in given} <= {tuple(row) for row in true}


def test_doubt_is_the_mean_negative_log_probability_of_what_is_true() -> None:
    found = log_loss(np.array([[0.5, 0.25]], dtype=np.float32), np.array([[1, 0]], dtype=np.uint8))
    assert found == pytest.approx(-(np.log(0.5) + np.log(0.75)) / 2)


@pytest.mark.parametrize(("name", "likelier"), [("exchange, .8 of the samples", 1), ("on at 2 %, off at 60 %", 2)])
def test_a_row_marks_the_likelier_model_which_leaves_less_doubt(name: str, likelier: int) -> None:
    rng, true = np.random.default_rng(3), labels()
    sides = (true @ rng.normal(size=(C, DIM)) + 0.7 * rng.normal(size=(N, DIM)) for _ in range(2))
    features = LabelledFeatures(*(torch.from_numpy(side).float() for side in sides), torch.zeros(N, C))
    cells = [cell.strip() for cell in row_of(name, features, true, 1).strip("|").split("|")]
    assert name in NOISES
    assert [cell.startswith("**") for cell in cells[1:3]] == [likelier == 1, likelier == 2]
    chosen, other = map(float, cells[3].split(" / "))
    assert chosen < other
    assert float(cells[4]) > 0
