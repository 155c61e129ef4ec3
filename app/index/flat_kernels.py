"""The scan of all rows, compiled.

Decides how a scan stays at the speed of reading: only a block that holds something nearer than the k-th hit so far is looked at
code by code, and of many queries each takes its turn at a piece of the codes while that lies in the processor's second cache. Does
not know row ids: it speaks of positions, which ascend as rows do.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from app.index.kernels import BLOCK, Int32, Part, Rules, UInt64, compiled, distance_at, may_be_hit, next_near
from model.codes import Int64

_PIECE = 16_384  # words that every query passes over in turn: 128 kB
BUFFER = 64  # places beside 2 k


class Best(NamedTuple):
    """The nearest rows of one query so far.

    Attributes:
        positions: (2 k + BUFFER,) int64, ascending but for what is no hit any more.
        distances: (2 k + BUFFER,) int32.
        counts: (n_bits + 1,) int64, rows found at each distance.
        state: (3,) int64: rows kept; rows within the farthest distance; that distance: so far at most are the k nearest.
        k: Hits.
    """

    positions: Int64
    distances: Int32
    counts: Int64
    state: Int64
    k: int


@compiled
def _limit(best: Best) -> int:
    """Returns the distance below which a later row is a hit."""
    return best.state[2] + (best.state[1] < best.k)  # type: ignore[no-any-return]


@compiled
def _keep_nearest(best: Best) -> None:
    """Drops what is no hit any more; of the farthest the first positions stay."""
    n_ties, end, limit = best.k, 0, best.state[2]
    if best.state[1] < best.k:
        return
    for at in range(best.state[0]):
        n_ties -= best.distances[at] < limit
    for at in range(best.state[0]):
        is_tie = best.distances[at] == limit and n_ties > 0
        if best.distances[at] < limit or is_tie:
            n_ties -= is_tie
            best.positions[end], best.distances[end] = best.positions[at], best.distances[at]
            end += 1
    best.state[0] = end


@compiled
def _put_in_order(best: Best) -> None:
    """Sorts by distance; equal distances stay in order."""
    n_kept = best.state[0]
    order = np.argsort(best.distances[:n_kept], kind="mergesort")
    best.positions[:n_kept] = best.positions[:n_kept][order]
    best.distances[:n_kept] = best.distances[:n_kept][order]


@compiled
def _take(best: Best, position: int, distance: int) -> None:
    """Notes a row that is nearer than the k-th so far."""
    if best.state[0] == len(best.positions):
        _keep_nearest(best)
    best.positions[best.state[0]], best.distances[best.state[0]] = position, distance
    best.state[0] += 1
    best.counts[distance] += 1
    best.state[1] += 1
    while best.state[1] - best.counts[best.state[2]] >= best.k:
        best.state[1] -= best.counts[best.state[2]]
        best.state[2] -= 1


@compiled
def _scan_piece(part: Part, rules: Rules, query: UInt64, span: tuple[int, int], best: Best) -> None:
    start, end = span
    while True:
        start = next_near(part.words, (start, end), query, _limit(best))
        if start == end:
            return
        block_end = min(start + BLOCK, end)
        for at in range(start, block_end):
            distance = distance_at(part.words, at, query)
            if distance >= _limit(best) or distance < rules.first_distance:
                continue
            is_past = distance > rules.first_distance or at >= rules.first_position
            if is_past and (rules.is_plain or may_be_hit(part, rules, at)):
                _take(best, at, distance)
        start = block_end


@compiled
def scan_rows(part: Part, rules: Rules, queries: UInt64, k: int, found: tuple[Int64, Int32, Int64]) -> None:
    """Finds the k nearest rows of each query, ordered by (distance, position).

    Args:
        part: (N,) codes.
        rules: Which rows may be hits; ``distinct`` is not looked at.
        queries: (Q, n_words) uint64.
        k: Hits a query.
        found: Takes positions and distances, (Q, 2 k + BUFFER), and their number, (Q,).
    """
    positions, distances, n_found = found
    n_queries, n_words = queries.shape
    counts, states = np.zeros((n_queries, part.n_bits + 1), np.int64), np.zeros((n_queries, 3), np.int64)
    states[:, 2] = rules.radius
    step = max(BLOCK, _PIECE // n_words)
    for piece in range(0, part.n_rows, step):
        span = (piece, min(piece + step, part.n_rows))
        for one in range(n_queries):
            best = Best(positions[one], distances[one], counts[one], states[one], k)
            _scan_piece(part, rules, queries[one], span, best)
    for one in range(n_queries):
        best = Best(positions[one], distances[one], counts[one], states[one], k)
        _keep_nearest(best)
        _put_in_order(best)
        n_found[one] = best.state[0]
