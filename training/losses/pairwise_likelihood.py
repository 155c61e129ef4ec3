"""DCMH: the likelihood of which pairs are similar, given inner products of codes; and both modalities near one balanced code.

Source: Jiang and Li, Deep Cross-Modal Hashing (CVPR 2017), https://arxiv.org/abs/1602.02255, equation 1. With Θ_ij = ½ F_i · G_j,
s_ij = 1 if i and j share a label and else 0, B = sign(F + G):

    J = −Σ_ij (s_ij Θ_ij − log(1 + exp Θ_ij)) + γ (‖B − F‖² + ‖B − G‖²) + η (‖Σ_i F_i‖² + ‖Σ_i G_i‖²)

Note: a batch of B pairs stands for the data set, and each term is divided by B², so that its scale does not depend on B. The paper
alternates between modalities, each batch against the whole set's stored codes; here both move at once. B carries no gradient.

Decides nothing but these formulas.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def pairwise_likelihood_loss(image_codes: Tensor, text_codes: Tensor, similar: Tensor) -> Tensor:
    """Returns the first term of J over B².

    Args:
        image_codes: (B, n_bits) float32 in [−1, 1], F.
        text_codes: (B, n_bits) float32 in [−1, 1], G.
        similar: (B, B) float32 of 0 and 1, s.

    Returns:
        Scalar.
    """
    theta = 0.5 * image_codes @ text_codes.T
    return F.binary_cross_entropy_with_logits(theta, similar)  # log(1 + exp Θ) − s Θ, without cancellation where Θ is large


def shared_code_loss(image_codes: Tensor, text_codes: Tensor) -> Tensor:
    """Returns ‖B − F‖² + ‖B − G‖² over B², with B = sign(F + G) and sign(0) = +1.

    Args:
        image_codes: (B, n_bits) float32 in [−1, 1], F.
        text_codes: (B, n_bits) float32 in [−1, 1], G.

    Returns:
        Scalar.
    """
    signs = torch.where(image_codes + text_codes >= 0, 1.0, -1.0)
    return ((signs - image_codes).square().sum() + (signs - text_codes).square().sum()) / len(signs) ** 2


def balance_loss(image_codes: Tensor, text_codes: Tensor) -> Tensor:
    """Returns ‖Σ_i F_i‖² + ‖Σ_i G_i‖² over B²: 0 if every bit is +1 as often as −1.

    Args:
        image_codes: (B, n_bits) float32 in [−1, 1], F.
        text_codes: (B, n_bits) float32 in [−1, 1], G.

    Returns:
        Scalar.
    """
    return image_codes.mean(dim=0).square().sum() + text_codes.mean(dim=0).square().sum()
