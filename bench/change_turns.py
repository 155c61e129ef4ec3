"""Times changes of single rows of an index."""

from __future__ import annotations

from itertools import count

import numpy as np

from app.index.base import CodeIndex
from bench.timing import Turns, take_turns
from model.codes import UInt8

N_CHANGES = 301


def change_turns(index: CodeIndex, n_codes: int, queries: UInt8) -> Turns:
    """Times changes of one row each; rows 1…302 are gone afterwards, and two new ones are left.

    Args:
        index: Holds rows 1…N.
        n_codes: N.
        queries: (Q, n_bits / 8) uint8, codes to add.

    Returns:
        Seconds of adding one, of removing one of the old rows, and of removing one of the new.
    """
    index.add(np.arange(n_codes + 1, n_codes + 3), queries[:2])  # so that a new one is there whenever its turn comes
    added, old, new = count(n_codes + 3), count(1), count(n_codes + 1)
    return take_turns(
        {
            "add one": lambda: index.add(np.array([next(added)]), queries[:1]),
            "remove an old one": lambda: index.remove(np.array([next(old)])),
            "remove a new one": lambda: index.remove(np.array([next(new)])),
        },
        rounds=N_CHANGES,
    )
