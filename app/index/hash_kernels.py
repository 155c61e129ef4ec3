"""The hot loops of multi-index hashing, compiled: the search of one query.

Decides how a search proves that its answer is complete (Norouzi, Punjani and Fleet, "Fast Exact Search in Hamming Space with
Multi-Index Hashing", 2012, https://arxiv.org/abs/1307.2982): with a code cut into m chunks, a code at distance D ≤ m·r + j differs by
at most r in one of the chunks 0…j, or by at most r − 1 in one of the others; so once the buckets of chunk 0…j have been looked up
to radius r, and those of the others to r − 1, every code up to distance m·r + j has been seen.

Note:
    Unlike in the paper, codes lie side by side in their buckets, so that a bucket is read and not followed; equal codes are one entry
    with the list of their rows; and what a search would cost is estimated while it goes on: where a scan is cheaper it is left to it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from app.index.chunk_kernels import CHUNK, PLACES, Table, chunk_of
from app.index.kernels import BLOCK, Int32, Part, Rules, UInt64, compiled, distance_at, may_be_hit, next_near, popcount
from model.codes import Int64


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
def _is_first_meeting(asked: Asked, at: int, chunk: int, radius: int) -> bool:
    """Tells whether no bucket looked up before has shown the code at a place."""
    for other in range(asked.table.n_chunks):
        differing = chunk_of(asked.table.words, at, other) ^ chunk_of(asked.query, 0, other)
        far = np.int64(popcount(np.uint64(differing)))
        if far < radius or (far == radius and other < chunk):
            return False
    return True


@compiled
def _n_hits(asked: Asked, code: int, distance: int) -> int:
    """Counts the rows of a code that may be hits, up to k."""
    table, rules = asked.table, asked.rules
    start, end = np.int64(table.list_starts[code]), np.int64(table.list_starts[code + 1])
    if rules.is_plain:
        return 1 if rules.distinct else min(end - start, asked.k)
    n_hits = 0
    for at in range(start, end):
        position = np.int64(table.rows[at])
        if may_be_hit(asked.part, rules, position):
            n_hits += distance > rules.first_distance or position >= rules.first_position
            if rules.distinct or n_hits == asked.k:
                break
    return n_hits


@compiled
def _with_room(seen: Seen) -> Seen:
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
def _read(asked: Asked, seen: Seen, span: tuple[int, int], chunk: int, radius: int) -> Seen:
    """Looks at the codes at places start…end − 1, which lie in buckets of a chunk; a radius of −1: they were not met before."""
    table, rules, n_words = asked.table, asked.rules, len(asked.query)
    start, end = span
    while True:
        start = next_near(table.words, (start, end), asked.query, seen.state[2] + 1)
        if start == end:
            return seen
        block_end = min(start + BLOCK, end)
        for at in range(start, block_end):
            distance = distance_at(table.words, at, asked.query)
            if distance > seen.state[2] or distance < rules.first_distance:
                continue
            if radius >= 0 and not _is_first_meeting(asked, at * n_words, chunk, radius):
                continue
            code = np.int64(table.numbers[at - table.n_codes]) if chunk > 0 else at
            n_hits = _n_hits(asked, code, distance)
            if n_hits == 0:
                continue
            if seen.state[0] == len(seen.codes):
                seen = _with_room(seen)
            seen.codes[seen.state[0]], seen.distances[seen.state[0]] = code, distance
            seen.state[0] += 1
            seen.counts[distance] += n_hits
            seen.state[1] += n_hits
            while seen.state[1] - seen.counts[seen.state[2]] >= asked.k:
                seen.state[1] -= seen.counts[seen.state[2]]
                seen.state[2] -= 1
        start = block_end


@compiled
def _look_up(asked: Asked, seen: Seen) -> tuple[bool, Seen]:
    """Looks up buckets until the answer is complete; False if a scan is cheaper.

    Before each step the way to go is that to the distance at which k random codes are expected, or to the k-th hit so far where
    that is nearer; behind the first it is the second.
    """
    table, n_bits = asked.table, asked.part.n_bits
    expected = np.searchsorted(table.within, 1.5 * asked.k)
    for radius in range(CHUNK + 1):
        for chunk in range(table.n_chunks):
            certified = table.n_chunks * radius + chunk - 1
            if certified >= seen.state[2]:
                return True, seen
            spent = table.cost[certified] if certified >= 0 else 0.0
            goal = min(expected, seen.state[2]) if certified < expected else seen.state[2]
            if table.cost[goal] - spent > table.scan_cost:
                return False, seen
            value, first = chunk_of(asked.query, 0, chunk), chunk * table.n_codes
            width = min(CHUNK, n_bits - CHUNK * chunk)
            for at in range(table.mask_starts[radius], table.mask_starts[radius + 1]):
                mask = np.int64(table.masks[at])
                if mask >> width == 0:
                    bucket = chunk * PLACES + (value ^ mask)
                    start, end = np.int64(table.starts[bucket]), np.int64(table.starts[bucket + 1])
                    if start < end:
                        seen = _read(asked, seen, (first + start, first + end), chunk, radius)
    return True, seen


@compiled
def _write_down(asked: Asked, seen: Seen, positions: Int64, distances: Int32) -> int:
    """Writes the hits in order and returns how many there are."""
    table, rules, n_written = asked.table, asked.rules, 0
    kept = np.argsort(seen.distances[: seen.state[0]], kind="mergesort")
    at = 0
    while at < len(kept) and n_written < asked.k:
        distance, n_wanted, n_rows = seen.distances[kept[at]], asked.k - n_written, 0
        if distance > seen.state[2]:
            break
        rows = np.empty(seen.counts[distance], np.int64)
        while at < len(kept) and seen.distances[kept[at]] == distance:
            code, n_of_code = seen.codes[kept[at]], 0
            at += 1
            for place in range(table.list_starts[code], table.list_starts[code + 1]):
                position = np.int64(table.rows[place])
                if not rules.is_plain and not may_be_hit(asked.part, rules, position):
                    continue
                if distance > rules.first_distance or position >= rules.first_position:
                    rows[n_rows] = position
                    n_rows, n_of_code = n_rows + 1, n_of_code + 1
                if rules.distinct or n_of_code == asked.k:
                    break
        for position in np.sort(rows[:n_rows])[:n_wanted]:
            positions[n_written], distances[n_written] = position, distance
            n_written += 1
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
            is_done, seen = True, _read(asked, seen, (0, table.n_codes), 0, -1)
        n_found[one] = _write_down(asked, seen, positions[one], distances[one]) if is_done else -1
