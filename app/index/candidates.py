"""What a search by a table has met so far, compiled.

Decides which candidates are kept: those that are not farther than the k-th hit so far, ties included, as codes are not met in order
of their rows. Does not know how they are met.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from app.index.kernels import Int32, compiled
from model.codes import Int64


class Seen(NamedTuple):
    """The candidates of one search.

    Attributes:
        codes: Numbers of codes, (C,) int64.
        distances: Their distances, (C,) int32.
        counts: (n_bits + 1,) int64, rows at each distance, those of one code counted up to k.
        state: (3,) int64: candidates kept; rows within the farthest distance; that distance: so far at most are the k nearest.
    """

    codes: Int64
    distances: Int32
    counts: Int64
    state: Int64


@compiled
def with_room(seen: Seen) -> Seen:
    """Drops candidates that are too far by now, and makes room for more."""
    end, farthest = 0, seen.state[2]
    for at in range(seen.state[0]):
        if seen.distances[at] <= farthest:
            seen.codes[end], seen.distances[end] = seen.codes[at], seen.distances[at]
            end += 1
    seen.state[0] = end
    if 2 * end <= len(seen.codes):
        return seen
    codes, distances = np.empty(4 * end, np.int64), np.empty(4 * end, np.int32)
    codes[:end], distances[:end] = seen.codes[:end], seen.distances[:end]
    return Seen(codes, distances, seen.counts, seen.state)


@compiled
def meet(seen: Seen, code: int, distance: int, n_hits: int, k: int) -> None:
    """Notes a code that is not farther than the k-th hit so far."""
    state, counts = seen.state, seen.counts
    seen.codes[state[0]], seen.distances[state[0]] = code, distance
    state[0] += 1
    counts[distance] += n_hits
    state[1] += n_hits
    while state[1] - counts[state[2]] >= k:
        state[1] -= counts[state[2]]
        state[2] -= 1
