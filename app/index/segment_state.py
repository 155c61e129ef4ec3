"""What an index of a base and a tail holds at one moment, and the next such states.

Decides when base and tail are due to be merged, and what a merge makes of rows that came and went meanwhile. Does not know threads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from app.index.base import IndexFigures
from app.index.kernels import UInt64, copy_held
from app.index.multi_index import build_table, measured
from app.index.segment import Segment, n_words_of
from model.codes import Int64

_SHARE = 16  # merged when one row in so many is in the tail, or removed
_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class MergeRules:
    """When base and tail are merged, and what the base becomes.

    Attributes:
        table_from: Rows of a base that gets a table if that is measured to pay; None for none ever.
        tail_rows: Rows that the tail has room for at least before it is merged.
        always_table: Whether a table is kept without measuring.
    """

    table_from: int | None
    tail_rows: int
    always_table: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """What an index holds at one moment; never changed once a search can see it.

    Attributes:
        base: Older rows.
        tail: Newer rows, with room behind them.
        version: Of the last removal.
        n_held: Rows that are held.
        newest_row: The highest of them, 0 if there is none.
        is_settled: Whether the base is as it shall be: with a table, or known to be better off without.
    """

    base: Segment
    tail: Segment
    version: int
    n_held: int
    newest_row: int
    is_settled: bool = True

    @property
    def n_rows(self) -> int:
        """Rows that are held or were removed since the last merge."""
        return self.base.n_rows + self.tail.n_rows

    @property
    def last_row(self) -> int:
        """The highest row of these, 0 if there is none."""
        rows = self.tail.rows if self.tail.n_rows else self.base.rows
        return int(rows[-1]) if len(rows) else 0

    def held(self) -> tuple[Int64, UInt64]:
        """Returns (N,) row ids, ascending, and (N · n_words,) words of what is held; later writes do not change them."""
        base, tail = self.base, self.tail
        if self.version == 0 and not (base.n_rows and tail.n_rows):
            only = base if base.n_rows else tail
            return only.rows, only.words[: only.n_rows * only.n_words]
        to = np.empty(self.n_held, np.int64), np.empty(self.n_held * base.n_words, np.uint64)
        start = copy_held(base.part(), self.version, base.row_ids, to, 0)
        copy_held(tail.part(), self.version, tail.row_ids, to, start)
        return to

    def highest_held(self) -> int:
        """Returns the highest row that is held, 0 if there is none."""
        for segment in (self.tail, self.base):
            for end in range(segment.n_rows, 0, -_BLOCK):
                died = segment.died[max(end - _BLOCK, 0) : end]
                held = np.flatnonzero((died == 0) | (died > self.version))
                if len(held):
                    return int(segment.row_ids[max(end - _BLOCK, 0) + held[-1]])
        return 0

    def is_due(self, rules: MergeRules) -> bool:
        """Tells whether base and tail should be merged."""
        limit = max(rules.tail_rows, self.base.n_rows // _SHARE)
        return not self.is_settled or self.tail.n_rows >= limit or self.n_rows - self.n_held >= limit

    def figures(self) -> IndexFigures:
        """Returns what the index is made of."""
        table, row_bytes = self.base.table, 8 + 8 * self.base.n_words + 4
        tables = () if table is None else (table.starts, table.words, table.numbers, table.list_starts, table.rows)
        return IndexFigures(
            engine="scan" if table is None else "multi",
            n_bytes=self.n_rows * row_bytes + sum(int(array.nbytes) for array in tables),
            n_different=None if table is None else table.n_codes,
            n_tail=self.tail.n_rows,
            n_removed=self.n_rows - self.n_held,
        )


def empty_segment(n_bits: int, capacity: int) -> Segment:
    """Returns a segment without rows."""
    words = np.empty(capacity * n_words_of(n_bits), np.uint64)
    return Segment(n_bits, np.empty(capacity, np.int64), words, np.zeros(capacity, np.uint32), 0)


def state_of(n_bits: int, row_ids: Int64, words: UInt64, rules: MergeRules) -> State:
    """Returns a state whose base has rows, yet without a table.

    Args:
        n_bits: Bits of one code.
        row_ids: (N,) int64, strictly ascending.
        words: (N · n_words,) uint64.
        rules: Say whether it shall have one.

    Returns:
        The state; it keeps the arrays.
    """
    base = Segment(n_bits, row_ids, words, np.zeros(len(row_ids), np.uint32), len(row_ids))
    newest_row = int(row_ids[-1]) if len(row_ids) else 0
    is_settled = words.flags.owndata and (rules.table_from is None or len(row_ids) < rules.table_from)
    return State(base, empty_segment(n_bits, 2 * rules.tail_rows), 0, len(row_ids), newest_row, is_settled)


def appended(state: State, row_ids: Int64, words: UInt64) -> State:
    """Writes rows behind the last one; no search that runs looks there.

    Args:
        state: The latest.
        row_ids: (N,) int64, strictly ascending, above all of the state.
        words: (N · n_words,) uint64.

    Returns:
        The next state.
    """
    tail, n_words = state.tail, state.tail.n_words
    start, end = tail.n_rows, tail.n_rows + len(row_ids)
    if end > len(tail.row_ids):
        tail = _copied(tail, 0, empty_segment(tail.n_bits, 2 * end))
    tail.row_ids[start:end] = row_ids
    tail.words[start * n_words : end * n_words] = words
    return State(
        state.base, replace(tail, n_rows=end), state.version, state.n_held + len(row_ids), int(row_ids[-1]), state.is_settled
    )


def merged_base(state: State, rules: MergeRules) -> Segment:
    """Puts all that is held into one segment, with a table where it pays; this takes its time."""
    row_ids, words = state.held()
    if not row_ids.flags.owndata:  # of a file perhaps, which another one may take the place of
        row_ids, words = row_ids.copy(), words.copy()
    base = Segment(state.base.n_bits, row_ids, words, np.zeros(len(row_ids), np.uint32), len(row_ids))
    if rules.table_from is None or len(row_ids) < max(rules.table_from, 1):
        return base
    table = build_table(base.part())
    if not rules.always_table:
        table, pays = measured(table, base.part())
        if not pays:
            return base
    return replace(base, table=table)


def after_merge(before: State, now: State, base: Segment, gone: list[Int64], rules: MergeRules) -> State:
    """Returns the state with a merged base, behind which the rows lie that have come since.

    Args:
        before: What the base was made of.
        now: The latest.
        base: From :func:`merged_base`.
        gone: Row ids removed since, each array ascending.
        rules: Give the tail its room.

    Returns:
        The next state.
    """
    start, n_new = before.tail.n_rows, now.tail.n_rows - before.tail.n_rows
    tail = _copied(now.tail, start, empty_segment(base.n_bits, 2 * max(rules.tail_rows, base.n_rows // _SHARE, n_new)))
    tail.died[:n_new] = tail.died[:n_new] != 0  # versions begin anew
    n_dead = int(np.count_nonzero(tail.died[:n_new]))
    for row_ids in gone:
        at = base.positions_of(row_ids, 1)
        base.died[at] = 1
        n_dead += len(at)
    return State(base, tail, int(n_dead > 0), now.n_held, now.newest_row)


def _copied(segment: Segment, start: int, to: Segment) -> Segment:
    """Copies the rows from a position on into an empty segment."""
    n_rows, n_words = segment.n_rows - start, segment.n_words
    to.row_ids[:n_rows] = segment.row_ids[start : segment.n_rows]
    to.words[: n_rows * n_words] = segment.words[start * n_words : segment.n_rows * n_words]
    to.died[:n_rows] = segment.died[start : segment.n_rows]
    return replace(to, n_rows=n_rows)
