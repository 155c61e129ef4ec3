"""What rankings with ties are worth: the mean over all orders of tied items, in closed form.

Decides the formulas and what stands where nothing is relevant or retrieved. Does not know how items were counted.

Source: F. McSherry and M. Najork, Computing Information Retrieval Performance Measures Efficiently in the Presence of Tied Scores
(2008), https://doi.org/10.1007/978-3-540-78646-7_38, section 2; for Hamming distances: K. He, F. Cakir, S. A. Bargal and
S. Sclaroff, Hashing as Tie-Aware Learning to Rank (2018), https://arxiv.org/abs/1705.08562.

Throughout, a group is the n items at one distance, r of them relevant, behind N items with R relevant ones; of its places
t = min(n, max(0, k − N)) lie within the first k.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model.codes import Int64

Float64 = npt.NDArray[np.float64]


def expected_average_precision(everything: Int64, relevant: Int64, k: int | None = None) -> Float64:
    """Returns the average precision of each ranking, or that of its first k places.

    A group adds Σ_{i=1…t} (r/n) · (R + 1 + (i − 1)(r − 1)/(n − 1)) / (N + i): a relevant item stands at its i-th place with
    probability r/n, and then R + 1 + (i − 1)(r − 1)/(n − 1) relevant ones are expected up to there. The sum is divided by
    min(k, all relevant items), which is the sum of a perfect ranking; without k, by all relevant items.

    Note: with h = Σ_{i=1…t} 1/(N + i), a difference of harmonic numbers, the sum is
    (r/n) · ((R + 1) h + (r − 1)/(n − 1) · (t − (N + 1) h)).

    Args:
        everything: (Q, D) int64, items by distance.
        relevant: (Q, D) int64, relevant items by distance; at least one a row.
        k: Places that count; None for all.

    Returns:
        (Q) float64 in [0, 1].
    """
    n, r = everything.astype(np.float64), relevant.astype(np.float64)
    end = np.cumsum(everything, axis=1)
    start, r_before = end - everything, np.cumsum(r, axis=1) - r
    last = int(end.max(initial=0)) if k is None else k
    h, places = _sums_at(1.0 / np.arange(1, last + 1), start, end), np.minimum(end, last) - np.minimum(start, last)
    slope = (r - 1) / np.maximum(n - 1, 1)
    added = r / np.maximum(n, 1) * ((r_before + 1) * h + slope * (places - (start + 1) * h))
    total: Float64 = added.sum(axis=1) / np.minimum(r.sum(axis=1), last)
    return total


def expected_ndcg(everything: Int64, gain: Int64, levels: Int64, k: int) -> Float64:
    """Returns the normalised discounted cumulative gain of the first k places, with linear gain.

    DCG = Σ_{i=1…k} gain_i / log2(i + 1); each place of a group is worth its mean gain. The ideal is the same sum over all the
    query's gains in descending order. Source: K. Järvelin and J. Kekäläinen, Cumulated gain-based evaluation of IR techniques
    (2002), https://doi.org/10.1145/582415.582418, in the form of trec_eval and scikit-learn (discount from the first place on).

    Args:
        everything: (Q, D) int64, items by distance.
        gain: (Q, D) int64, gains summed over items, by distance.
        levels: (Q, G) int64, items by gain 0…G − 1; at least one of a gain above 0 a row.
        k: Places that count.

    Returns:
        (Q) float64 in [0, 1].
    """
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    end, best = np.cumsum(everything, axis=1), np.cumsum(levels[:, ::-1], axis=1)
    found = gain / np.maximum(everything, 1) * _sums_at(discounts, end - everything, end)
    ideal = np.arange(levels.shape[1])[::-1] * _sums_at(discounts, best - levels[:, ::-1], best)
    total: Float64 = found.sum(axis=1) / ideal.sum(axis=1)
    return total


def expected_precision_at(everything: Int64, relevant: Int64, k: int) -> Float64:
    """Returns the share of relevant items among the first k: a group adds r · t/n.

    Args:
        everything: (Q, D) int64, items by distance.
        relevant: (Q, D) int64, relevant items by distance.
        k: Places that count; where there are fewer items, all of them.

    Returns:
        (Q) float64 in [0, 1].
    """
    end = np.cumsum(everything, axis=1)
    places = np.minimum(end, k) - np.minimum(end - everything, k)
    found: Float64 = (relevant * (places / np.maximum(everything, 1))).sum(axis=1) / np.minimum(end[:, -1], k)
    return found


def precision_and_recall_within(everything: Int64, relevant: Int64) -> tuple[Float64, Float64]:
    """Returns precision and recall of everything up to each distance; precision of nothing at all is 0.

    Args:
        everything: (Q, D) int64, items by distance.
        relevant: (Q, D) int64, relevant items by distance; at least one a row.

    Returns:
        Two (Q, D) float64 in [0, 1].
    """
    retrieved, hits = np.cumsum(everything, axis=1), np.cumsum(relevant, axis=1)
    return hits / np.maximum(retrieved, 1), hits / hits[:, -1:]


def expected_partner_recall(nearer: Int64, tied: Int64, k: int) -> Float64:
    """Returns the probability that a query's one partner stands among the first k: of the tied places, those within k.

    Args:
        nearer: (Q) int64, items nearer than the partner.
        tied: (Q) int64, items as near as the partner, itself among them.
        k: Places that count.

    Returns:
        (Q) float64 in [0, 1].
    """
    found: Float64 = np.clip((k - nearer) / tied, 0.0, 1.0)
    return found


def _sums_at(terms: Float64, start: Int64, end: Int64) -> Float64:
    """Returns Σ of the terms of places start + 1…end, none beyond the last term."""
    sums = np.concatenate([[0.0], np.cumsum(terms)])
    found: Float64 = sums[np.minimum(end, len(terms))] - sums[np.minimum(start, len(terms))]
    return found
