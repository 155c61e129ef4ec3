"""A stretch of rows in ascending order, searched on its own.

Decides how codes become words, which positions rows have, and what a window means within the stretch. Does not know what other
stretches there are, nor when one is made (``app.index.segments``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from app.index.base import Window
from app.index.chunk_kernels import Table
from app.index.desk_kernels import rows_desk, table_desk
from app.index.kernels import Bool, Part, Rules, UInt32, UInt64
from app.index.multi_index import Found, look_up, scan
from model.codes import Int64, UInt8

_NONE_ALLOWED_FOR = np.empty(0, np.bool_)
_NO_POSITIONS = np.empty(0, np.int64)


def n_words_of(n_bits: int) -> int:
    """Returns how many words of 64 bits hold a code."""
    return -(-n_bits // 64)


def as_words(packed_codes: UInt8, n_words: int) -> UInt64:
    """Returns codes as words, padded with zero bits.

    Args:
        packed_codes: (N, n_bits / 8) uint8.
        n_words: Words a code.

    Returns:
        (N · n_words,) uint64; a view where nothing has to be padded or moved.
    """
    if packed_codes.shape[1] != 8 * n_words:
        padded = np.zeros((len(packed_codes), 8 * n_words), np.uint8)
        padded[:, : packed_codes.shape[1]] = packed_codes
        packed_codes = padded
    words = np.ascontiguousarray(packed_codes).reshape(-1).view(np.uint64)
    return words if words.flags.aligned and words.flags.writeable else words.copy()  # one type for the compiled loops


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows and their codes; what a search may have taken of it is never changed.

    Attributes:
        n_bits: Bits of one code.
        row_ids: (capacity,) int64, the first ``n_rows`` of them strictly ascending.
        words: (capacity · n_words,) uint64.
        died: (capacity,) uint32, version at which a row was removed; 0 while it is held.
        n_rows: Rows there are, held or removed.
        table: Of the codes, or None: they are scanned.
        desk: With the rows and their codes.
        table_desk: With the table; nothing without one.
    """

    n_bits: int
    row_ids: Int64
    words: UInt64
    died: UInt32
    n_rows: int
    table: Table | None = None
    desk: Int64 = field(default_factory=lambda: _NO_POSITIONS)
    table_desk: Int64 = field(default_factory=lambda: _NO_POSITIONS)

    def __post_init__(self) -> None:
        """Lays out what compiled loops are handed; a segment made of another keeps the other's, where that still holds."""
        if not len(self.desk):
            object.__setattr__(self, "desk", rows_desk(self.row_ids, self.words, self.died, self.n_bits))
        if self.table is not None and not len(self.table_desk):
            object.__setattr__(self, "table_desk", table_desk(self.table))

    @property
    def n_words(self) -> int:
        """Words a code."""
        return n_words_of(self.n_bits)

    @property
    def rows(self) -> Int64:
        """Row ids, those of removed rows included."""
        return self.row_ids[: self.n_rows]

    def part(self, newest_row: int | None = None) -> Part:
        """Returns the rows up to one, for the compiled loops."""
        n_rows = self.n_rows if newest_row is None else int(np.searchsorted(self.rows, newest_row, side="right"))
        return Part(self.words, self.died, n_rows, self.n_words, self.n_bits)

    def held(self, version: int) -> Bool:
        """Returns which rows are held at a version."""
        died = self.died[: self.n_rows]
        held: Bool = (died == 0) | (died > version)
        return held

    def positions_of(self, row_ids: Int64, version: int) -> Int64:
        """Returns the ascending positions of those of ascending row ids that are held, each once."""
        positions = np.searchsorted(self.rows, row_ids)
        inside = positions < self.n_rows
        positions, row_ids = positions[inside], row_ids[inside]
        is_held = self.row_ids[positions] == row_ids
        is_held[1:] &= row_ids[1:] != row_ids[:-1]
        positions = positions[is_held]
        died = self.died[positions]
        found: Int64 = positions[(died == 0) | (died > version)]
        return found

    def codes_at(self, positions: Int64) -> UInt64:
        """Returns (P, n_words) words of the codes at positions."""
        return self.words.reshape(-1, self.n_words).take(positions, axis=0)

    def rules(self, version: int, window: Window, radius: int, allowed: Bool | None) -> Rules:
        """Returns what a window means here.

        Args:
            version: What was removed at it or before is no hit.
            window: Which part of the order.
            radius: Inclusive, 0…n_bits.
            allowed: (N,) which rows are, or None for all.

        Returns:
            Rules for the compiled loops.
        """
        without, first_distance, first_position = _NO_POSITIONS, 0, 0
        if window.without:
            without = self.positions_of(np.sort(np.fromiter(window.without, np.int64)), version)
        if window.after is not None and window.after[0] >= 0:
            first_distance = window.after[0]
            first_position = int(np.searchsorted(self.rows, window.after[1], side="right"))
        is_whole = version == 0 and allowed is None and not window.without and window.after is None and window.newest_row is None
        marks = _NONE_ALLOWED_FOR if allowed is None else allowed
        return Rules(version, marks, without, first_distance, first_position, radius, window.distinct, is_whole)

    def nearest(self, queries: UInt64, k: int, rules: Rules, newest_row: int | None) -> Found:
        """Finds the k nearest rows of each query.

        Args:
            queries: (Q, n_words) uint64.
            k: Hits a query.
            rules: Of :meth:`rules`, not for distinct codes.
            newest_row: No rows above it; None for all.

        Returns:
            Positions and distances, (Q, ≥ k), and their number, (Q,).
        """
        part = self.part(newest_row)
        return scan(part, rules, queries, k) if self.table is None else look_up(self.table_desk, part, rules, queries, k)
