"""Supervised contrastive loss between modalities: whatever shares a label is a positive.

Source: Khosla et al., Supervised Contrastive Learning (NeurIPS 2020), https://arxiv.org/abs/2004.11362, L_sup^out (equation 2).
With S_ij = u_i · v_j and P(i) = {j : i and j share a label} ∪ {i}:

    L = ½ Σ over both directions of mean_i −1/|P(i)| Σ_{p ∈ P(i)} log(exp(S_ip / τ) / Σ_j exp(S_ij / τ))

Note: the paper contrasts two views of a picture with all others of both views; here a pair's two modalities are the views, and an
image is contrasted with texts only, a text with images only, since only such distances are ever asked for.

Decides nothing but this formula.
"""

from __future__ import annotations

from torch import Tensor


def supervised_contrastive_loss(image_codes: Tensor, text_codes: Tensor, similar: Tensor, *, temperature: float) -> Tensor:
    """Returns L of the module's docstring.

    Args:
        image_codes: (B, n_bits) float32 of length 1, u.
        text_codes: (B, n_bits) float32 of length 1, v.
        similar: (B, B) float32 of 0 and 1; its diagonal is taken as 1.
        temperature: τ > 0.

    Returns:
        Scalar.
    """
    positive = similar.clone().fill_diagonal_(1.0)
    logits = image_codes @ text_codes.T / temperature
    return 0.5 * (_one_direction(logits, positive) + _one_direction(logits.T, positive.T))


def _one_direction(logits: Tensor, positive: Tensor) -> Tensor:
    log_share = logits.log_softmax(dim=1)
    return -((positive * log_share).sum(dim=1) / positive.sum(dim=1)).mean()
