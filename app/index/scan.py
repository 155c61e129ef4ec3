"""A part of the order (distance, row_id) by one pass over all codes, for pages and distinct codes.

Decides how deep pages stay cheap: the distances are counted once, then whole distances are taken in turn, so that nothing but the
hits themselves is put in order. Does not know how codes are held.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from app.index.base import Hit, Window
from model.codes import Int64, UInt8

UInt16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]


def scan(
    query: UInt8,
    row_ids: Int64,
    packed_codes: UInt8,
    *,
    k: int,
    radius: int,
    window: Window,
    passed_over: Callable[[Int64], Bool] | None = None,
) -> list[Hit]:
    """Returns the first hits of a window.

    Args:
        query: (n_bits / 8,) uint8.
        row_ids: (N,) int64, ascending; ``newest_row`` has been applied.
        packed_codes: (N, n_bits / 8) uint8, C-contiguous, the code of each row.
        k: At most so many hits.
        radius: Inclusive, in bits.
        window: Which part of the order.
        passed_over: Tells of ascending positions, (P,) int64, which are no hits for other reasons, (P,) bool.

    Returns:
        At most ``k`` hits ordered by (distance, row_id).
    """
    distances = _distances(query, packed_codes)
    counts = np.bincount(distances)
    first, after_row = window.after or (0, None)
    hits: list[Hit] = []
    for distance in range(max(first, 0), min(radius + 1, len(counts))):
        if len(hits) == k:
            break
        if counts[distance]:
            at = np.flatnonzero(distances == distance)
            at = at if passed_over is None else at[~passed_over(at)]
            at = _level(at, row_ids, packed_codes, window)
            rows = row_ids[at]
            rows = rows[rows > after_row] if distance == first and after_row is not None else rows
            hits += [Hit(row, distance) for row in rows[: k - len(hits)].tolist()]
    return hits


def _level(at: Int64, row_ids: Int64, packed_codes: UInt8, window: Window) -> Int64:
    """Returns which of the ascending positions of one distance may be hits."""
    if window.without:
        at = at[~np.isin(row_ids[at], list(window.without))]
    if window.distinct and len(at):
        codes = packed_codes[at]
        _, firsts = np.unique(codes.view(f"V{codes.shape[1]}")[:, 0], return_index=True)
        at = at[np.sort(firsts)]
    return at


def _distances(query: UInt8, packed_codes: UInt8) -> UInt16:
    """Returns (N,) differing bits; whole 8-byte words are compared where the length allows."""
    words = np.uint64 if packed_codes.shape[1] % 8 == 0 else np.uint8
    asked, held = query.view(words), packed_codes.view(words)
    distances = np.zeros(len(held), np.uint16)
    for column, word in enumerate(asked):
        distances += np.bitwise_count(held[:, column] ^ word)
    return distances
