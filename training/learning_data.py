"""What passes between the training loop, methods and whatever judges labels: features, given labels, relaxed codes.

Decides names and shapes. Imports no method, so that methods may use modules that use it.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class LabelledFeatures:
    """Features of pairs and the labels that training may see.

    Attributes:
        image: (N, image feature_dim) float32.
        text: (N, text feature_dim) float32.
        given_labels: (N, C) float32 of 0 and 1, or what a method put in their place, in [0, 1].
    """

    image: Tensor
    text: Tensor
    given_labels: Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as a method sees it; true labels never come here.

    Attributes:
        image_features: (B, image feature_dim) float32.
        text_features: (B, text feature_dim) float32.
        given_labels: (B, C) float32 of 0 and 1, or what the method put in their place.
        sample_index: (B,) int64, positions in the training split.
    """

    image_features: Tensor
    text_features: Tensor
    given_labels: Tensor
    sample_index: Tensor


@dataclass(frozen=True, slots=True)
class RelaxedCodes:
    """Relaxed codes of both modalities.

    Attributes:
        image: (N, n_bits) float32 in [−1, 1].
        text: (N, n_bits) float32 in [−1, 1].
    """

    image: Tensor
    text: Tensor
