"""Which labels a code is predicted to have.

Decides how codes become probabilities: of a code only its signs are read, so that what is stored and what was just encoded compare.
Does not know how weights are learned, nor where they lie. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from model.codes import Float32, Int8


@dataclass(frozen=True, slots=True)
class LabelReader:
    """A logistic layer over sign codes: p = σ(s·W + b).

    Attributes:
        names: C names of labels, in order.
        weights: W, (n_bits, C) float32 by modality.
        biases: b, (C,) float32 by modality.
        least_probability: From which probability on a label counts as predicted.
        measured: JSON-able: ``on`` what, and by modality ``precision``, ``recall`` and ``calibration_error``.
    """

    names: tuple[str, ...]
    weights: Mapping[str, Float32]
    biases: Mapping[str, Float32]
    least_probability: float
    measured: Mapping[str, Any]

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
