"""Codes by the values of their chunks: the table that multi-index hashing looks codes up in, and the compiled sorts that make one.

Decides where codes lie in memory: those whose chunk has the same value lie side by side, once for every chunk. Does not know
how a table is searched (``app.index.hash_kernels``).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from app.index.kernels import UInt32, UInt64, compiled, inlined
from model.codes import Int64

UInt16 = npt.NDArray[np.uint16]
Float64 = npt.NDArray[np.float64]
CHUNK = 16  # bits
PLACES = (1 << CHUNK) + 1  # where each bucket of a chunk starts, and where the last one ends


class Table(NamedTuple):
    """The different codes of a part, by the values of their chunks.

    Attributes:
        n_codes: Different codes, U; their numbers follow the order of chunk 0, then of chunk 1, …
        n_chunks: Chunks of a code, m.
        starts: (m · PLACES,) uint32, where each bucket of each chunk starts.
        words: (m · U · n_words,) uint64, the codes in the order of their buckets, chunk after chunk.
        numbers: ((m − 1) · U,) uint32, which code it is, for every chunk but the first.
        list_starts: (U + 1,) uint32, where the rows of each code start.
        rows: (N,) uint32, positions of the rows of each code, ascending.
        masks: (65536,) uint16, all values of a chunk, by the number of their set bits.
        mask_starts: (18,) int64, where each number of set bits starts.
        within: (n_bits + 1,) float64, how many codes are expected within a distance, were they random.
        cost: (n_bits + 1,) float64, estimated nanoseconds until everything within a distance has been seen.
        scan_cost: Nanoseconds of a scan.
    """

    n_codes: int
    n_chunks: int
    starts: UInt32
    words: UInt64
    numbers: UInt32
    list_starts: UInt32
    rows: UInt32
    masks: UInt16
    mask_starts: Int64
    within: Float64
    cost: Float64
    scan_cost: float


@inlined
def chunk_of(words: UInt64, at: int, chunk: int) -> Any:
    """Returns the value of a chunk of the code whose first word is at a place."""
    return np.int64((words[at + chunk // 4] >> np.uint64(CHUNK * (chunk % 4))) & np.uint64(0xFFFF))


@compiled
def sort_by_chunk(words: UInt64, numbers: UInt32, chunk: int, n_words: int, sorted_to: tuple[UInt64, UInt32, UInt32]) -> None:
    """Sorts codes by the value of a chunk; equal values stay in order.

    Args:
        words: (N · n_words,) uint64.
        numbers: (N,) uint32, what goes with each code.
        chunk: Which.
        n_words: Words a code.
        sorted_to: Takes words and numbers in order, and where each bucket starts, (PLACES,) uint32.
    """
    to_words, to_numbers, starts = sorted_to
    places = np.zeros(PLACES, np.int64)
    for at in range(len(numbers)):
        places[chunk_of(words, at * n_words, chunk) + 1] += 1
    places = np.cumsum(places)
    for value in range(PLACES):
        starts[value] = places[value]
    for at in range(len(numbers)):
        value = chunk_of(words, at * n_words, chunk)
        to = places[value]
        places[value] += 1
        to_numbers[to] = numbers[at]
        for word in range(n_words):
            to_words[to * n_words + word] = words[at * n_words + word]


@compiled
def collapse(words: UInt64, n_words: int, n_codes: int, list_starts: UInt32) -> int:
    """Moves one of each run of equal codes to the front, notes where each run starts, and returns how many there are."""
    n_different = 0
    for at in range(n_codes):
        is_new = at == 0
        for word in range(n_words):
            is_new = is_new or words[at * n_words + word] != words[(n_different - 1) * n_words + word]
        if is_new:
            for word in range(n_words):
                words[n_different * n_words + word] = words[at * n_words + word]
            list_starts[n_different] = at
            n_different += 1
    list_starts[n_different] = n_codes
    return n_different
