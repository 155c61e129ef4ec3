"""The hot loops of multi-index hashing, compiled: the search of one query.

Decides how a search proves that its answer is complete (Norouzi, Punjani and Fleet, "Fast Exact Search in Hamming Space with
Multi-Index Hashing", 2012, https://arxiv.org/abs/1307.2982): with codes cut into m chunks, one at distance D ≤ m·r + j differs by
at most r in one of the chunks 0…j, or by at most r − 1 in one of the others; so once the buckets of chunk 0…j have been looked up
to radius r, and those of the others to r − 1, every code up to distance m·r + j has been seen.

Note:
    Unlike in the paper, codes lie side by side in their buckets, so that a bucket is read and not followed; equal codes are one
    entry with the list of their rows; and before each step the cost of the way that is left is estimated: where a scan is cheaper,
    the search is left to it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from app.index.candidates import Seen, meet, with_room
from app.index.chunk_kernels import CHUNK, PLACES, Table, chunk_of
from app.index.kernels import BLOCK, Int32, Part, Rules, UInt64, compiled, distance_at, may_be_hit, next_near, popcount, prefetch
from model.codes import Int64

_AHEAD = 8  # buckets that are fetched before they are read


class Asked(NamedTuple):
    """One search.

    Attributes:
        table: What is looked up.
        part: The rows behind it.
        rules: Which of them may be hits.
        query: (n_words,) uint64.
        k: Hits.
    """

    table: Table
    part: Part
    rules: Rules
    query: UInt64
    k: int


@compiled
def _is_first_meeting(words: UInt64, at: int, query: UInt64, step: tuple[int, int, int]) -> bool:
    """Tells whether no bucket looked up before the step (chunk, radius, chunks there are) has shown the code at a place."""
    chunk, radius, n_chunks = step
    for other in range(n_chunks):
        differing = chunk_of(words, at, other) ^ chunk_of(query, 0, other)
        far = np.int64(popcount(np.uint64(differing)))
        if far < radius or (far == radius and other < chunk):
            return False
    return True


@compiled
def _n_hits(asked: Asked, code: int, distance: int) -> Any:
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


@compiled
def _read(asked: Asked, seen: Seen, span: tuple[int, int], chunk: int, radius: int) -> Seen:
    """Looks at the codes at places start…end − 1, which lie in buckets of a chunk; a radius of −1: they were not met before."""
    words, query, rules, state, k = asked.table.words, asked.query, asked.rules, seen.state, asked.k
    list_starts, n_words, step = asked.table.list_starts, len(asked.query), (chunk, radius, asked.table.n_chunks)
    start, end = span
    while start < end:
        block_end = min(start + BLOCK, end)
        for at in range(start, block_end):
            distance = distance_at(words, at, query)
            if distance > state[2] or distance < rules.first_distance:
                continue
            if radius >= 0 and not _is_first_meeting(words, at * n_words, query, step):
                continue
            code: Any = np.int64(asked.table.numbers[at - asked.table.n_codes]) if chunk > 0 else at
            if not rules.is_plain:
                n_hits = _n_hits(asked, code, distance)
            else:
                n_hits = 1 if rules.distinct else min(np.int64(list_starts[code + 1]) - np.int64(list_starts[code]), k)
            if n_hits > 0:
                if state[0] == len(seen.codes):
                    seen = with_room(seen)
                meet(seen, code, distance, n_hits, k)
        start = next_near(words, (block_end, end), query, state[2] + 1)
    return seen


@compiled
def _look_up_chunk(asked: Asked, seen: Seen, chunk: int, radius: int) -> Seen:
    """Looks up the buckets of a chunk at a radius."""
    table, words, query, state, n_words = asked.table, asked.table.words, asked.query, seen.state, len(asked.query)
    value, first, width = chunk_of(query, 0, chunk), chunk * table.n_codes, min(CHUNK, asked.part.n_bits - CHUNK * chunk)
    buckets = table.starts[chunk * PLACES : (chunk + 1) * PLACES]
    masks = table.masks[table.mask_starts[radius] : table.mask_starts[radius + 1]]
    for at in range(len(masks)):
        if at + _AHEAD < len(masks):
            prefetch(words, (first + np.int64(buckets[value ^ np.int64(masks[at + _AHEAD])])) * n_words)
        bucket = value ^ np.int64(masks[at])
        if bucket >> width == 0:
            start: Any = first + np.int64(buckets[bucket])
            end: Any = first + np.int64(buckets[bucket + 1])
            start = next_near(words, (start, end), query, state[2] + 1)
            if start < end:
                seen = _read(asked, seen, (start, end), chunk, radius)
    return seen


@compiled
def _look_up(asked: Asked, seen: Seen) -> tuple[bool, Seen]:
    """Looks up buckets until the answer is complete; False if a scan is cheaper.

    Before each step the way to go is that to the distance at which k random codes are expected, or to the k-th hit so far where
    that is nearer; behind the first it is the second.
    """
    table, state = asked.table, seen.state
    expected = np.searchsorted(table.within, 1.5 * asked.k)
    for chunk in range(table.n_chunks):
        bucket = np.int64(table.starts[chunk * PLACES + chunk_of(asked.query, 0, chunk)])
        prefetch(table.words, (chunk * table.n_codes + bucket) * len(asked.query))
    for radius in range(CHUNK + 1):
        for chunk in range(table.n_chunks):
            certified = table.n_chunks * radius + chunk - 1
            if certified >= state[2]:
                return True, seen
            spent = table.cost[certified] if certified >= 0 else 0.0
            goal = min(expected, state[2]) if certified < expected else state[2]
            if table.cost[goal] - spent > table.scan_cost:
                return False, seen
            seen = _look_up_chunk(asked, seen, chunk, radius)
    return True, seen


@compiled
def _rows_of(asked: Asked, code: int, distance: int, places: Int64) -> int:
    """Writes distance and position, as one number, of the first rows of a code that may be hits, at most k; returns how many."""
    rows, list_starts, rules, n_rows = asked.table.rows, asked.table.list_starts, asked.rules, 0
    for at in range(list_starts[code], list_starts[code + 1]):
        position: Any = np.int64(rows[at])
        if rules.is_plain or may_be_hit(asked.part, rules, position):
            if distance > rules.first_distance or position >= rules.first_position:
                places[n_rows] = (np.int64(distance) << 32) | position
                n_rows += 1
            if rules.distinct or n_rows == asked.k:
                break
    return n_rows


@compiled
def _write_down(asked: Asked, seen: Seen, positions: Int64, distances: Int32) -> int:
    """Writes the hits in order and returns how many there are."""
    state, n_places, n_within = seen.state, 0, 0
    for distance in range(state[2] + 1):
        n_within += seen.counts[distance]
    places = np.empty(n_within, np.int64)
    for at in range(state[0]):
        if seen.distances[at] <= state[2]:
            n_places += _rows_of(asked, seen.codes[at], seen.distances[at], places[n_places:])
    places.sort()
    n_written = min(n_places, asked.k)
    for at in range(n_written):
        positions[at], distances[at] = places[at] & np.int64(0xFFFFFFFF), places[at] >> 32
    return n_written


@compiled
def search_table(table: Table, part: Part, rules: Rules, queries: UInt64, found: tuple[Int64, Int32, Int64]) -> None:
    """Finds the k nearest rows of each query, ordered by (distance, position).

    Args:
        table: The codes.
        part: Their rows.
        rules: Which rows may be hits.
        queries: (Q, n_words) uint64.
        found: Takes positions and distances, (Q, k), and their number, (Q,); −1 where a scan of the rows is cheaper.
    """
    positions, distances, n_found = found
    k = positions.shape[1]
    codes, away, counts = np.empty(8 * k + 512, np.int64), np.empty(8 * k + 512, np.int32), np.zeros(part.n_bits + 1, np.int64)
    for one in range(len(queries)):
        counts[:] = 0
        seen = Seen(codes, away, counts, np.array([0, 0, rules.radius]))
        asked = Asked(table, part, rules, queries[one], k)
        is_done, seen = _look_up(asked, seen)
        if not is_done and 2 * table.n_codes <= len(table.rows):
            counts[:] = 0
            seen.state[:] = 0, 0, rules.radius
            nothing: Any = np.int64(0)  # no literal, which would have another type
            is_done, seen = True, _read(asked, seen, (nothing, table.n_codes), nothing, nothing - 1)
        n_found[one] = _write_down(asked, seen, positions[one], distances[one]) if is_done else -1
