"""How good codes are: mean average precision of Hamming rankings, exact in expectation over ties.

Decides relevance (at least one shared label), the treatment of ties, and chance. Does not know how codes came about.

Distances are small integers, so ties are the rule and a sorted list would reward one arbitrary order. The number reported here is
the mean over all orders of tied items, in closed form, from two histograms a query: no sorting, no sampling.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from model.codes import Float32, Int8, Int64, UInt8, sign_codes
from model.errors import DatasetError

Float64 = npt.NDArray[np.float64]
_BLOCK = 256


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a ranking task gave.

    Attributes:
        i2t_map: mAP of image queries on database texts, in [0, 1].
        t2i_map: mAP of text queries on database images, in [0, 1].
        chance: Mean share of relevant items in the database, what a random ranking comes to.
        n_query: Queries with at least one relevant item; the mean is over these.
        n_without_relevant: Queries left out because nothing is relevant to them.
        n_database: Items ranked for each query.
        n_bits: Bits of a code.
    """

    i2t_map: float
    t2i_map: float
    chance: float
    n_query: int
    n_without_relevant: int
    n_database: int
    n_bits: int

    @property
    def mean_map(self) -> float:
        """Mean of both directions."""
        return (self.i2t_map + self.t2i_map) / 2

    def as_dict(self) -> dict[str, float | int]:
        """Returns all numbers by name, ``mean_map`` included."""
        return {**asdict(self), "mean_map": self.mean_map}


@dataclass(frozen=True, slots=True)
class LabelledCodes:
    """Codes of both modalities of one side of a ranking task.

    Attributes:
        image: (N, n_bits) float32 relaxed codes, or their signs.
        text: (N, n_bits) likewise.
        labels: (N, C) uint8 multi-hot.
    """

    image: Float32
    text: Float32
    labels: UInt8


def evaluate(query: LabelledCodes, database: LabelledCodes) -> Evaluation:
    """Ranks the database for every query in both directions.

    Args:
        query: Q pairs.
        database: N pairs, none of them among the queries.

    Returns:
        mAP over the whole database, chance and counts.

    Raises:
        DatasetError: If nothing is relevant to any query: there is no mean over no queries.
    """
    return _evaluate(query, database, same=False)


def evaluate_within(pairs: LabelledCodes) -> Evaluation:
    """Ranks all other pairs for each pair; a query's own partner is left out, as an unseen query has none.

    Args:
        pairs: N pairs.

    Returns:
        mAP over the other N − 1, chance and counts.

    Raises:
        DatasetError: If no two pairs share a label.
    """
    return _evaluate(pairs, pairs, same=True)


def _evaluate(query: LabelledCodes, database: LabelledCodes, *, same: bool) -> Evaluation:
    precisions, shares = {}, np.empty(0)
    for name, queries, targets in (("i2t", query.image, database.text), ("t2i", query.text, database.image)):
        everything, relevant = distance_histograms(
            sign_codes(queries), sign_codes(targets), query.labels, database.labels, exclude_own=same
        )
        has_relevant = relevant.sum(axis=1) > 0
        if not has_relevant.any():
            raise DatasetError("no query shares a label with any item of the database: there is nothing to evaluate")
        shares = (relevant.sum(axis=1) / np.maximum(everything.sum(axis=1), 1))[has_relevant]
        precisions[name] = expected_average_precision(everything[has_relevant], relevant[has_relevant])
    return Evaluation(
        i2t_map=float(precisions["i2t"].mean()),
        t2i_map=float(precisions["t2i"].mean()),
        chance=float(shares.mean()),
        n_query=len(shares),
        n_without_relevant=len(query.labels) - len(shares),
        n_database=len(database.labels) - int(same),
        n_bits=int(query.image.shape[1]),
    )


def distance_histograms(
    query_signs: Int8, database_signs: Int8, query_labels: UInt8, database_labels: UInt8, *, exclude_own: bool = False
) -> tuple[Int64, Int64]:
    """Counts database items, and relevant ones, at each distance from each query.

    Args:
        query_signs: (Q, n_bits) int8 of −1 and +1.
        database_signs: (N, n_bits) int8 of −1 and +1.
        query_labels: (Q, C) uint8 multi-hot.
        database_labels: (N, C) uint8 multi-hot.
        exclude_own: Whether item i is left out for query i.

    Returns:
        Two (Q, n_bits + 1) int64: all items, and those that share a label with the query, by distance 0…n_bits.
    """
    n_bits = query_signs.shape[1]
    everything = np.empty((len(query_signs), n_bits + 1), np.int64)
    relevant = np.empty_like(everything)
    database, labels = database_signs.astype(np.float32).T, database_labels.astype(np.float32).T
    for start in range(0, len(query_signs), _BLOCK):
        rows = slice(start, min(start + _BLOCK, len(query_signs)))
        n_rows = rows.stop - rows.start
        distances = ((n_bits - query_signs[rows].astype(np.float32) @ database) / 2).astype(np.int64)
        shares_label = query_labels[rows].astype(np.float32) @ labels > 0
        bins = distances + (np.arange(n_rows) * (n_bits + 1))[:, None]
        counted = np.ones_like(shares_label)
        if exclude_own:
            counted[np.arange(n_rows), np.arange(rows.start, rows.stop)] = False
        size = n_rows * (n_bits + 1)
        everything[rows] = np.bincount(bins[counted], minlength=size).reshape(n_rows, -1)
        relevant[rows] = np.bincount(bins[counted & shares_label], minlength=size).reshape(n_rows, -1)
    return everything, relevant


def expected_average_precision(everything: Int64, relevant: Int64) -> Float64:
    """Returns the average precision of each ranking, in expectation over a random order within each distance.

    Source: F. McSherry and M. Najork, Computing Information Retrieval Performance Measures Efficiently in the Presence of
    Tied Scores (2008), https://doi.org/10.1007/978-3-540-78646-7_38, section 2. A group of n tied items with r relevant ones,
    behind N items with R relevant ones, adds Σ_{i=1…n} (r/n) · (R + 1 + (i − 1)(r − 1)/(n − 1)) / (N + i), divided by all
    relevant items.

    Note: with h = Σ_i 1/(N + i), a difference of harmonic numbers, the sum is
    (r/n) · ((R + 1) h + (r − 1)/(n − 1) · (n − (N + 1) h)).

    Args:
        everything: (Q, n_bits + 1) int64, items by distance.
        relevant: (Q, n_bits + 1) int64, relevant items by distance; at least one a row.

    Returns:
        (Q,) float64 in (0, 1].
    """
    n, r = everything.astype(np.float64), relevant.astype(np.float64)
    n_before, r_before = np.cumsum(n, axis=1) - n, np.cumsum(r, axis=1) - r
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, int(n.sum(axis=1).max(initial=0)) + 1))])
    h = harmonic[np.cumsum(everything, axis=1)] - harmonic[n_before.astype(np.int64)]
    slope = np.where(n > 1, (r - 1) / np.maximum(n - 1, 1), 0.0)
    added = np.where(n > 0, r / np.maximum(n, 1) * ((r_before + 1) * h + slope * (n - (n_before + 1) * h)), 0.0)
    total: Float64 = added.sum(axis=1) / r.sum(axis=1)
    return total
