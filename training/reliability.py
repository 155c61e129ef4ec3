"""How far each training sample's given labels can be trusted, by asking its neighbours.

Decides neighbours and trust. Does not know which loss uses it. Holds one block × N matrix at a time, without autograd.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_EPSILON = 1e-8


@torch.no_grad()
def estimate_reliability(
    image_codes: Tensor, text_codes: Tensor, given_labels: Tensor, *, n_neighbours: int, floor: float, block_size: int = 256
) -> Tensor:
    """Compares each sample's given labels with those of its nearest neighbours.

    Source: SCBCH (2025), https://arxiv.org/abs/2511.07780, as its reference code computes it:
    s_ij = ½(cos(u_i, u_j) + cos(v_i, v_j)), s_ii = 0; over the k nearest of i: q_i = Σ_j s_ij y_j / Σ_j s_ij;
    w_i = γ + (1 − γ) cos(y_i, q_i).

    Note: where Σ_j s_ij is not positive no neighbour speaks for any label, and q_i = 0; cos with a zero vector is 0.

    Args:
        image_codes: (N, n_bits) float32, relaxed codes u.
        text_codes: (N, n_bits) float32, relaxed codes v.
        given_labels: (N, C) float32 of 0 and 1.
        n_neighbours: k; cut to N − 1.
        floor: γ in [0, 1], the least trust.
        block_size: Rows handled at once.

    Returns:
        (N,) float32 in [floor, 1].
    """
    # s_ij is one product of the joined codes: ½(cos(u_i, u_j) + cos(v_i, v_j)) = ⟨[u_i, v_i], [u_j, v_j]⟩ / 2.
    joined = torch.cat([F.normalize(image_codes, dim=1), F.normalize(text_codes, dim=1)], dim=1) / 2**0.5
    k = min(n_neighbours, len(joined) - 1)
    trust = joined.new_zeros(len(joined))
    for start in range(0, len(joined) if k > 0 else 0, block_size):
        rows = slice(start, start + block_size)
        similarity = joined[rows] @ joined.T
        own = torch.arange(start, start + len(similarity), device=joined.device)
        similarity[own - start, own] = 0.0
        nearest, index = similarity.topk(k, dim=1, sorted=False)
        total = nearest.sum(dim=1, keepdim=True)
        voted = torch.einsum("nk,nkc->nc", nearest, given_labels[index]) / total.clamp_min(_EPSILON)
        voted = torch.where(total > _EPSILON, voted, torch.zeros_like(voted))
        trust[rows] = F.cosine_similarity(given_labels[rows], voted, dim=1)
    return floor + (1.0 - floor) * trust.clamp(0.0, 1.0)
