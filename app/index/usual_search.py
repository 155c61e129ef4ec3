"""The usual search in one compiled call: one query, the nearest of all rows, a base with a table and a tail.

Decides how little is done around it: what the loop needs is laid out beforehand, and row ids are looked up within it. Whatever is
asked for beyond that is asked of ``app.index.segment_search``.
"""

from __future__ import annotations

from itertools import repeat
from typing import Any, cast

import numpy as np

from app.index.base import Hit
from app.index.desk_kernels import array_at, part_at, row_ids_at, table_at, unheld
from app.index.hash_kernels import find
from app.index.hit_kernels import Asked
from app.index.kernels import Rules, UInt64, compiled
from app.index.multi_index import memory_for
from app.index.segment import Segment
from model.codes import Int64, UInt8

_new = cast(Any, tuple.__new__)  # of a hit: half the time of calling the class


@compiled
def _search(desks: tuple[Int64, Int64, Int64], bounds: tuple[int, int, int, int], query: UInt64, hits: Int64, memory: Int64) -> int:
    """Writes row ids and distances of the nearest rows.

    Args:
        desks: With the table, the base and the tail.
        bounds: Rows of the base, rows of the tail, version, radius.
        query: (n_words,) uint64.
        hits: Takes them, (k, 2) int64.
        memory: For ``find``.

    Returns:
        How many there are, or what ``find`` says instead.
    """
    table_desk, base_desk, tail_desk = desks
    n_base, n_tail, version, radius = bounds
    none, zero, no = array_at(0, 0, np.bool_), version - version, version != version
    rules = Rules(version, none, array_at(0, 0, np.int64), zero, zero, radius, no, version == 0)
    base, tail = part_at(base_desk, n_base), part_at(tail_desk, n_tail)
    n_hits, places = find(Asked(table_at(table_desk), base, tail, rules, unheld(query), len(hits)), memory)
    base_rows, tail_rows = row_ids_at(base_desk), row_ids_at(tail_desk)
    for at in range(len(places)):
        position = places[at] & np.int64(0xFFFFFFFF)
        hits[at, 0] = base_rows[position] if position < n_base else tail_rows[position - n_base]
        hits[at, 1] = places[at] >> 32
    return n_hits


def usual_search(segments: tuple[Segment, Segment], version: int, packed_code: UInt8, k: int, radius: int) -> list[Hit] | None:
    """Finds the k nearest rows of one query.

    Args:
        segments: The base, which has a table, and the tail.
        version: Rows removed at it or before are no hits.
        packed_code: (1, n_bits / 8) uint8.
        k: At most so many hits.
        radius: Inclusive, 0…n_bits.

    Returns:
        The hits, ordered by (distance, row_id), or None where a scan is cheaper.
    """
    base, tail = segments
    query, hits = np.zeros(base.n_words, np.uint64), np.empty((k, 2), np.int64)
    query.view(np.uint8)[: packed_code.shape[1]] = packed_code[0]
    desks, bounds = (base.table_desk, base.desk, tail.desk), (base.n_rows, tail.n_rows, version, radius)
    memory = memory_for(k, base.n_bits)
    while (n_hits := _search(desks, bounds, query, hits, memory)) < -1:
        memory = np.empty(4 * len(memory), np.int64)
    return None if n_hits < 0 else list(map(_new, repeat(Hit), hits[:n_hits].tolist()))
