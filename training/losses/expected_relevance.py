"""Rankings by sign codes against expected relevance, all items of a batch at once.

With label probabilities p_i and independent labels, the chance that pair j is relevant to pair i is

    R_ij = 1 − Π_c (1 − p_ic p_jc)        (i ≠ j; a pair is relevant to itself, R_ii = 1)

and with b = sign(u)/√K, which passes its gradient on to u unchanged, the loss of image queries is

    L_i2t = −mean_i Σ_j (R_ij / Σ_k R_ik) log softmax_j(s_ij / τ),    L = ¼ Σ over both directions and s ∈ {b^u · v, u · b^v}

Sources: the soft listwise cross entropy of Z. Cao et al., Learning to Rank: From Pairwise to Listwise Approach (ListNet, 2007),
https://doi.org/10.1145/1273496.1273513; the straight-through sign of Y. Bengio et al. (2013), https://arxiv.org/abs/1308.3432.
Signs against relaxed codes, in turn, are ours: each side learns bits that the other side's bits will meet.

Decides nothing but these formulas.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor
from torch.nn import functional as F


def expected_relevance(label_probabilities: Tensor) -> Tensor:
    """Returns R of the module's docstring.

    Args:
        label_probabilities: (B, C) float32 in [0, 1].

    Returns:
        (B, B) float32 in [0, 1], symmetric, 1 on the diagonal.
    """
    irrelevance: Tensor = label_probabilities.new_ones(len(label_probabilities), len(label_probabilities))
    for column in label_probabilities.T:
        irrelevance = irrelevance - irrelevance * (column[:, None] * column[None, :])
    own = torch.eye(len(irrelevance), dtype=torch.bool, device=irrelevance.device)
    return torch.where(own, 1.0, 1.0 - irrelevance)


def straight_through_signs(relaxed_codes: Tensor) -> Tensor:
    """Returns sign codes of length 1 whose gradient is handed on to the relaxed codes as it is.

    Args:
        relaxed_codes: (B, n_bits) float32.

    Returns:
        (B, n_bits) float32 of ±1/√n_bits; zero counts as positive.
    """
    signs = torch.where(relaxed_codes >= 0, 1.0, -1.0) / sqrt(relaxed_codes.shape[1])
    return relaxed_codes + (signs - relaxed_codes).detach()


def relevance_ranking_loss(image_codes: Tensor, text_codes: Tensor, relevance: Tensor, *, temperature: float) -> Tensor:
    """Returns L of the module's docstring.

    Args:
        image_codes: (B, n_bits) float32 of length 1, u.
        text_codes: (B, n_bits) float32 of length 1, v.
        relevance: (B, B) float32 in [0, 1], R, with something relevant in each row.
        temperature: τ > 0, a difference of cosines.

    Returns:
        Scalar.
    """
    wanted = relevance / relevance.sum(dim=1, keepdim=True)
    image_signs, text_signs = straight_through_signs(image_codes), straight_through_signs(text_codes)
    similarities = (image_signs @ text_codes.T, image_codes @ text_signs.T)
    terms = [_cross_entropy(each / temperature, wanted) for s in similarities for each in (s, s.T)]
    return torch.stack(terms).mean()


def _cross_entropy(logits: Tensor, wanted: Tensor) -> Tensor:
    return -(wanted * F.log_softmax(logits, dim=1)).sum(dim=1).mean()
