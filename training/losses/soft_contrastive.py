"""BSCH: soft contrastive pairs from label overlap, in both directions.

Source: SCBCH (2025), https://arxiv.org/abs/2511.07780, as its reference code computes it. With S_ij = u_i · v_j and T_ij the
Jaccard overlap of the given labels:

    N^i2t_ij = S_ij if S_ij ≥ S_ii − m, else S_ij − ξ        (t2i: with S_jj; the choice carries no gradient)
    L = mean_ij[exp((1 − T_ij) N^i2t_ij) + exp((1 − T_ij) N^t2i_ij)] + mean_ij[1(T_ij > 0, i ≠ j) exp(ξ − S_ij)] − mean_i S_ii

Decides nothing but this formula.
"""

from __future__ import annotations

import torch
from torch import Tensor


def label_overlap(given_labels: Tensor) -> Tensor:
    """Returns the Jaccard overlap T_ij = |y_i ∩ y_j| / |y_i ∪ y_j| of all pairs; 0 where both have no label.

    Args:
        given_labels: (B, C) float32 of 0 and 1.

    Returns:
        (B, B) float32 in [0, 1].
    """
    shared = given_labels @ given_labels.T
    counts = given_labels.sum(dim=1)
    union = counts[:, None] + counts[None, :] - shared
    return shared / union.clamp_min(1.0)


def soft_contrastive_loss(image_codes: Tensor, text_codes: Tensor, overlap: Tensor, *, margin: float, shift: float) -> Tensor:
    """Returns L of the module's docstring.

    Args:
        image_codes: (B, n_bits) float32 of length 1, u.
        text_codes: (B, n_bits) float32 of length 1, v.
        overlap: (B, B) float32 in [0, 1], T.
        margin: m, a difference of cosines.
        shift: ξ, likewise.

    Returns:
        Scalar.
    """
    similarity = image_codes @ text_codes.T
    own = similarity.diagonal()
    sides = [shifted_similarity(similarity, positive, margin=margin, shift=shift) for positive in (own[:, None], own[None, :])]
    repelled = torch.exp((1.0 - overlap) * sides[0]) + torch.exp((1.0 - overlap) * sides[1])
    attracts = (overlap > 0) & ~torch.eye(len(overlap), dtype=torch.bool, device=overlap.device)
    attracted = torch.where(attracts, torch.exp(shift - similarity), torch.zeros_like(similarity))
    return repelled.mean() + attracted.mean() - own.mean()


def shifted_similarity(similarity: Tensor, positive: Tensor, *, margin: float, shift: float) -> Tensor:
    """Returns N of the module's docstring.

    Args:
        similarity: (B, B), S.
        positive: (B, 1) or (1, B), each row's or column's own pair's similarity.
        margin: m.
        shift: ξ.

    Returns:
        (B, B).
    """
    hard = similarity.detach() >= positive.detach() - margin
    return torch.where(hard, similarity, similarity - shift)
