"""From counts of pairs by distance to a calibration: monotone, smoothed where pairs are few, with honest intervals.

Decides the estimator. Does not know codes or labels, nor where counts come from: a labelled data set, or judgements of a service's
users. Imports no torch.

The value is the isotonic regression of the share of relevant pairs on the distance, weighted by pairs: the monotone curve nearest
to what was measured (R. Barlow et al., Statistical Inference under Order Restrictions, 1972; for calibration: B. Zadrozny and
C. Elkan, Transforming Classifier Scores into Accurate Multiclass Probability Estimates, 2002, https://doi.org/10.1145/775047.775151).
It pools neighbouring distances to blocks of equal value.

Pairs are not independent: all pairs of one query share its labels and its code, and so do all pairs of one item. The variance of a
block's share p is therefore summed over clusters, every labelled thing c being one, whichever side of a pair it is on:

    Var(p) = (Σ_c S_c² − Σ_pairs e²) / n²,    S_c = Σ over the pairs with c of e,    e = relevant − p

Sources: A. Cameron, J. Gelbach and D. Miller, Robust Inference with Multiway Clustering (2011),
https://doi.org/10.1198/jbes.2010.07136; P. Aronow, C. Samii and V. Assenova, Cluster-Robust Variance Estimation for Dyadic Data
(2015), https://arxiv.org/abs/1312.3398. The interval is that of E. Wilson, Probable Inference (1927),
https://doi.org/10.1080/01621459.1927.10502953, with the effective number of pairs m = p (1 − p) / Var(p) in the place of n
(E. Korn and B. Graubard, Confidence Intervals for Proportions with Small Expected Number of Positive Counts, 1998). It is at most
the effective number of clusters (Σ_c n_c)² / Σ_c n_c² (L. Kish, Survey Sampling, 1965): where all pairs agree, or all have one item
in common, e sums to nothing and says nothing.

Smoothing: a block that tells less than ten independent pairs would is joined with its farther neighbour, which promises less, and
the last one with its nearer neighbour; half a relevant and half an irrelevant pair are then added to each block's m, and isotonic
regression is taken once more. So three lucky pairs at distance 0 make no promise.

Note: where labels are probabilities, ``e`` uses their expectations; that a query's labels are wrong all at once is in no interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.calibration import DistanceCurve
from model.codes import Int64

Float64 = npt.NDArray[np.float64]
_Z = 1.959963984540054  # 97.5 % quantile of the normal distribution
_HALF = 0.5  # pseudo-pairs of each sort
_FEWEST = 10  # effective pairs of a block: of fewer an interval is 60 points wide


@dataclass(frozen=True, slots=True)
class DistanceCounts:
    """Pairs by distance, in all and cluster by cluster.

    Attributes:
        n_pairs: (n_bits + 1) float64, whole numbers unless they are weighed.
        n_relevant: (n_bits + 1) float64, the relevant ones among them, or their expected number.
        cluster_pairs: (G, n_bits + 1) float64, pairs of which cluster g is the query or the item; sums to twice ``n_pairs``.
        cluster_relevant: (G, n_bits + 1) float64, the relevant ones among them.
        n_nearest: (n_bits + 1) int64, queries by the distance of the item nearest to them.
    """

    n_pairs: Float64
    n_relevant: Float64
    cluster_pairs: Float64
    cluster_relevant: Float64
    n_nearest: Int64


def fit_curve(counts: DistanceCounts, base_rate: float | None = None) -> DistanceCurve:
    """Estimates P(relevant | distance) with intervals.

    Distances between two that were seen take the value of the farther one; below all of them, that of the nearest one, with an
    interval up to 1; beyond all of them, that of the farthest one, with an interval down to 0.

    Args:
        counts: With at least one relevant pair and one that is not.
        base_rate: Share of relevant pairs that the curve is to hold for, in (0, 1), where it is known better than from these pairs;
            None for theirs.

    Returns:
        The curve; value and both ends of the interval never rise with distance.
    """
    measured, counts = counts, at_base_rate(counts, base_rate)
    seen = np.flatnonzero(counts.n_pairs)
    share = counts.n_relevant[seen] / counts.n_pairs[seen]
    blocks = _merged(counts, [seen[block] for block in falling_blocks(share, counts.n_pairs[seen])])
    sizes = np.array([effective_pairs(counts, block) for block in blocks])
    shares = np.array([counts.n_relevant[block].sum() / counts.n_pairs[block].sum() for block in blocks])
    centre = (shares * sizes + _Z**2 / 2) / (sizes + _Z**2)
    spread = _Z / (sizes + _Z**2) * np.sqrt(np.clip(shares * (1 - shares), 0, None) * sizes + _Z**2 / 4)
    smooth = (shares * sizes + _HALF) / (sizes + 2 * _HALF)
    widths = [len(block) for block in blocks]
    ends = (np.clip(centre - spread, 0, 1), smooth, np.clip(centre + spread, 0, 1))
    low, value, high = (_over_all(np.repeat(_fall(each, sizes), widths), seen, len(counts.n_pairs)) for each in ends)
    low[seen[-1] + 1 :], high[: seen[0]] = 0.0, 1.0
    return DistanceCurve(
        value=tuple(value.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        n_pairs=tuple(measured.n_pairs.astype(np.int64).tolist()),
        n_relevant=tuple(measured.n_relevant.tolist()),
        n_nearest=tuple(measured.n_nearest.tolist()),
        base_rate=float(counts.n_relevant.sum() / counts.n_pairs.sum()),
    )


def at_base_rate(counts: DistanceCounts, base_rate: float | None) -> DistanceCounts:
    """Weighs relevant and irrelevant pairs so that the relevant ones have another share.

    How far apart relevant pairs lie, and irrelevant ones, stays as it was measured: only how many there are of each changes.
    Source: M. Saerens, P. Latinne and C. Decaestecker, Adjusting the Outputs of a Classifier to New a Priori Probabilities (2002),
    https://doi.org/10.1162/089976602753284446.

    Args:
        counts: Of both kinds.
        base_rate: The wanted share, in (0, 1); None to leave it.

    Returns:
        Weighted counts, as many in all.
    """
    own = float(counts.n_relevant.sum() / counts.n_pairs.sum())
    if base_rate is None or not 0 < own < 1:
        return counts
    more, less = base_rate / own, (1 - base_rate) / (1 - own)

    def weighed(pairs: Float64, relevant: Float64) -> tuple[Float64, Float64]:
        return more * relevant + less * (pairs - relevant), more * relevant

    return DistanceCounts(
        *weighed(counts.n_pairs, counts.n_relevant), *weighed(counts.cluster_pairs, counts.cluster_relevant), counts.n_nearest
    )


def falling_blocks(values: Float64, weights: Float64) -> list[slice]:
    """Pools neighbours until block means fall: the pool adjacent violators algorithm.

    Args:
        values: (N,) float64, N > 0.
        weights: (N,) float64, positive.

    Returns:
        Blocks in their order; their weighted means fall strictly and are the isotonic regression.
    """
    blocks: list[tuple[int, float, float]] = []  # where it starts, sum of weights, weighted sum of values
    for start, (value, weight) in enumerate(zip(values.tolist(), weights.tolist(), strict=True)):
        blocks.append((start, weight, weight * value))
        while len(blocks) > 1 and blocks[-1][2] * blocks[-2][1] >= blocks[-2][2] * blocks[-1][1]:
            _, weight, total = blocks.pop()
            before = blocks.pop()
            blocks.append((before[0], before[1] + weight, before[2] + total))
    starts = [start for start, _, _ in blocks]
    return [slice(start, end) for start, end in zip(starts, [*starts[1:], len(values)], strict=True)]


def _merged(counts: DistanceCounts, blocks: list[Int64]) -> list[Int64]:
    """Joins blocks that tell too little with their farther neighbours, and the last one with its nearer one."""
    found: list[Int64] = []
    waiting = np.empty(0, np.int64)
    for block in blocks:
        waiting = np.concatenate([waiting, block])
        if effective_pairs(counts, waiting) >= _FEWEST:
            found.append(waiting)
            waiting = np.empty(0, np.int64)
    if len(waiting):
        found[-1:] = [np.concatenate([*found[-1:], waiting])]
    return found


def effective_pairs(counts: DistanceCounts, block: Int64 | Sequence[int]) -> float:
    """Says how many independent pairs would tell as much as a block's.

    Args:
        counts: All pairs.
        block: Distances of the block.

    Returns:
        Between 1 and the number of pairs.
    """
    n, relevant = float(counts.n_pairs[block].sum()), float(counts.n_relevant[block].sum())
    share, pairs = relevant / n, counts.cluster_pairs[:, block].sum(axis=1)
    residuals = counts.cluster_relevant[:, block].sum(axis=1) - share * pairs
    single = relevant * (1 - 2 * share) + share**2 * n  # Σ e² of pairs that are relevant or not
    variance = (float((residuals**2).sum()) - single) / n**2
    agree = float(pairs.sum() ** 2 / (pairs**2).sum())
    found = share * (1 - share) / variance if variance > 0 and 0 < share < 1 else agree
    return float(np.clip(min(found, agree), 1.0, n))


def _fall(values: Float64, weights: Float64) -> Float64:
    fallen = values.copy()
    for block in falling_blocks(values, weights):
        fallen[block] = np.average(values[block], weights=weights[block])
    return fallen


def _over_all(values: Float64, seen: Int64, n: int) -> Float64:
    """Fills distances that were not seen with the value of the next one that was; behind the last one, with the last."""
    return values[np.minimum(np.searchsorted(seen, np.arange(n)), len(seen) - 1)]
