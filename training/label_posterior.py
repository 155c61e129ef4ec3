"""What is believed of the true labels once given labels and predictions were looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.codes import Float32

Float64 = npt.NDArray[np.float64]
_TINY = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPosterior:
    """What was estimated under one model of the noise.

    Attributes:
        probability: (N, C) float32, P(label is true | prediction, given labels).
        log_likelihood: Of a sample's given labels, all C together, averaged over the samples; natural logarithm. Noise models are
            compared by it.
    """

    probability: Float32
    log_likelihood: float

    def changed_probability(self, given_labels: Float32) -> Float32:
        """Returns how likely each sample's given labels are not all true, labels being independent.

        Args:
            given_labels: (N, C) float32 of 0 and 1.

        Returns:
            (N,) float32 in [0, 1]; small ones are not rounded to 0.
        """
        wrong = np.add(*self._wrong_and_missing(given_labels))
        return np.asarray(-np.expm1(np.log1p(-np.minimum(wrong, 1 - _TINY)).sum(axis=1)), np.float32)

    def mixed_up(self, given_labels: Float32) -> Float64:
        """Returns in how many samples one label was given and is not true while another is true and was not given.

        Args:
            given_labels: (N, C) float32 of 0 and 1.

        Returns:
            (C, C) float64, expected numbers; rows are the given labels, columns the true ones.
        """
        wrong, missing = self._wrong_and_missing(given_labels)
        return wrong.T @ missing

    def _wrong_and_missing(self, given_labels: Float32) -> tuple[Float64, Float64]:
        probability, given = self.probability.astype(np.float64), given_labels.astype(np.float64)
        return given * (1 - probability), (1 - given) * probability
