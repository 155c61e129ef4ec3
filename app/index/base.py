"""What a Hamming index promises, whatever stands behind it.

Decides the order of hits and the meaning of the radius. Does not know items, texts or pictures: it holds row ids and codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from model.codes import Int64, UInt8
from model.errors import CodeError


class Hit(NamedTuple):
    """One search result; a tuple, as a thousand of them are made a search.

    Attributes:
        row_id: The catalogue's row, int64.
        distance: Differing bits between query and item, 0…n_bits.
    """

    row_id: int
    distance: int


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the order (distance, row_id) that may be answered.

    Attributes:
        after: Only hits behind this (distance, row_id); None for the beginning.
        newest_row: Only rows up to this one; None for all.
        without: Rows that are no hits; meant for a few.
        distinct: Whether of equal codes only the lowest row is a hit; it is chosen among the rows that may be hits, before
            ``after`` cuts, so that a later page does not bring another row of a code that an earlier page has brought.
    """

    after: tuple[int, int] | None = None
    newest_row: int | None = None
    without: frozenset[int] = frozenset()
    distinct: bool = False


EVERYTHING = Window()


@dataclass(frozen=True, slots=True)
class IndexFigures:
    """What an index is made of.

    Attributes:
        engine: Which variant answers now.
        n_bytes: Memory of codes, row ids and tables.
        n_different: Different codes, where they are counted.
        n_tail: Rows that are scanned beside the table.
        n_removed: Removed rows whose place is not free yet.
    """

    engine: str
    n_bytes: int
    n_different: int | None = None
    n_tail: int = 0
    n_removed: int = 0


class CodeIndex(Protocol):
    """Exact search over packed codes; safe to call from several threads at once.

    Every implementation answers like a brute-force scan ordered by (distance, row_id), ties at the k-th place included.
    """

    @property
    def n_bits(self) -> int:
        """Bits of one code."""
        ...

    @property
    def newest_row(self) -> int:
        """Highest row id held, 0 if there is none."""
        ...

    def __len__(self) -> int:
        """Number of codes held."""
        ...

    def figures(self) -> IndexFigures:
        """Returns what the index is made of."""
        ...

    def load(self, row_ids: Int64, packed_codes: UInt8) -> None:
        """Fills the empty index; the arrays may be kept, and must not be changed any more.

        Args:
            row_ids: (N,) int64, strictly ascending.
            packed_codes: (N, n_bits / 8) uint8.

        Raises:
            CodeError: If shapes or dtypes are wrong, the row ids do not ascend, or something is held already.
        """
        ...

    def add(self, row_ids: Int64, packed_codes: UInt8) -> None:
        """Adds codes.

        Args:
            row_ids: (N,) int64, none of them held yet, in any order.
            packed_codes: (N, n_bits / 8) uint8.

        Raises:
            CodeError: If shapes or dtypes are wrong or a row id is held already or given twice; nothing is added then.
        """
        ...

    def remove(self, row_ids: Int64) -> int:
        """Removes codes; row ids that are not held are passed over.

        Args:
            row_ids: (N,) int64.

        Returns:
            How many were removed.
        """
        ...

    def held_codes(self) -> tuple[Int64, UInt8]:
        """Returns all that is held at this moment; to be read, not written.

        Returns:
            (N,) int64 row ids, strictly ascending, and (N, n_bits / 8) uint8, the code of each; later writes do not change them.
        """
        ...

    def search(
        self,
        packed_codes: UInt8,
        *,
        k: int,
        max_distance: int | None = None,
        allowed: Sequence[int] | Int64 | None = None,
        window: Window = EVERYTHING,
    ) -> list[list[Hit]]:
        """Returns the nearest codes of each query.

        Args:
            packed_codes: (Q, n_bits / 8) uint8.
            k: At most so many hits a query; 1 or more.
            max_distance: Inclusive radius in bits; None for no bound.
            allowed: If given, only these row ids may be hits (ids not held are passed over).
            window: Which part of the order is answered; the same for every query.

        Returns:
            One list a query, ordered by (distance, row_id), never padded.

        Raises:
            CodeError: If shapes or dtypes are wrong or ``k`` is not positive.
        """
        ...


def check_packed_codes(packed_codes: UInt8, n_bits: int) -> None:
    """Refuses codes that an index of another length or layout would misread.

    Args:
        packed_codes: What should be (N, n_bits / 8) uint8.
        n_bits: Bits of one code.

    Raises:
        CodeError: If shape or dtype differ from that.
    """
    if packed_codes.dtype != np.uint8 or packed_codes.ndim != 2 or packed_codes.shape[1] != n_bits // 8:
        given = f"{packed_codes.dtype} {packed_codes.shape}"
        raise CodeError(f"packed codes must be uint8 of shape (N, {n_bits // 8}), not {given}")


def check_new_rows(row_ids: Int64, n_codes: int) -> None:
    """Refuses row ids that do not name the codes one by one.

    Args:
        row_ids: What should be (n_codes,) int64 without repeats.
        n_codes: Number of codes that come with them.

    Raises:
        CodeError: If shape or dtype differ from that or a row id is given twice.
    """
    if row_ids.dtype != np.int64 or row_ids.shape != (n_codes,):
        raise CodeError(f"row ids must be int64 of shape ({n_codes},), not {row_ids.dtype} {row_ids.shape}")
    ordered = np.sort(row_ids, kind="stable")
    if (ordered[1:] == ordered[:-1]).any():
        raise CodeError("a row id is given twice")


def check_loaded_rows(row_ids: Int64, n_codes: int, n_held: int) -> None:
    """Refuses row ids that an empty index cannot be filled with.

    Args:
        row_ids: What should be (n_codes,) int64, strictly ascending.
        n_codes: Number of codes that come with them.
        n_held: Codes that the index holds.

    Raises:
        CodeError: If that is not so, or the index is not empty.
    """
    if row_ids.dtype != np.int64 or row_ids.shape != (n_codes,) or (row_ids[1:] <= row_ids[:-1]).any():
        raise CodeError(f"row ids that are loaded must be int64 of shape ({n_codes},) and ascend")
    if n_held:
        raise CodeError("an index that is loaded must be empty")
