"""The table of Hamming indexes: one line a variant.

What is compiled is loaded with the variant that needs it, not with this table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from app.index.base import CodeIndex
from app.index.faiss_flat import FaissFlatIndex

IndexKind = Literal["faiss_flat", "scan", "multi"]


def _scan(n_bits: int) -> CodeIndex:
    from app.index.segments import SegmentedIndex

    return SegmentedIndex(n_bits, table_from=None)


def _multi(n_bits: int) -> CodeIndex:
    from app.index.segments import SegmentedIndex

    return SegmentedIndex(n_bits)


INDEXES: dict[IndexKind, Callable[[int], CodeIndex]] = {"faiss_flat": FaissFlatIndex, "scan": _scan, "multi": _multi}


def open_index(n_bits: int, *, kind: IndexKind = "faiss_flat") -> CodeIndex:
    """Returns an empty index.

    Args:
        n_bits: Bits of one code; a positive multiple of 8.
        kind: Which variant of the table.

    Returns:
        The index; it holds nothing yet.
    """
    return INDEXES[kind](n_bits)
