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

from typing import Any

import numpy as np

from app.index.candidates import Seen, has_room, meet, seen_in
from app.index.chunk_kernels import CHUNK, PLACES, chunk_of
from app.index.desk_kernels import table_at, unheld, unheld_rules
from app.index.hit_kernels import Asked, n_hits_of, places_of
from app.index.kernels import (
    BLOCK,
    Int32,
    Part,
    Rules,
    UInt64,
    compiled,
    distance_at,
    inlined,
    may_be_hit,
    next_near,
    popcount,
    prefetch,
)
from model.codes import Int64

_AHEAD = 8  # buckets that are fetched before they are read
_LARGE_PART = 4  # in its own buckets a query may meet one code in so many
_SAMPLE = 512  # codes whose distances are counted before a large bucket is read


@inlined
def _is_first_meeting(words: UInt64, at: int, query: UInt64, step: tuple[int, int, int]) -> bool:
    """Tells whether no bucket looked up before the step (chunk, radius, chunks there are) has shown the code at a place."""
    chunk, radius, n_chunks = step
    for other in range(n_chunks):
        differing = chunk_of(words, at, other) ^ chunk_of(query, 0, other)
        far = np.int64(popcount(np.uint64(differing)))
        if far < radius or (far == radius and other < chunk):
            return False
    return True


@inlined
def _draw_near(asked: Asked, seen: Seen, span: tuple[int, int]) -> None:
    """Lessens the farthest distance to one within which the first codes of a span are k hits: each of them has a row at least."""
    rules, sample, state, (start, end) = asked.rules, seen.sample, seen.state, span
    if end - start <= BLOCK or state[1] >= asked.k or not rules.is_plain or rules.first_distance or rules.first_position:
        return
    end = min(end, start + max(_SAMPLE, 4 * asked.k))
    if end - start < asked.k:
        return
    sample[:] = 0
    for at in range(start, end):
        sample[distance_at(asked.table.words, at, asked.query)] += 1
    distance, n_within = 0, sample[0]
    while n_within < asked.k:
        distance += 1
        n_within += sample[distance]
    while state[2] > distance:
        state[1] -= seen.counts[state[2]]
        state[2] -= 1


@inlined
def _read(asked: Asked, seen: Seen, span: tuple[int, int], chunk: int, radius: int) -> None:
    """Looks at the codes at places start…end − 1, which lie in buckets of a chunk; a radius of −1: they were not met before."""
    words, query, rules, state, k = asked.table.words, asked.query, asked.rules, seen.state, asked.k
    list_starts, n_words, step = asked.table.list_starts, len(asked.query), (chunk, radius, asked.table.n_chunks)
    start, end = span
    _draw_near(asked, seen, span)
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
                n_hits = n_hits_of(asked, code, distance)
            else:
                n_hits = 1 if rules.distinct else min(np.int64(list_starts[code + 1]) - np.int64(list_starts[code]), k)
            if n_hits > 0:
                if not has_room(seen):
                    return
                meet(seen, code, distance, n_hits, k)
        start = next_near(words, (block_end, end), query, state[2] + 1)


@inlined
def _look_up_chunk(asked: Asked, seen: Seen, chunk: int, radius: int) -> None:
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
                _read(asked, seen, (start, end), chunk, radius)


@inlined
def _look_up(asked: Asked, seen: Seen) -> bool:
    """Looks up buckets until the answer is complete; False if a scan is cheaper.

    The query's own buckets are read unless they hold much of the codes: where codes lie close together, they show how short the
    way is. Before each later step the way to go is that to the distance at which k random codes are expected, or to the k-th hit
    so far where that is nearer; behind the first it is the second.
    """
    table, state = asked.table, seen.state
    expected = np.searchsorted(table.within, 1.5 * asked.k)
    n_own: Any = 0
    for chunk in range(table.n_chunks):
        at = chunk * PLACES + chunk_of(asked.query, 0, chunk)
        bucket = np.int64(table.starts[at])
        n_own += np.int64(table.starts[at + 1]) - bucket
        prefetch(table.words, (chunk * table.n_codes + bucket) * len(asked.query))
    if _LARGE_PART * n_own > table.n_codes:
        return False
    for radius in range(CHUNK + 1):
        for chunk in range(table.n_chunks):
            certified = table.n_chunks * radius + chunk - 1
            if certified >= state[2] or state[3]:
                return True
            spent = table.cost[certified] if certified >= 0 else 0.0
            goal = min(expected, state[2]) if certified < expected else state[2]
            if radius > 0 and table.cost[goal] - spent > table.scan_cost:
                return False
            _look_up_chunk(asked, seen, chunk, radius)
    return True


@inlined
def _read_tail(asked: Asked, seen: Seen) -> None:
    """Looks at the rows that are scanned."""
    tail, query, rules, state, k = asked.tail, asked.query, asked.rules, seen.state, asked.k
    start: Any = tail.n_rows - tail.n_rows
    while state[3] == 0:
        start = next_near(tail.words, (start, tail.n_rows), query, state[2] + 1)
        if start == tail.n_rows:
            return
        block_end = min(start + BLOCK, tail.n_rows)
        for at in range(start, block_end):
            distance = distance_at(tail.words, at, query)
            if distance <= state[2] and (rules.is_plain or may_be_hit(tail, rules, at)):
                if not has_room(seen):
                    return
                meet(seen, asked.table.n_codes + at, distance, 1, k)
        start = block_end


@compiled
def find(asked: Asked, memory: Int64) -> tuple[int, Int64]:
    """Finds the k nearest rows of a query.

    Args:
        asked: The search; whoever asks holds what lies behind it.
        memory: To note candidates in, more than 2 · n_bits + 6 words; whoever asks holds it (what were made here might be freed too
            early, as nobody counts who holds it).

    Returns:
        How many there are, or −1 where a scan of the rows is cheaper, or −2 where there is too little memory; and distance · 2³² +
        position of each, ascending, where those of the tail lie behind all of the table.
    """
    table, seen = asked.table, seen_in(memory, asked.part.n_bits, asked.rules.radius)
    is_done = _look_up(asked, seen)
    if not is_done and 2 * table.n_codes <= len(table.rows):
        seen = seen_in(memory, asked.part.n_bits, asked.rules.radius)
        nothing: Any = np.int64(0)  # no literal, which would have another type
        _read(asked, seen, (nothing, table.n_codes), nothing, nothing - 1)
    elif not is_done:
        return -1, memory[:0]
    _read_tail(asked, seen)
    if seen.state[3]:
        return -2, memory[:0]
    places = places_of(asked, seen)
    return len(places), places


@compiled
def search_table(desk: Int64, part: Part, rules: Rules, queries: UInt64, found: tuple[Int64, Int32, Int64, Int64]) -> None:
    """Finds the k nearest rows of each query, ordered by (distance, position).

    Args:
        desk: With the table of the codes.
        part: Their rows.
        rules: Which rows may be hits.
        queries: (Q, n_words) uint64.
        found: Takes positions and distances, (Q, k), and their number, (Q,), or what :func:`find` says instead; and its memory.
    """
    positions, distances, n_found, memory = found
    table, rules = table_at(desk), unheld_rules(rules)
    part = Part(unheld(part.words), unheld(part.died), part.n_rows, part.n_words, part.n_bits)
    tail = Part(part.words, part.died, part.n_rows - part.n_rows, part.n_words, part.n_bits)
    for one in range(len(queries)):
        n_found[one], places = find(Asked(table, part, tail, rules, unheld(queries[one]), positions.shape[1]), memory)
        for at in range(len(places)):
            positions[one, at], distances[one, at] = places[at] & np.int64(0xFFFFFFFF), places[at] >> 32
