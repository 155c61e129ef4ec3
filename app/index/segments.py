"""An index of a large base and a small tail: exact search that waits for no writer, writes that move next to nothing.

Decides when the two are merged: in the background, once the tail or what was removed is a fair part of the whole, or the base is
large enough for a table and has none yet. A write publishes a new state; a search takes one and is done with it: rows added later
lie behind its end, rows removed later have died at a later version. Does not know what a row stands for.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from app.index.background import begin
from app.index.base import EVERYTHING, Hit, IndexFigures, Window, check_loaded_rows, check_new_rows, check_packed_codes
from app.index.kernels import UInt64
from app.index.segment import as_words, n_words_of
from app.index.segment_search import SegmentSearch
from app.index.segment_state import MergeRules, State, after_merge, appended, merged_base, state_of
from app.index.usual_search import usual_search
from model.codes import Int64, UInt8, check_n_bits
from model.errors import CodeError

_log = logging.getLogger(__name__)
_TAIL, _TABLE = 65_536, 20_000  # rows of a tail, and of a base that is worth a table


class SegmentedIndex:
    """A :class:`~app.index.base.CodeIndex` of a base and a tail, whose base may have a table for multi-index hashing.

    Args:
        n_bits: Bits of one code; a positive multiple of 8.
        table_from: Rows of a base that gets a table if that is measured to pay; None for none ever.
        tail_rows: Rows of the tail that it has room for at least before it is merged.
        in_background: Whether merges run on a thread of their own, or within the write that makes them due.
        always_table: Whether a table is kept without measuring.

    Raises:
        CodeError: If ``n_bits`` is not a positive multiple of 8.
    """

    def __init__(
        self,
        n_bits: int,
        *,
        table_from: int | None = _TABLE,
        tail_rows: int = _TAIL,
        in_background: bool = True,
        always_table: bool = False,
    ) -> None:
        self._n_bits = check_n_bits(n_bits)
        self._n_words = n_words_of(n_bits)
        self._rules = MergeRules(table_from, tail_rows, always_table)
        self._in_background = in_background
        self._writing = threading.RLock()
        self._merging: threading.Thread | None = None
        self._gone: list[Int64] = []  # removed since the merge that is under way began
        self._epoch = 0  # counts new bases; a merge of an older one is thrown away
        self._state = self._state_of(np.empty(0, np.int64), np.empty(0, np.uint64))

    @property
    def n_bits(self) -> int:
        """Bits of one code."""
        return self._n_bits

    @property
    def newest_row(self) -> int:
        """Highest row id held, 0 if there is none."""
        return self._state.newest_row

    def __len__(self) -> int:
        """Returns the number of codes held."""
        return self._state.n_held

    def figures(self) -> IndexFigures:
        """Returns what the index is made of."""
        return self._state.figures()

    def load(self, row_ids: Int64, packed_codes: UInt8) -> None:
        """Fills the empty index; the arrays may be kept, and must not be changed any more.

        Args:
            row_ids: (N,) int64, strictly ascending.
            packed_codes: (N, n_bits / 8) uint8.

        Raises:
            CodeError: If shapes or dtypes are wrong, the row ids do not ascend, or something is held already.
        """
        check_packed_codes(packed_codes, self._n_bits)
        with self._writing:
            check_loaded_rows(row_ids, len(packed_codes), self._state.n_held)
            self._start_over(row_ids, as_words(packed_codes, self._n_words))

    def add(self, row_ids: Int64, packed_codes: UInt8) -> None:
        """Adds codes; cheap when the new row ids are above all that were ever held.

        Args:
            row_ids: (N,) int64, none of them held yet, in any order.
            packed_codes: (N, n_bits / 8) uint8.

        Raises:
            CodeError: If shapes or dtypes are wrong or a row id is held already or given twice; nothing is added then.
        """
        check_packed_codes(packed_codes, self._n_bits)
        check_new_rows(row_ids, len(packed_codes))
        if not len(row_ids):
            return
        if len(row_ids) > 1 and (row_ids[1:] < row_ids[:-1]).any():
            order = np.argsort(row_ids, kind="stable")
            row_ids, packed_codes = row_ids[order], packed_codes[order]
        words = as_words(packed_codes, self._n_words)
        with self._writing:
            state = self._state
            if row_ids[0] > state.last_row or not state.n_rows:
                self._state = appended(state, row_ids, words)
            else:
                self._merge_in(row_ids, words)
            self._look()

    def remove(self, row_ids: Int64) -> int:
        """Removes codes; row ids that are not held are passed over.

        Args:
            row_ids: (N,) int64.

        Returns:
            How many were removed.
        """
        wanted = np.sort(np.asarray(row_ids, dtype=np.int64))
        with self._writing:
            state, n_gone = self._state, 0
            for segment in (state.base, state.tail):
                gone = segment.positions_of(wanted, state.version)
                segment.died[gone] = state.version + 1
                n_gone += len(gone)
            if n_gone:
                if self._merging is not None:
                    self._gone.append(wanted)
                state = replace(state, version=state.version + 1, n_held=state.n_held - n_gone)
                at = int(np.searchsorted(wanted, state.newest_row))
                if at < len(wanted) and wanted[at] == state.newest_row:
                    state = replace(state, newest_row=state.highest_held())
                self._state = state
                self._look()
            return n_gone

    def held_codes(self) -> tuple[Int64, UInt8]:
        """Returns all that is held at this moment; to be read, not written.

        Returns:
            (N,) int64 row ids, strictly ascending, and (N, n_bits / 8) uint8, the code of each; later writes do not change them.
        """
        row_ids, words = self._state.held()
        codes = words.view(np.uint8).reshape(len(row_ids), 8 * self._n_words)
        return row_ids, codes[:, : self._n_bits // 8]

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
        check_packed_codes(packed_codes, self._n_bits)
        if k < 1:
            raise CodeError(f"k must be 1 or more, not {k}")
        state = self._state
        radius = self._n_bits if max_distance is None else min(max_distance, self._n_bits)
        if radius < 0 or not state.n_rows or not len(packed_codes):
            return [[] for _ in packed_codes]
        base = state.base
        if base.table is not None and len(packed_codes) == 1 and allowed is None and window == EVERYTHING:
            hits = usual_search((base, state.tail), state.version, packed_codes, min(k, state.n_rows), radius)
            if hits is not None:
                return [hits]
            base = replace(base, table=None)
        queries = as_words(packed_codes, self._n_words).reshape(-1, self._n_words)
        search = SegmentSearch((base, state.tail), state.version, min(k, state.n_rows), radius, window)
        return search.hits(queries, None if allowed is None else np.sort(np.asarray(allowed, dtype=np.int64)))

    def settle(self) -> None:
        """Waits until no merge is under way or due."""
        while (merging := self._merging) is not None:
            merging.join()

    def _state_of(self, row_ids: Int64, words: UInt64) -> State:
        return state_of(self._n_bits, row_ids, words, self._rules)

    def _start_over(self, row_ids: Int64, words: UInt64) -> None:
        self._epoch += 1
        self._state = self._state_of(row_ids, words)
        self._look()

    def _merge_in(self, row_ids: Int64, words: UInt64) -> None:
        """Puts rows between the held ones, in new arrays: rare, as rows are counted upwards."""
        held_rows, held_words = self._state.held()
        row_ids, words = np.concatenate([held_rows, row_ids]), np.concatenate([held_words, words])
        order = np.argsort(row_ids, kind="stable")
        row_ids = row_ids[order]
        if (row_ids[1:] == row_ids[:-1]).any():
            raise CodeError("a row id that is added is held already")
        self._start_over(row_ids, words.reshape(-1, self._n_words)[order].reshape(-1))

    def _look(self) -> None:
        """Merges if that is due; the caller holds the lock."""
        if not self._in_background:
            self._merge()
        elif self._merging is None and self._state.is_due(self._rules):
            self._merging = begin(self._merge, "bitlens-merge")

    def _merge(self) -> None:
        """Merges until nothing is due; writers wait only while the new state is put in place."""
        while True:
            with self._writing:
                before, epoch, self._gone = self._state, self._epoch, []
                if not before.is_due(self._rules):
                    self._merging = None
                    return
            try:
                base = merged_base(before, self._rules)
            except MemoryError:
                _log.exception("base and tail of the index are not merged now: there is no memory for it")
                base = None
            with self._writing:
                if base is None:
                    self._merging = None
                    return
                if epoch == self._epoch:
                    self._state = after_merge(before, self._state, base, self._gone, self._rules)
