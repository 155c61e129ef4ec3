"""Exact search by multi-index hashing: makes the table, and knows what it costs to use it.

Decides from the number of codes, their length and a measurement when a table is worth its memory. Does not know row ids, nor how
a table is searched (``app.index.hash_kernels``).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

from app.index.chunk_kernels import CHUNK, PLACES, Float64, Table, collapse, sort_by_chunk
from app.index.desk_kernels import table_desk
from app.index.flat_kernels import BUFFER, scan_rows
from app.index.hash_kernels import search_table
from app.index.kernels import Int32, Part, Rules, UInt32, UInt64
from model.codes import Int64

_BUCKET_NS, _CODE_NS = 5.0, 0.7  # to look a bucket up; to read one code in it
_WORD_NS = 0.3  # to scan a word
_SAMPLE, _FLIPPED, _K = 16, 3, 10  # queries that are timed, bits in which they differ from a held code, hits
_VALUES = np.arange(1 << CHUNK)
_MASKS = np.argsort(np.bitwise_count(_VALUES), kind="stable").astype(np.uint16)
_MASK_STARTS = np.searchsorted(np.bitwise_count(_MASKS), np.arange(CHUNK + 2)).astype(np.int64)

Found = tuple[Int64, Int32, Int64]


def build_table(part: Part) -> Table:
    """Sorts codes into a table.

    Args:
        part: N codes, all of whose rows are held; fewer than 2³².

    Returns:
        The table; it holds copies.
    """
    n_rows, n_words, n_chunks = part.n_rows, part.n_words, -(-part.n_bits // CHUNK)
    starts = np.empty(n_chunks * PLACES, np.uint32)
    words, rows = part.words[: n_rows * n_words], np.arange(n_rows, dtype=np.uint32)
    for chunk in reversed(range(n_chunks)):
        to_words, to_rows = np.empty(n_rows * n_words, np.uint64), np.empty(n_rows, np.uint32)
        sort_by_chunk(words, rows, chunk, n_words, (to_words, to_rows, starts[:PLACES]))
        words, rows = to_words, to_rows
    list_starts: UInt32 = np.empty(n_rows + 1, np.uint32)
    n_codes = collapse(words, n_words, n_rows, list_starts)
    every_word, numbers = np.empty(n_chunks * n_codes * n_words, np.uint64), np.empty((n_chunks - 1) * n_codes, np.uint32)
    plain, size = np.arange(n_codes, dtype=np.uint32), n_codes * n_words
    for chunk in range(n_chunks):
        to = np.empty(n_codes, np.uint32) if chunk == 0 else numbers[(chunk - 1) * n_codes : chunk * n_codes]
        places = starts[chunk * PLACES : (chunk + 1) * PLACES]
        sort_by_chunk(words, plain, chunk, n_words, (every_word[chunk * size : (chunk + 1) * size], to, places))
    within, cost = _within(n_codes, part.n_bits), _cost(n_codes, part.n_bits)
    scan_ns = _WORD_NS * n_words * (n_codes if 2 * n_codes <= n_rows else n_rows)
    lists = list_starts[: n_codes + 1].copy()
    return Table(n_codes, n_chunks, starts, every_word, numbers, lists, rows, _MASKS, _MASK_STARTS, within, cost, scan_ns)


def look_up(desk: Int64, part: Part, rules: Rules, queries: UInt64, k: int) -> Found:
    """Finds the k nearest rows of each query, by the table or, where that is cheaper, by a scan.

    Args:
        desk: With the table of the codes.
        part: The codes.
        rules: Which rows may be hits; not ``distinct`` ones.
        queries: (Q, n_words) uint64.
        k: Hits a query.

    Returns:
        Positions and distances, (Q, ≥ k), and their number, (Q,).
    """
    found = by_table(desk, part, rules, queries, k)
    scanned = [at for at, n_found in enumerate(found[2].tolist()) if n_found < 0]
    if scanned:
        more = scan(part, rules, queries[scanned], k)
        for one, at in enumerate(scanned):
            found[2][at] = n_found = min(int(more[2][one]), k)
            found[0][at, :n_found], found[1][at, :n_found] = more[0][one, :n_found], more[1][one, :n_found]
    return found


def by_table(desk: Int64, part: Part, rules: Rules, queries: UInt64, k: int) -> Found:
    """Finds the k nearest rows of each query by the table alone; as :func:`look_up`, but −1 rows where a scan is cheaper."""
    found, memory = room(len(queries), k), memory_for(k, part.n_bits)
    search_table(desk, part, rules, queries, (*found, memory))
    while (found[2] < -1).any():
        memory = np.empty(4 * len(memory), np.int64)
        search_table(desk, part, rules, queries, (*found, memory))
    return found


def scan(part: Part, rules: Rules, queries: UInt64, k: int) -> Found:
    """Finds the k nearest rows of each query by comparing all codes.

    Args:
        part: The codes.
        rules: Which rows may be hits; not ``distinct`` ones.
        queries: (Q, n_words) uint64.
        k: Hits a query.

    Returns:
        Positions and distances, (Q, ≥ k), and their number, (Q,), at most k.
    """
    found = room(len(queries), 2 * k + BUFFER)
    scan_rows(part, rules, queries, k, found)
    return found


def room(n_queries: int, width: int) -> Found:
    """Makes room for what is found."""
    return np.empty((n_queries, width), np.int64), np.empty((n_queries, width), np.int32), np.empty(n_queries, np.int64)


def memory_for(k: int, n_bits: int) -> Int64:
    """Makes room for the candidates of a search."""
    return np.empty(8 * k + n_bits + 1024, np.int64)


def measured(table: Table, part: Part) -> tuple[Table, bool]:
    """Times searches near held codes.

    Args:
        table: Of the codes.
        part: The codes.

    Returns:
        The table, with what a scan was measured to cost, and whether it answers sooner than a scan of all rows does.
    """
    random = np.random.default_rng(0)
    chosen = random.integers(0, part.n_rows, _SAMPLE)
    queries = part.words.reshape(-1, part.n_words)[chosen]
    for _ in range(_FLIPPED):
        bits = random.integers(0, part.n_bits, _SAMPLE)
        queries[np.arange(_SAMPLE), bits // 64] ^= np.uint64(1) << (bits % 64).astype(np.uint64)
    rules = plain_rules(part.n_bits)
    scan_s = _median_s(lambda one: scan(part, rules, one, _K), queries)
    if 2 * table.n_codes > part.n_rows:
        table = table._replace(scan_cost=scan_s * 1e9)
    desk = table_desk(table)
    return table, _median_s(lambda one: look_up(desk, part, rules, one, _K), queries) < 0.8 * scan_s


def plain_rules(n_bits: int) -> Rules:
    """Returns rules that allow everything."""
    return Rules(0, np.empty(0, np.bool_), np.empty(0, np.int64), 0, 0, n_bits, False, True)


def _median_s(search: Callable[[UInt64], object], queries: UInt64) -> float:
    took = []
    for one in range(len(queries)):
        started = time.perf_counter()
        search(queries[one : one + 1])
        took.append(time.perf_counter() - started)
    return float(np.median(took))


def _within(n_codes: int, n_bits: int) -> Float64:
    """Returns how many of so many random codes are expected within each distance."""
    ways = np.cumsum([float(math.comb(n_bits, distance)) for distance in range(n_bits + 1)])
    expected: Float64 = n_codes * ways / ways[-1]
    return expected


def _cost(n_codes: int, n_bits: int) -> Float64:
    """Returns the nanoseconds until everything within each distance has been looked up, were the codes random."""
    n_chunks, total, cost = -(-n_bits // CHUNK), 0.0, []
    for distance in range(n_bits + 1):
        radius, chunk = divmod(distance, n_chunks)
        width = min(CHUNK, n_bits - CHUNK * chunk)
        total += math.comb(width, radius) * (_BUCKET_NS + _CODE_NS * n_codes / 2**width)
        cost.append(total)
    return np.array(cost)
