"""CSCC: both modalities' codes must predict the given labels, each sample as far as it is trusted.

Source: SCBCH (2025), https://arxiv.org/abs/2511.07780, as its reference code computes it:
L = mean_i w_i · ½ (BCE(p_u,i , y_i) + BCE(p_v,i , y_i)), BCE averaged over the classes.

Decides nothing but this formula.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def semantic_consistent_loss(image_logits: Tensor, text_logits: Tensor, given_labels: Tensor, reliability: Tensor) -> Tensor:
    """Returns L of the module's docstring.

    Args:
        image_logits: (B, C) float32, before the sigmoid.
        text_logits: (B, C) float32, before the sigmoid.
        given_labels: (B, C) float32 of 0 and 1.
        reliability: (B,) float32 in [0, 1].

    Returns:
        Scalar.
    """
    image_term = F.binary_cross_entropy_with_logits(image_logits, given_labels, reduction="none").mean(dim=1)
    text_term = F.binary_cross_entropy_with_logits(text_logits, given_labels, reduction="none").mean(dim=1)
    return (reliability * 0.5 * (image_term + text_term)).mean()
