"""The table of Hamming indexes: one line a variant.

What is compiled is loaded with the variant that needs it, not with this table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from app.index.base import CodeIndex
from app.index.faiss_flat import FaissFlatIndex

IndexKind = Literal["auto", "faiss_flat", "scan", "multi"]


def _auto(n_bits: int) -> CodeIndex:
    from app.index.auto import AutoIndex

    return AutoIndex(n_bits)


def _scan(n_bits: int) -> CodeIndex:
    from app.index.segments import SegmentedIndex

    return SegmentedIndex(n_bits, table_from=None)


def _multi(n_bits: int) -> CodeIndex:
    from app.index.segments import SegmentedIndex

    return SegmentedIndex(n_bits, always_table=True)


INDEXES: dict[IndexKind, Callable[[int], CodeIndex]] = {"auto": _auto, "faiss_flat": FaissFlatIndex, "scan": _scan, "multi": _multi}


def open_index(n_bits: int, *, kind: IndexKind = "auto") -> CodeIndex:
    """Returns an empty index.

    Args:
        n_bits: Bits of one code; a positive multiple of 8.
        kind: Which variant of the table.

    Returns:
        The index; it holds nothing yet.
    """
    return INDEXES[kind](n_bits)


def warm_up(n_bits: int, *, kind: IndexKind, n_codes: int) -> None:
    """Compiles what a variant needs, or loads what was compiled before, so that no search waits for it.

    Args:
        n_bits: Bits of one code; a positive multiple of 8.
        kind: Which variant of the table.
        n_codes: Codes it will hold; a small ``auto`` needs nothing, and sees to itself when it has grown.
    """
    if kind == "faiss_flat":
        return
    from app.index.auto import LARGE
    from app.index.compiling import compile_all

    if kind != "auto" or n_codes >= LARGE:
        compile_all(n_bits)
