"""Which labels a code is predicted to have.

Decides how codes become probabilities: of a code only its signs are read, so that what is stored and what was just encoded compare.
Does not know how weights are learned. Imports no torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from model.bundle_folder import WEIGHTS
from model.codes import Float32, Int8
from model.errors import BundleCorrupt
from model.manifest import MODALITIES, Manifest

_LEAST_OF_CLASSIFIERS = 0.7
"""Learned along with the codes, without a bias: at 0.5 every second prediction is wrong (``docs/explanations.md``)."""


@dataclass(frozen=True, slots=True)
class LabelReader:
    """A logistic layer over sign codes: p = σ(s·W + b).

    Attributes:
        names: C names of labels, in order.
        weights: W, (n_bits, C) float32 by modality.
        biases: b, (C,) float32 by modality.
        least_probability: From which probability on a label counts as predicted.
        measured: JSON-able: ``on`` what, and by modality ``precision``, ``recall`` and ``calibration_error``; empty if nobody has.
    """

    names: tuple[str, ...]
    weights: Mapping[str, Float32]
    biases: Mapping[str, Float32]
    least_probability: float
    measured: Mapping[str, Any] = field(default_factory=dict)

    def probabilities(self, modality: str, sign_codes: Int8) -> Float32:
        """Returns how probable each label is.

        Args:
            modality: What the codes were made from.
            sign_codes: (N, n_bits) int8 of −1 and +1.

        Returns:
            (N, C) float32 in [0, 1].
        """
        logits = sign_codes.astype(np.float32) @ self.weights[modality] + self.biases[modality]
        found: Float32 = (0.5 * (1.0 + np.tanh(0.5 * logits))).astype(np.float32)  # the logistic function, without overflow
        return found


def read_classifiers(manifest: Manifest, weights: Path) -> LabelReader | str:
    """Reads the classifiers that a bundle's codes were trained with.

    They take relaxed codes of the length that the heads give; signs are brought to that length.

    Args:
        manifest: Names the labels.
        weights: The bundle's ``model.safetensors``, of which heads are most and are not read.

    Returns:
        A reader; or why there is none, in plain words.

    Raises:
        BundleCorrupt: If the weights are unreadable or do not fit the manifest.
    """
    try:
        with safe_open(weights, "numpy") as tensors:
            held = set(tensors.keys())
            found = {name: tensors.get_tensor(f"classifier.{name}") for name in MODALITIES if f"classifier.{name}" in held}
    except (SafetensorError, OSError) as error:
        raise BundleCorrupt(f"{WEIGHTS} of the bundle cannot be read: {error}") from error
    if len(found) < len(MODALITIES):
        return f"the method {manifest.method} of this bundle learns no classifiers of labels"
    if not manifest.label_names:
        return "this bundle has no names of labels"
    wanted = (manifest.n_bits, len(manifest.label_names))
    for name, one in found.items():
        if one.shape != wanted:
            raise BundleCorrupt(f"{WEIGHTS} of the bundle: classifier.{name} has shape {one.shape}, expected {wanted}")
    lengths = {name: math.sqrt(manifest.n_bits) if manifest.encoders[name].unit_norm else 1.0 for name in MODALITIES}
    scaled = {name: (one / lengths[name]).astype(np.float32) for name, one in found.items()}
    biases = {name: np.zeros(wanted[1], np.float32) for name in MODALITIES}
    return LabelReader(manifest.label_names, scaled, biases, _LEAST_OF_CLASSIFIERS)
