"""What searches must find while others write, by brute force."""

from __future__ import annotations

from dataclasses import dataclass

import faiss
import numpy as np

from model.codes import Int64, UInt8

_FEW_ALLOWED, _PART_ALLOWED = 2_000, 4  # rows that an index fetches, and one in so many, which it marks


@dataclass(frozen=True)
class Settled:
    """Searches whose answers no write changes.

    Attributes:
        allowed: (A,) int64, rows that stay.
        radius: Inclusive, bits.
        places: By query, (distance, row) of what must be found.
    """

    allowed: Int64
    radius: int
    places: list[list[tuple[int, int]]]


def nearest_staying(queries: UInt8, codes: UInt8, gone: int, k: int) -> list[dict[int, int]]:
    """Finds the rows that are nearest to queries among those that stay.

    Args:
        queries: (Q, n_bits / 8) uint8.
        codes: (N, n_bits / 8) uint8, those of rows 1…N.
        gone: So many rows, the first, do not stay.
        k: Rows by query.

    Returns:
        By query, distance by row.
    """
    distances, rows = faiss.knn_hamming(queries, codes[gone:], k)
    found = zip(rows.tolist(), distances.tolist(), strict=True)
    return [{row + 1 + gone: distance for row, distance in zip(*each, strict=True)} for each in found]


def settled_searches(queries: UInt8, codes: UInt8, gone: int, k: int) -> list[Settled]:
    """Answers searches with a radius among few and among many of the rows that stay.

    Args:
        queries: (Q, n_bits / 8) uint8.
        codes: (N, n_bits / 8) uint8, those of rows 1…N.
        gone: So many rows, the first, do not stay.
        k: Hits.

    Returns:
        Two, each with another filter.
    """
    staying, random = np.arange(gone + 1, len(codes) + 1), np.random.default_rng(2)
    sizes = min(_FEW_ALLOWED, len(staying)), len(codes) // _PART_ALLOWED
    return [_settled(queries, codes, np.sort(random.choice(staying, size, replace=False)), k) for size in sizes]


def _settled(queries: UInt8, codes: UInt8, allowed: Int64, k: int) -> Settled:
    """Answers searches of rows that stay by brute force; the radius leaves some queries fewer than k hits, and some none."""
    distances, rows = faiss.knn_hamming(queries, np.ascontiguousarray(codes[allowed - 1]), 4 * k)
    radius = int(np.median(distances[:, k // 2]))
    places = [sorted(zip(of.tolist(), allowed[at].tolist(), strict=True)) for of, at in zip(distances, rows, strict=True)]
    return Settled(allowed, radius, [[place for place in of if place[0] <= radius][:k] for of in places])
