"""Which rows of the codes that a search has met are its hits, compiled.

Decides how codes become rows: equal codes are one entry with the list of their rows. Does not know how codes are met.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from app.index.candidates import AWAY, NUMBER, Seen
from app.index.chunk_kernels import Table
from app.index.kernels import Part, Rules, UInt64, inlined, may_be_hit
from model.codes import Int64


class Asked(NamedTuple):
    """One search.

    Attributes:
        table: What is looked up.
        part: The rows behind it.
        tail: Rows that are scanned beside it; as codes, they are numbered behind those of the table.
        rules: Which of them may be hits.
        query: (n_words,) uint64.
        k: Hits.
    """

    table: Table
    part: Part
    tail: Part
    rules: Rules
    query: UInt64
    k: int


@inlined
def n_hits_of(asked: Asked, code: int, distance: int) -> Any:
    """Counts the rows of a code that may be hits, up to k."""
    table, rules = asked.table, asked.rules
    start, end = np.int64(table.list_starts[code]), np.int64(table.list_starts[code + 1])
    n_hits: Any = 0
    for at in range(start, end):
        position: Any = np.int64(table.rows[at])
        if may_be_hit(asked.part, rules, position):
            n_hits += distance > rules.first_distance or position >= rules.first_position
            if rules.distinct or n_hits == asked.k:
                break
    return n_hits


@inlined
def _rows_of(asked: Asked, code: int, distance: int, places: Int64) -> int:
    """Writes distance and position, as one number, of the first rows of a code that may be hits, at most k; returns how many."""
    rows, list_starts, rules, n_rows = asked.table.rows, asked.table.list_starts, asked.rules, 0
    if code >= asked.table.n_codes:
        places[0] = (np.int64(distance) << 32) | (asked.part.n_rows + code - asked.table.n_codes)
        return 1
    for at in range(list_starts[code], list_starts[code + 1]):
        position: Any = np.int64(rows[at])
        if rules.is_plain or may_be_hit(asked.part, rules, position):
            if distance > rules.first_distance or position >= rules.first_position:
                places[n_rows] = (np.int64(distance) << 32) | position
                n_rows += 1
            if rules.distinct or n_rows == asked.k:
                break
    return n_rows


@inlined
def places_of(asked: Asked, seen: Seen) -> Int64:
    """Returns distance and position, as one number, of the hits in order."""
    state, n_places, n_within = seen.state, 0, 0
    for distance in range(state[2] + 1):
        n_within += seen.counts[distance]
    places = np.empty(n_within, np.int64)
    for at in range(state[0]):
        distance = seen.kept[at] >> AWAY
        if distance <= state[2]:
            n_places += _rows_of(asked, seen.kept[at] & NUMBER, distance, places[n_places:])
    places = places[:n_places]
    places.sort()
    return places[: asked.k]
