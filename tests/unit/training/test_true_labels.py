"""The noise model that explains the given labels best is taken, whichever noise there was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from training.label_noise import add_label_noise
from training.methods.base import LabelledFeatures
from training.true_labels import NoiseModel, estimate_label_probabilities

N, C, DIM = 2000, 6, 24


def pairs(noise: str) -> tuple[LabelledFeatures, Tensor]:
    """Features from which labels can be read almost without error, and labels under noise of a kind."""
    rng = np.random.default_rng(1)
    true = (rng.random((N, C)) < np.linspace(0.1, 0.4, C)).astype(np.uint8)
    image, text = (true @ rng.normal(size=(C, DIM)) + 0.7 * rng.normal(size=(N, DIM)) for _ in range(2))
    given = {
        "nothing": lambda: true,
        "exchange": lambda: add_label_noise(true, 0.8, seed=1),
        "flips": lambda: np.where(true, rng.random(true.shape) > 0.4, rng.random(true.shape) < 0.05),
    }[noise]()
    features = (torch.from_numpy(side).float() for side in (image, text))
    return LabelledFeatures(*features, torch.from_numpy(given.astype(np.float32))), torch.from_numpy(true).float()


def log_loss(probability: Tensor, true: Tensor) -> float:
    return float(torch.nn.functional.binary_cross_entropy(probability.clamp(1e-6, 1 - 1e-6), true))


@pytest.mark.parametrize(("noise", "right", "wrong"), [("exchange", "sample", "label"), ("flips", "label", "sample")])
def test_auto_takes_the_model_that_knows_more_of_the_truth(noise: str, right: NoiseModel, wrong: NoiseModel) -> None:
    train, true = pairs(noise)
    found = estimate_label_probabilities(train)
    torch.testing.assert_close(found, estimate_label_probabilities(train, right), rtol=0, atol=0)
    assert log_loss(found, true) < log_loss(estimate_label_probabilities(train, wrong), true) < log_loss(train.given_labels, true)


def test_without_noise_labels_stay_as_given() -> None:
    train, true = pairs("nothing")
    assert (estimate_label_probabilities(train) - true).abs().mean() < 0.01


def test_none_takes_given_labels_as_they_are() -> None:
    train, _ = pairs("exchange")
    assert estimate_label_probabilities(train, "none") is train.given_labels
