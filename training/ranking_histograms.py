"""How many items lie at each distance from each query: all that a ranking metric needs where a random order stands for ties.

Decides how distances and shared labels are counted, in blocks and without sorting. Does not know metrics.

Note: one product of matrices gives each pair a bin: with G levels of shared labels, (row · (n_bits + 1) + distance) · G + shared;
distance = (n_bits − ⟨a, b⟩) / 2 is linear in the signs, the row's part is a column of its own, and shared is the product of the
labels. All sums on the way are multiples of ½ below 2²³, which float32 holds exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from model.codes import Float32, Int64, UInt8, sign_codes

_BLOCK_PAIRS, _BLOCK_ITEMS, _EXACT = 2**20, 2**14, 2**22
DIRECTIONS = {"i2t": ("image", "text"), "t2i": ("text", "image")}
"""What asks and what is ranked."""


@dataclass(frozen=True, slots=True)
class LabelledCodes:
    """Codes of both modalities of one side of a ranking task; row i of both is one pair.

    Attributes:
        image: (N, n_bits) float32 relaxed codes, or their signs.
        text: (N, n_bits) likewise.
        labels: (N, C) uint8 multi-hot.
    """

    image: Float32
    text: Float32
    labels: UInt8


@dataclass(frozen=True, slots=True)
class RankingHistograms:
    """Counts for each of Q queries in one direction.

    Attributes:
        everything: (Q, n_bits + 1) int64, items by distance.
        relevant: (Q, n_bits + 1) int64, items that share a label with the query, by distance.
        gain: (Q, n_bits + 1) int64, shared labels summed over items, by distance.
        levels: (Q, G) int64, items by number of shared labels 0…G − 1.
    """

    everything: Int64
    relevant: Int64
    gain: Int64
    levels: Int64


def ranking_histograms(
    query: LabelledCodes, database: LabelledCodes, *, exclude_own: bool = False, directions: tuple[str, ...] = ("i2t", "t2i")
) -> dict[str, RankingHistograms]:
    """Counts database items by distance from each query, and by labels shared with it.

    Args:
        query: Q pairs.
        database: N pairs.
        exclude_own: Whether pair i is left out for query i.
        directions: Which of ``i2t`` and ``t2i`` to count; together they share the product of the labels.

    Returns:
        Histograms by direction.

    Raises:
        CodeError: If a code is not finite.
    """
    n_query, n_bits = query.image.shape
    n_levels = 1 + min(int(side.labels.sum(axis=1, dtype=np.int64).max(initial=0)) for side in (query, database))
    sides = {name: (_signs(query, DIRECTIONS[name][0]), _targets(database, DIRECTIONS[name][1])) for name in directions}
    query_labels, labels = query.labels.astype(np.float32), database.labels.astype(np.float32).T
    found = {name: _empty(n_query, n_bits, n_levels) for name in directions}
    for rows in _blocks(n_query, len(database.labels), (n_bits + 1) * n_levels):
        counts = {name: np.zeros((rows.stop - rows.start, n_bits + 1, n_levels), np.int64) for name in directions}
        for items in _runs(len(database.labels)):
            shared = query_labels[rows] @ labels[:, items]
            for name, (signs, targets) in sides.items():
                counts[name] += _count(signs[rows], targets[:, items], n_levels, shared)
        for name, (signs, targets) in sides.items():
            if exclude_own:
                _leave_out_own(counts[name], signs, targets, query.labels, rows)
            _reduce(counts[name], found[name], rows)
    return found


def label_histograms(query: LabelledCodes, database: LabelledCodes, direction: str) -> Iterator[tuple[int, Int64, Int64]]:
    """Counts, label by label, the items that bear it by distance from each query that bears it.

    Args:
        query: Q pairs.
        database: N pairs.
        direction: ``i2t`` or ``t2i``.

    Yields:
        Label number, (Q_c) int64 rows of the queries that bear it, (Q_c, n_bits + 1) int64 counts; labels that no query or no
        item bears are passed over.
    """
    asks, ranked = DIRECTIONS[direction]
    signs, targets = _signs(query, asks), _targets(database, ranked)
    for label in range(query.labels.shape[1]):
        bearers, items = np.flatnonzero(query.labels[:, label]), np.flatnonzero(database.labels[:, label])
        if len(bearers) and len(items):
            chosen, among = signs[bearers], np.ascontiguousarray(targets[:, items])
            counts = np.zeros((len(bearers), len(targets)), np.int64)
            for rows in _blocks(len(bearers), len(items), len(targets)):
                for run in _runs(len(items)):
                    counts[rows] += _count(chosen[rows], among[:, run], 1)[:, :, 0]
            yield label, bearers, counts


def partner_places(pairs: LabelledCodes, direction: str) -> tuple[Int64, Int64]:
    """Counts, for each pair's one side, how many pairs' other sides are nearer than its own, and how many as near.

    Args:
        pairs: N pairs.
        direction: ``i2t`` or ``t2i``.

    Returns:
        Two (N) int64: strictly nearer ones, and those at the partner's distance, the partner among them.
    """
    asks, ranked = DIRECTIONS[direction]
    signs, partners = _signs(pairs, asks), _signs(pairs, ranked)
    nearer, tied = np.empty(len(signs), np.int64), np.empty(len(signs), np.int64)
    for rows in _blocks(len(signs), len(signs), 1):
        products = signs[rows] @ partners.T
        own = (signs[rows] * partners[rows]).sum(axis=1, keepdims=True)
        nearer[rows] = np.count_nonzero(products > own, axis=1)
        tied[rows] = np.count_nonzero(products == own, axis=1)
    return nearer, tied


def _signs(pairs: LabelledCodes, modality: str) -> Float32:
    return sign_codes(getattr(pairs, modality)).astype(np.float32)


def _targets(pairs: LabelledCodes, modality: str) -> Float32:
    """Returns (n_bits + 1, N): signs, and a row of ones that takes up a block's offsets."""
    signs = _signs(pairs, modality)
    return np.ascontiguousarray(np.concatenate([signs, np.ones((len(signs), 1), np.float32)], axis=1).T)


def _blocks(n_query: int, n_items: int, n_bins: int) -> Iterator[slice]:
    """Cuts queries so that the matrices of a block and a run of items stay in the cache, and its bins exact."""
    size = max(1, min(_BLOCK_PAIRS // min(max(n_items, 1), _BLOCK_ITEMS), _EXACT // n_bins))
    return (slice(start, min(start + size, n_query)) for start in range(0, n_query, size))


def _runs(n_items: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK_ITEMS) for start in range(0, n_items, _BLOCK_ITEMS))


def _count(signs: Float32, targets: Float32, n_levels: int, shared: Float32 | None = None) -> Int64:
    """Returns (rows, n_bits + 1, n_levels) int64."""
    n_rows, n_bits = signs.shape
    width = (n_bits + 1) * n_levels
    offsets = np.arange(n_rows)[:, None] * width + n_bits * n_levels / 2
    bins = np.concatenate([signs * (-n_levels / 2), offsets], axis=1, dtype=np.float32) @ targets
    if shared is not None:
        bins += shared
    counts: Int64 = np.bincount(bins.astype(np.int64).ravel(), minlength=n_rows * width)
    return counts.reshape(n_rows, n_bits + 1, n_levels)


def _leave_out_own(counts: Int64, signs: Float32, targets: Float32, labels: UInt8, rows: slice) -> None:
    products = (signs[rows] * targets[:-1, rows].T).sum(axis=1)
    distances = ((signs.shape[1] - products) / 2).astype(np.int64)
    counts[np.arange(len(counts)), distances, labels[rows].sum(axis=1, dtype=np.int64)] -= 1


def _empty(n_query: int, n_bits: int, n_levels: int) -> RankingHistograms:
    by_distance = np.empty((3, n_query, n_bits + 1), np.int64)
    return RankingHistograms(by_distance[0], by_distance[1], by_distance[2], np.empty((n_query, n_levels), np.int64))


def _reduce(counts: Int64, into: RankingHistograms, rows: slice) -> None:
    into.everything[rows] = counts.sum(axis=2)
    into.relevant[rows] = into.everything[rows] - counts[:, :, 0]
    into.gain[rows] = counts @ np.arange(counts.shape[2])
    into.levels[rows] = counts.sum(axis=1)
