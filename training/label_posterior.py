"""What is believed of the true labels once given labels and predictions were looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.codes import Float32

Float64 = npt.NDArray[np.float64]


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
