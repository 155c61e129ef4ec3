"""The gap between relaxed codes and their signs.

Source: SCBCH (2025), https://arxiv.org/abs/2511.07780, as its reference code computes it: mean|u − sign u| + mean|v − sign v|.
On codes of length 1 its floor is 2(1 − 1/√n_bits).

Decides nothing but this formula.
"""

from __future__ import annotations

import torch
from torch import Tensor


def quantization_loss(image_codes: Tensor, text_codes: Tensor) -> Tensor:
    """Returns the mean absolute gap of both modalities, added; the sign carries no gradient and sign(0) = +1.

    Args:
        image_codes: (B, n_bits) float32, u.
        text_codes: (B, n_bits) float32, v.

    Returns:
        Scalar.
    """
    return _gap(image_codes) + _gap(text_codes)


def _gap(relaxed_codes: Tensor) -> Tensor:
    signs = torch.where(relaxed_codes >= 0, 1.0, -1.0)
    return (relaxed_codes - signs).abs().mean()
