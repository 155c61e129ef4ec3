"""RMSH, reconstructed from its abstract: distances ordered by shared labels, and a floor under those of pairs that share none.

Source: the abstract of RMSH (Pattern Recognition 120, 2021), https://arxiv.org/abs/2002.02698, which names a margin-adaptive
triplet loss and a least distance of dissimilar points; the equations are ours. With relaxed distances d_ij = ½ (K − ⟨a_i, b_j⟩),
levels r_ij = |y_i ∩ y_j|, triplets T_i = {(j, k) : r_ij > r_ik} and dissimilar D_i = {k : r_ik = 0} of an anchor i:

    L_order = mean over i with T_i ≠ ∅ of 1/(K |T_i|) Σ_{(j, k) ∈ T_i} [d_ij − d_ik + m (r_ij − r_ik) / |y_i|]₊
    L_floor = mean over i with D_i ≠ ∅ of 1/(K |D_i|) Σ_{k ∈ D_i} [f − d_ik]₊

|y_i| is the highest level that i has with anything. All triplets of a batch count, none is drawn. The means are taken within each
anchor first, so that the many triplets of a frequent label do not drown those of a rare one; K in the denominator lets weights mean
the same at every code length.

Decides nothing but these formulas.
"""

from __future__ import annotations

import torch
from torch import Tensor


def relaxed_distances(first: Tensor, second: Tensor) -> Tensor:
    """Returns d of the module's docstring; for sign codes the number of differing bits.

    Args:
        first: (N, n_bits) float32, a.
        second: (M, n_bits) float32, b.

    Returns:
        (N, M) float32; in [0, n_bits] for codes no longer than √n_bits.
    """
    return 0.5 * (first.shape[1] - first @ second.T)


def level_order_loss(distances: Tensor, levels: Tensor, *, margin: float, n_bits: int) -> Tensor:
    """Returns L_order of anchors in rows; 0 if no anchor has a triplet.

    A hinge is e_ij − e_ik, with e_ij = d_ij + m r_ij / |y_i|, where that is positive. With a row's e in ascending order, each e
    counts once for every lower level before it and minus once for every higher level after it: N² log N instead of N³.

    Args:
        distances: (N, M) float32, d.
        levels: (N, M) float32 whole numbers, r; an anchor's own partner is among its columns, so that |y_i| is its row's maximum.
        margin: m ≥ 0, in bits.
        n_bits: K.

    Returns:
        Scalar.
    """
    spread, order = (distances + margin * levels / levels.amax(dim=1, keepdim=True).clamp_min(1.0)).sort(dim=1)
    sorted_levels = levels.gather(1, order)
    factors, n_triplets = torch.zeros_like(spread), spread.new_zeros(len(spread))
    for level in range(1, int(levels.max()) + 1):
        higher, lower = (sorted_levels == level).to(spread.dtype), (sorted_levels < level).to(spread.dtype)
        n_higher = higher.sum(dim=1, keepdim=True)
        factors += higher * lower.cumsum(dim=1) - lower * (n_higher - higher.cumsum(dim=1))
        n_triplets += n_higher[:, 0] * lower.sum(dim=1)
    return _mean_of_means((factors * spread).sum(dim=1), n_triplets) / n_bits


def distance_floor_loss(distances: Tensor, levels: Tensor, *, floor: float, n_bits: int) -> Tensor:
    """Returns L_floor of anchors in rows; 0 if every dissimilar pair is far enough.

    Args:
        distances: (N, M) float32, d.
        levels: (N, M) float32, r.
        floor: f, in bits.
        n_bits: K.

    Returns:
        Scalar.
    """
    dissimilar = (levels == 0).to(distances.dtype)
    missing = dissimilar * (floor - distances).clamp_min(0.0)
    return _mean_of_means(missing.sum(dim=1), dissimilar.sum(dim=1)) / n_bits


def _mean_of_means(totals: Tensor, counts: Tensor) -> Tensor:
    return (totals / counts.clamp_min(1.0)).sum() / (counts > 0).sum().clamp_min(1)
