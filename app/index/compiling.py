"""Has every compiled loop compiled, by using it once.

Decides what is used: an index with a table and a tail, searched in all ways there are. Does not know what the loops do.
"""

from __future__ import annotations

import numpy as np

from app.index.base import Window
from app.index.segments import SegmentedIndex


def compile_all(n_bits: int) -> None:
    """Compiles, or loads what was compiled before.

    Args:
        n_bits: Bits of one code; a positive multiple of 8. What is compiled serves all lengths.
    """
    index = SegmentedIndex(n_bits, table_from=1, tail_rows=64, in_background=False)
    codes = np.zeros((80, n_bits // 8), np.uint8)
    codes[:, 0] = np.arange(80)
    index.load(np.arange(1, 65), codes[:64])
    index.add(np.arange(65, 81), codes[64:])
    index.remove(np.array([3]))
    index.held_codes()
    index.search(codes[:2], k=3, allowed=np.arange(1, 70))
    index.search(codes[:2], k=3, window=Window(without=frozenset([1]), distinct=True))
    index.search(codes[:1], k=80, window=Window(after=(1, 5)))
    index = SegmentedIndex(n_bits, table_from=1, always_table=True, in_background=False)
    index.load(np.arange(1, 81), codes)
    index.search(codes[:1], k=80)
