"""Which given labels are true: predictions that have not seen a sample, under the noise model that explains its labels best.

Decides how predictions and noise models work together. Does not know codes or methods.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from model.codes import Float32
from training.honest_beliefs import fit_beliefs
from training.label_posterior import LabelPosterior
from training.learning_data import LabelledFeatures
from training.noise_by_label import fit_noise_by_label
from training.noise_by_sample import SampleNoise, fit_noise_by_sample

Model = Literal["sample", "label"]
_FITS: dict[Model, Callable[[Float32, Float32], LabelPosterior]] = {"sample": fit_noise_by_sample, "label": fit_noise_by_label}

NoiseModel = Literal["auto", "sample", "label", "none"]
"""What may have happened to labels: to a sample's labels at once, to each label by itself, whichever is likelier, or nothing."""


def estimate_label_probabilities(train: LabelledFeatures, noise_model: NoiseModel = "auto") -> Tensor:
    """Estimates how likely each label is true, from both modalities together and the given labels.

    A ridge regression on both features predicts each label, every sample by a regression without it
    (``training.honest_beliefs``). Both noise models are fitted to these predictions, and that with the higher likelihood of the
    given labels is taken. Under noise by sample, whose probabilities leave little in doubt, a second regression then learns from
    them in the place of the given labels, and the model is fitted once more.

    Args:
        train: Features and given labels.
        noise_model: Which models to fit.

    Returns:
        (N, C) float32 in [0, 1].
    """
    if noise_model == "none":
        return train.given_labels
    found = max(fit_noise_models(train, noise_model).values(), key=lambda each: each.log_likelihood)
    if isinstance(found, SampleNoise):
        learnt = torch.from_numpy(found.probability).to(train.given_labels.device)
        found = fit_noise_models(train, "sample", targets=learnt)["sample"]
    return torch.from_numpy(found.probability).to(train.given_labels.device)


def fit_noise_models(
    train: LabelledFeatures, noise_model: Literal["auto"] | Model = "auto", *, targets: Tensor | None = None
) -> dict[Model, LabelPosterior]:
    """Fits noise models to held-out predictions from both modalities together.

    Args:
        train: Features and given labels.
        noise_model: Which, or both.
        targets: (N, C) float32 in [0, 1], what predictions are learnt from; the given labels by default.

    Returns:
        What was estimated, by model.
    """
    scores, given = held_out_scores(train, targets=targets), train.given_labels.cpu().numpy()
    return {model: fit(scores, given) for model, fit in _FITS.items() if noise_model in ("auto", model)}


def held_out_scores(train: LabelledFeatures, *, targets: Tensor | None = None) -> Float32:
    """Predicts labels from both modalities together, each sample by a regression that did not see it.

    Args:
        train: Features and given labels.
        targets: (N, C) float32 in [0, 1], what predictions are learnt from; the given labels by default.

    Returns:
        (N, C) float32, of about mean 0 and deviation 1 each label.
    """
    together = torch.cat([_unit(train.image), _unit(train.text)], dim=1)
    scores: Float32 = fit_beliefs(together, train.given_labels if targets is None else targets).held_out.cpu().numpy()
    return scores


def _unit(features: Tensor) -> Tensor:
    return F.normalize(features - features.mean(dim=0), dim=1)
