"""cleanlab's multi-label scores, under all of its options: what the label audit is measured against.

Decides which options are tried. Does not know where predictions come from.

Source: A. Thyagarajan et al., Identifying Incorrect Annotations in Multi-Label Classification Data (2022),
https://arxiv.org/abs/2211.13895; the ``cleanlab`` package.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from model.codes import Float32, UInt8
from model.errors import ConfigError

_METHODS = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")
_AGGREGATORS: dict[str, dict[str, Any]] = {
    **{
        f"moving average {alpha:g}": {"method": "exponential_moving_average", "alpha": alpha}
        for alpha in (0.8, 0.2, 0.5, 0.9, 0.95)
    },
    **{f"softmin {t:g}": {"method": "softmin", "temperature": t} for t in (0.05, 0.1, 0.2, 0.5)},
    "minimum": {"method": np.min},
    "mean": {"method": np.mean},
}


def cleanlab_scores(given: UInt8, chance: Float32) -> dict[str, Float32]:
    """Scores every sample under each choice of options.

    Args:
        given: (N, C) of 0 and 1.
        chance: (N, C) in (0, 1), out-of-sample probabilities that a label is given.

    Returns:
        (N,) suspicion by name of the options, the default ones first: 1 − label quality.

    Raises:
        ConfigError: If cleanlab is not installed.
    """
    try:
        from cleanlab.multilabel_classification import get_label_quality_scores
    except ImportError as error:
        raise ConfigError(["this comparison needs cleanlab: pip install cleanlab"]) from error
    labels = [np.flatnonzero(row).tolist() for row in given]
    found = {}
    for method in _METHODS:
        for adjusted in (False, True) if method != "confidence_weighted_entropy" else (False,):  # cleanlab refuses to adjust it
            for name, aggregator in _AGGREGATORS.items():
                options: dict[str, Any] = {"method": method, "adjust_pred_probs": adjusted, "aggregator_kwargs": aggregator}
                words = f"cleanlab: {method}{', adjusted' if adjusted else ''}, {name}"
                found[words] = 1 - np.asarray(get_label_quality_scores(labels, chance, **options), np.float32)
    return found
