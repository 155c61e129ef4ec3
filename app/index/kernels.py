"""The hot loops of a scan over codes, compiled: distances, the k nearest rows, marks of allowed rows.

Decides how a scan stays at the speed of reading: the least distance of a block of codes comes from a loop without branches that the
compiler turns into vector instructions, and only a block that holds something nearer than the k-th hit so far is looked at code by
code. Of many queries, each takes its turn at a piece of the codes while that lies in the processor's nearest cache. Does not know
row ids: it speaks of positions, which ascend as rows do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import intrinsic

from model.codes import Int64

UInt64 = npt.NDArray[np.uint64]
UInt32 = npt.NDArray[np.uint32]
Int32 = npt.NDArray[np.int32]
Bool = npt.NDArray[np.bool_]
F = TypeVar("F", bound=Callable[..., Any])
BLOCK = 256  # codes whose least distance is looked at
_PIECE = 16_384  # words that every query passes over in turn: 128 kB, which stay in the second cache
BUFFER = 64  # places beside 2 k


def compiled(function: F) -> F:
    """Compiles a function at its first call, without Python's lock; what was compiled is kept on disk where there is a place for it.

    Args:
        function: Of types that numba knows.

    Returns:
        The same function, fast.
    """
    try:
        return cast(F, numba.njit(nogil=True, cache=True)(function))
    except RuntimeError:  # no folder can be written: it is compiled at each start
        return cast(F, numba.njit(nogil=True)(function))


class Part(NamedTuple):
    """Codes in the order of their rows.

    Attributes:
        words: (N · n_words,) uint64, the codes one after another, padded with zero bits.
        died: (N,) uint32, version at which a row was removed; 0 while it is held.
        n_rows: Only the first so many are looked at.
        n_words: Words a code.
        n_bits: Bits of one code.
    """

    words: UInt64
    died: UInt32
    n_rows: int
    n_words: int
    n_bits: int


class Rules(NamedTuple):
    """Which rows may be hits.

    Attributes:
        version: Rows that were removed at this version or before are none.
        allowed: (N,) bool; empty if all are allowed.
        without: Positions that are none; a few.
        first_distance: No nearer hits than this one.
        first_position: At that very distance, no earlier positions than this one.
        radius: No farther hits.
        distinct: Whether only the first of equal codes is one.
        is_plain: Whether nothing but the radius keeps a row back.
    """

    version: int
    allowed: Bool
    without: Int64
    first_distance: int
    first_position: int
    radius: int
    distinct: bool
    is_plain: bool


@intrinsic  # type: ignore[misc]
def popcount(_typing: Any, _word: Any) -> Any:
    """Counts the set bits of a word: one instruction, where the processor has it."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@compiled
def distance_at(words: UInt64, at: int, query: UInt64) -> int:
    """Returns the distance between a query and the code at a place."""
    n_words = len(query)
    if n_words == 1:
        return np.int64(popcount(words[at] ^ query[0]))
    total = np.int64(0)
    for word in range(n_words):
        total += np.int64(popcount(words[at * n_words + word] ^ query[word]))
    return total


@compiled
def least_distance(words: UInt64, start: int, end: int, query: UInt64) -> int:
    """Returns the least distance between a query and the codes of places start…end − 1; large if there is none."""
    n_words, least = len(query), np.int64(1 << 30)
    first, last = np.uint64(start), np.uint64(end)  # unsigned, or each access would look whether the place is negative
    if n_words == 1:
        word0 = query[0]
        for at in range(first, last):
            least = min(least, np.int64(popcount(words[at] ^ word0)))
    elif n_words == 2:
        word0, word1, two, one = query[0], query[1], np.uint64(2), np.uint64(1)
        for at in range(first, last):
            least = min(least, np.int64(popcount(words[two * at] ^ word0) + popcount(words[two * at + one] ^ word1)))
    elif n_words == 4:
        word0, word1, word2, word3, four = query[0], query[1], query[2], query[3], np.uint64(4)
        for at in range(first, last):
            low = popcount(words[four * at] ^ word0) + popcount(words[four * at + np.uint64(1)] ^ word1)
            high = popcount(words[four * at + np.uint64(2)] ^ word2) + popcount(words[four * at + np.uint64(3)] ^ word3)
            least = min(least, np.int64(low + high))
    else:
        for code in range(start, end):
            least = min(least, distance_at(words, code, query))
    return least


@compiled
def next_near(words: UInt64, span: tuple[int, int], query: UInt64, limit: int) -> int:
    """Returns the first place, counted in blocks from the span's start, whose block holds a distance below a limit; else the end."""
    start, end = span
    while start < end and least_distance(words, start, min(start + BLOCK, end), query) >= limit:
        start += BLOCK
    return min(start, end)


@compiled
def may_be_hit(part: Part, rules: Rules, position: int) -> bool:
    """Tells whether a row is there and allowed."""
    if position >= part.n_rows:
        return False
    died = part.died[position]
    if died != 0 and died <= rules.version:
        return False
    if len(rules.allowed) and not rules.allowed[position]:
        return False
    for left_out in rules.without:  # noqa: SIM110: any() of a generator is not compiled
        if left_out == position:
            return False
    return True


@compiled
def _keep_nearest(positions: Int64, distances: Int32, n_kept: int, limit: int, k: int) -> int:
    """Drops what is no hit any more, in place, and returns how many stay; of the farthest the first positions stay."""
    n_nearer = 0
    for at in range(n_kept):
        n_nearer += distances[at] < limit
    n_ties, end = k - n_nearer, 0
    for at in range(n_kept):
        is_tie = distances[at] == limit and n_ties > 0
        if distances[at] < limit or is_tie:
            n_ties -= is_tie
            positions[end], distances[end] = positions[at], distances[at]
            end += 1
    return end


@compiled
def _put_in_order(positions: Int64, distances: Int32, n_kept: int, n_bits: int) -> None:
    """Sorts by distance, in place; equal distances stay in order."""
    starts = np.zeros(n_bits + 2, np.int64)
    for at in range(n_kept):
        starts[distances[at] + 1] += 1
    starts = np.cumsum(starts)
    moved_positions, moved_distances = positions[:n_kept].copy(), distances[:n_kept].copy()
    for at in range(n_kept):
        to = starts[moved_distances[at]]
        starts[moved_distances[at]] += 1
        positions[to], distances[to] = moved_positions[at], moved_distances[at]


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
    counts = np.zeros((n_queries, part.n_bits + 1), np.int64)
    farthest = np.full(n_queries, rules.radius, np.int64)  # at most so far are the k nearest so far
    totals = np.zeros(n_queries, np.int64)  # found within that
    n_found[:] = 0
    step = max(BLOCK, _PIECE // n_words)
    for piece in range(0, part.n_rows, step):
        for one in range(n_queries):
            query = queries[one]
            start, piece_end = piece, min(piece + step, part.n_rows)
            while True:
                limit = farthest[one] if totals[one] >= k else farthest[one] + 1
                start = next_near(part.words, (start, piece_end), query, limit)
                if start == piece_end:
                    break
                end = min(start + BLOCK, piece_end)
                for at in range(start, end):
                    distance = distance_at(part.words, at, query)
                    if distance >= limit or distance < rules.first_distance:
                        continue
                    if distance == rules.first_distance and at < rules.first_position:
                        continue
                    if not rules.is_plain and not may_be_hit(part, rules, at):
                        continue
                    if n_found[one] == positions.shape[1]:
                        n_found[one] = _keep_nearest(positions[one], distances[one], n_found[one], farthest[one], k)
                    positions[one, n_found[one]], distances[one, n_found[one]] = at, distance
                    n_found[one] += 1
                    counts[one, distance] += 1
                    totals[one] += 1
                    while totals[one] - counts[one, farthest[one]] >= k:
                        totals[one] -= counts[one, farthest[one]]
                        farthest[one] -= 1
                    limit = farthest[one] if totals[one] >= k else farthest[one] + 1
                start = end
    for one in range(n_queries):
        if totals[one] >= k:
            n_found[one] = _keep_nearest(positions[one], distances[one], n_found[one], farthest[one], k)
        _put_in_order(positions[one], distances[one], n_found[one], part.n_bits)


@compiled
def mark_allowed(row_ids: Int64, allowed: Int64, marks: Bool) -> None:
    """Marks the rows that are allowed; both lists of row ids ascend."""
    at = 0
    for row in allowed:
        while at < len(row_ids) and row_ids[at] < row:
            at += 1
        if at == len(row_ids):
            return
        if row_ids[at] == row:
            marks[at] = True
