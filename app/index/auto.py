"""The index that chooses for itself: faiss's scan while it is small, the compiled loops and a table once it is not.

Decides at which size it changes over. It never changes back: whoever was large is likely to be so again. Whether there is a table
on top is measured (``app.index.multi_index``). Does not know how either of the two works.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from app.index.base import EVERYTHING, CodeIndex, Hit, IndexFigures, Window
from app.index.compiling import compile_all
from app.index.faiss_flat import FaissFlatIndex
from app.index.segments import SegmentedIndex
from model.codes import Int64, UInt8

_log = logging.getLogger(__name__)
LARGE = 20_000  # codes


class AutoIndex:
    """A :class:`~app.index.base.CodeIndex` that is one of two others.

    Args:
        n_bits: Bits of one code; a positive multiple of 8.
        large: Codes from which on it is the second.
        in_background: Whether it changes over on a thread of its own, or within the write that makes it large.

    Raises:
        CodeError: If ``n_bits`` is not a positive multiple of 8.
    """

    def __init__(self, n_bits: int, *, large: int = LARGE, in_background: bool = True) -> None:
        self._large, self._in_background = large, in_background
        self._writing = threading.RLock()
        self._changing: threading.Thread | None = None
        self._index: CodeIndex = FaissFlatIndex(n_bits)

    @property
    def n_bits(self) -> int:
        """Bits of one code."""
        return self._index.n_bits

    @property
    def newest_row(self) -> int:
        """Highest row id held, 0 if there is none."""
        return self._index.newest_row

    def __len__(self) -> int:
        """Returns the number of codes held."""
        return len(self._index)

    def figures(self) -> IndexFigures:
        """Returns what the index is made of."""
        return self._index.figures()

    def load(self, row_ids: Int64, packed_codes: UInt8) -> None:
        """Fills the empty index; see :class:`~app.index.base.CodeIndex`."""
        with self._writing:
            if len(row_ids) >= self._large and not len(self._index):
                self._index = SegmentedIndex(self._index.n_bits)
            self._index.load(row_ids, packed_codes)

    def add(self, row_ids: Int64, packed_codes: UInt8) -> None:
        """Adds codes; see :class:`~app.index.base.CodeIndex`."""
        with self._writing:
            self._index.add(row_ids, packed_codes)
            if len(self._index) < self._large or not isinstance(self._index, FaissFlatIndex):
                return
            if not self._in_background:
                self._change_over()
            elif self._changing is None:
                self._changing = threading.Thread(target=self._change_over, name="bitlens-change-over", daemon=True)
                self._changing.start()

    def remove(self, row_ids: Int64) -> int:
        """Removes codes; see :class:`~app.index.base.CodeIndex`."""
        with self._writing:
            return self._index.remove(row_ids)

    def held_codes(self) -> tuple[Int64, UInt8]:
        """Returns all that is held at this moment; see :class:`~app.index.base.CodeIndex`."""
        return self._index.held_codes()

    def search(
        self,
        packed_codes: UInt8,
        *,
        k: int,
        max_distance: int | None = None,
        allowed: Sequence[int] | Int64 | None = None,
        window: Window = EVERYTHING,
    ) -> list[list[Hit]]:
        """Returns the nearest codes of each query; see :class:`~app.index.base.CodeIndex`."""
        return self._index.search(packed_codes, k=k, max_distance=max_distance, allowed=allowed, window=window)

    def settle(self) -> None:
        """Waits until it has changed over, if it is about to."""
        if self._changing is not None:
            self._changing.join()

    def _change_over(self) -> None:
        compile_all(self.n_bits)  # before the lock is taken: it may take seconds, in which all goes on as before
        with self._writing:
            larger = SegmentedIndex(self.n_bits)
            larger.load(*self._index.held_codes())
            self._index = larger
        _log.info("the index has become large: it is searched by compiled loops from now on")
