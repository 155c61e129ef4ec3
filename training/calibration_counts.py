"""Counts what a calibration is fitted on: query–item pairs by distance, relevant or not, in all and by labelled thing.

Decides how pairs are judged (at least one shared label, or its expectation where labels are probabilities; or the query's own
other half) and counted, in blocks. Does not know the estimator.

With independent labels, the chance that item j is relevant to query i is R_ij = 1 − Π_c (1 − p_ic p_jc)
(``training.losses.expected_relevance``); with labels of 0 and 1 this is whether they share one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from model.calibration import MODALITY_PAIRS, Kind
from model.calibration_fit import DistanceCounts, Float64
from model.codes import Float32, Int64, sign_codes

_BLOCK_PAIRS = 2**21


@dataclass(frozen=True, slots=True)
class JudgedPairs:
    """Codes of labelled pairs, on one side of a search.

    Attributes:
        image: (N, n_bits) float32 relaxed codes, or their signs.
        text: (N, n_bits) likewise.
        label_probabilities: (N, C) float32 in [0, 1]; 0 and 1 where labels are taken at their word.
        pair_ids: (N) int64 from 0 on; the same number on both sides is the same pair.
    """

    image: Float32
    text: Float32
    label_probabilities: Float32
    pair_ids: Int64

    def rows(self, index: Int64) -> JudgedPairs:
        """Returns some of the pairs.

        Args:
            index: (M) int64, which.

        Returns:
            M pairs.
        """
        return JudgedPairs(self.image[index], self.text[index], self.label_probabilities[index], self.pair_ids[index])


def count_pairs(queries: JudgedPairs, items: JudgedPairs, kind: Kind = "labels") -> dict[tuple[str, str], DistanceCounts]:
    """Counts all combinations of a query and an item, in every direction.

    A query's own pair is left out, as an unseen query has none in the index; under ``partner`` it is what is looked for, and only
    the two directions across modalities have one.

    Args:
        queries: Q pairs.
        items: N pairs.
        kind: What is relevant.

    Returns:
        Counts by (query modality, target modality).
    """
    directions = [pair for pair in MODALITY_PAIRS if kind == "labels" or pair[0] != pair[1]]
    n_bits, n_clusters = queries.image.shape[1], int(max(queries.pair_ids.max(), items.pair_ids.max())) + 1
    tables = {pair: np.zeros((3, n_clusters, n_bits + 1)) for pair in directions}  # pairs, relevant ones, nearest
    asks, found = (
        {name: sign_codes(getattr(side, name)).astype(np.float32) for name in ("image", "text")} for side in (queries, items)
    )
    for rows in _blocks(len(queries.pair_ids), len(items.pair_ids)):
        own = queries.pair_ids[rows, None] == items.pair_ids[None, :]
        relevance = (
            own.astype(np.float32)
            if kind == "partner"
            else expected_relevance(queries.label_probabilities[rows], items.label_probabilities)
        )
        kept = np.ones_like(relevance) if kind == "partner" else (~own).astype(np.float32)
        for pair in directions:
            distances = ((n_bits - asks[pair[0]][rows] @ found[pair[1]].T) / 2).astype(np.int64)
            _add(tables[pair], distances, (kept, relevance * kept), (queries.pair_ids[rows], items.pair_ids))
    return {pair: _counts(table) for pair, table in tables.items()}


def expected_relevance(queries: Float32, items: Float32) -> Float32:
    """Returns R of the module's docstring.

    Args:
        queries: (Q, C) float32 label probabilities.
        items: (N, C) float32 likewise.

    Returns:
        (Q, N) float32 in [0, 1].
    """
    irrelevance = np.ones((len(queries), len(items)), np.float32)
    for asked, borne in zip(queries.T, items.T, strict=True):
        irrelevance *= 1 - asked[:, None] * borne
    return 1 - irrelevance


def base_rate_of(queries: Float32, items: Float32) -> float:
    """Returns the share of relevant pairs among all.

    Args:
        queries: (Q, C) float32 label probabilities, Q > 0.
        items: (N, C) float32 likewise, none of them the queries' own.

    Returns:
        In [0, 1].
    """
    shares = [float(expected_relevance(queries[rows], items).sum()) for rows in _blocks(len(queries), len(items))]
    return sum(shares) / (len(queries) * len(items))


def _add(table: Float64, distances: Int64, weights: tuple[Float32, Float32], clusters: tuple[Int64, Int64]) -> None:
    """Adds a block's pairs to the clusters of their queries and of their items, and its queries' nearest items."""
    _, n_clusters, width = table.shape
    for bins in (clusters[0][:, None] * width + distances, clusters[1] * width + distances):
        for kind, weight in enumerate(weights):
            added = np.bincount(bins.ravel(), weights=weight.ravel(), minlength=n_clusters * width)
            table[kind] += added.reshape(n_clusters, width)
    nearest = np.where(weights[0] > 0, distances, width).min(axis=1)
    has_any = nearest < width
    np.add.at(table[2], (clusters[0][has_any], nearest[has_any]), 1)


def _counts(table: Float64) -> DistanceCounts:
    pairs, relevant, nearest = table
    return DistanceCounts(
        n_pairs=np.rint(pairs.sum(axis=0) / 2),
        n_relevant=relevant.sum(axis=0) / 2,
        cluster_pairs=pairs,
        cluster_relevant=relevant,
        n_nearest=nearest.sum(axis=0).astype(np.int64),
    )


def _blocks(n_query: int, n_items: int) -> Iterator[slice]:
    size = max(1, _BLOCK_PAIRS // max(n_items, 1))
    return (slice(start, min(start + size, n_query)) for start in range(0, n_query, size))
