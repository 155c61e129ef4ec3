"""What a search by a table has met so far, compiled.

Decides which candidates are kept: those that are not farther than the k-th hit so far, ties included, as codes are not met in order
of their rows. Does not know how they are met.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from app.index.desk_kernels import unheld
from app.index.kernels import inlined
from model.codes import Int64

AWAY = np.int64(40)  # a candidate is its distance, so many bits up, and the number of its code
NUMBER = np.int64((1 << 40) - 1)


class Seen(NamedTuple):
    """The candidates of one search.

    Attributes:
        kept: Candidates, (C,) int64.
        counts: (n_bits + 1,) int64, rows at each distance, those of one code counted up to k.
        sample: (n_bits + 1,) int64, room to count the codes of a sample.
        state: (4,) int64: candidates kept; rows within the farthest distance; that distance: so far at most are the k nearest; and
            1 once there was no room for another.
    """

    kept: Int64
    counts: Int64
    sample: Int64
    state: Int64


@inlined
def seen_in(memory: Int64, n_bits: int, radius: int) -> Seen:
    """Returns nothing seen yet, noted in some memory, which the caller holds longer."""
    all_of_it = unheld(memory)
    n_distances = n_bits + 1
    counts, sample = all_of_it[4 : 4 + n_distances], all_of_it[4 + n_distances : 4 + 2 * n_distances]
    state = all_of_it[:4]
    counts[:] = 0
    state[0], state[1], state[2], state[3] = 0, 0, radius, 0
    return Seen(all_of_it[4 + 2 * n_distances :], counts, sample, state)


@inlined
def has_room(seen: Seen) -> bool:
    """Makes room for another candidate by dropping those that are too far by now; if hardly any are, there is no room any more."""
    state = seen.state
    if state[0] < len(seen.kept):
        return True
    end = 0
    for at in range(state[0]):
        if seen.kept[at] >> AWAY <= state[2]:
            seen.kept[end] = seen.kept[at]
            end += 1
    state[0], state[3] = end, 2 * end > len(seen.kept)
    return state[3] == 0  # type: ignore[no-any-return]


@inlined
def meet(seen: Seen, code: int, distance: int, n_hits: int, k: int) -> None:
    """Notes a code that is not farther than the k-th hit so far; there is room."""
    state, counts = seen.state, seen.counts
    seen.kept[state[0]] = (distance << AWAY) | code
    state[0] += 1
    counts[distance] += n_hits
    state[1] += n_hits
    while state[1] - counts[state[2]] >= k:
        state[1] -= counts[state[2]]
        state[2] -= 1
