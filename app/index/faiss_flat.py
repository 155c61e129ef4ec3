"""Exact search by scanning every code with faiss's Hamming kernels.

Decides how codes lie in memory: rows and codes in two arrays, ascending by row id, so that the scan order is the row order.
``faiss.knn_hamming`` is the kernel behind ``IndexBinaryFlat``; its heap orders by (distance, position), so positions in row
order give hits ordered by (distance, row_id), ties at the k-th place included. Does not know what a row stands for.

Note:
    ``IndexBinaryFlat`` itself is not used: it crashes when it grows while being searched and hence needs a lock around every
    search. Here a search takes the two arrays once and writers never change what a search may have taken, so searches wait
    for nobody.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

import faiss
import numpy as np
import numpy.typing as npt

from app.index.base import EVERYTHING, Hit, IndexFigures, Window, check_loaded_rows, check_new_rows, check_packed_codes
from app.index.scan import scan
from model.codes import Int64, UInt8, check_n_bits
from model.errors import CodeError

Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _Held:
    """What the index holds at one moment; never changed once a search can see it.

    Attributes:
        row_ids: (N,) int64, strictly ascending.
        packed_codes: (N, n_bits / 8) uint8, C-contiguous, the code of each row.
    """

    row_ids: Int64
    packed_codes: UInt8

    def positions_of(self, row_ids: Int64) -> Int64:
        """Returns the ascending positions of those row ids that are held, each once."""
        wanted = np.sort(row_ids, kind="stable")  # np.unique is slower by far
        positions = np.searchsorted(self.row_ids, wanted)
        inside = positions < len(self.row_ids)
        positions, wanted = positions[inside], wanted[inside]
        is_held = self.row_ids[positions] == wanted
        is_held[1:] &= wanted[1:] != wanted[:-1]
        found: Int64 = positions[is_held]
        return found

    def up_to(self, row_id: int) -> _Held:
        """Returns the rows up to one, as views."""
        end = int(np.searchsorted(self.row_ids, row_id, side="right"))
        return _Held(self.row_ids[:end], self.packed_codes[:end])

    def at(self, positions: Int64) -> _Held:
        """Returns copies of the rows at ascending positions."""
        return _Held(self.row_ids.take(positions), self.packed_codes.take(positions, axis=0))


class FaissFlatIndex:
    """A :class:`~app.index.base.CodeIndex` that compares a query with every code, on one core a search.

    Args:
        n_bits: Bits of one code; a positive multiple of 8.

    Raises:
        CodeError: If ``n_bits`` is not a positive multiple of 8.
    """

    def __init__(self, n_bits: int) -> None:
        self._n_bits = check_n_bits(n_bits)
        self._writing = threading.Lock()
        self._spare = _Held(np.empty(0, np.int64), np.empty((0, n_bits // 8), np.uint8))
        self._held = self._spare

    @property
    def n_bits(self) -> int:
        """Bits of one code."""
        return self._n_bits

    @property
    def newest_row(self) -> int:
        """Highest row id held, 0 if there is none."""
        row_ids = self._held.row_ids
        return int(row_ids[-1]) if len(row_ids) else 0

    def __len__(self) -> int:
        """Returns the number of codes held."""
        return len(self._held.row_ids)

    def figures(self) -> IndexFigures:
        """Returns what the index is made of."""
        held = self._held
        return IndexFigures("faiss_flat", held.row_ids.nbytes + held.packed_codes.nbytes)

    def load(self, row_ids: Int64, packed_codes: UInt8) -> None:
        """Fills the empty index.

        Args:
            row_ids: (N,) int64, strictly ascending.
            packed_codes: (N, n_bits / 8) uint8.

        Raises:
            CodeError: If shapes or dtypes are wrong, the row ids do not ascend, or something is held already.
        """
        check_packed_codes(packed_codes, self._n_bits)
        with self._writing:
            check_loaded_rows(row_ids, len(packed_codes), len(self._held.row_ids))
            self._held = self._spare = _Held(row_ids.copy(), packed_codes.copy())

    def add(self, row_ids: Int64, packed_codes: UInt8) -> None:
        """Adds codes; cheapest when the new row ids are above all held ones.

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
        order = np.argsort(row_ids, kind="stable")
        new = _Held(row_ids, packed_codes).at(order)
        with self._writing:
            held = self._held
            if len(held.positions_of(new.row_ids)):
                raise CodeError("a row id that is added is held already")
            if not len(held.row_ids) or held.row_ids[-1] < new.row_ids[0]:
                self._append(new)
            else:
                self._merge(new)

    def remove(self, row_ids: Int64) -> int:
        """Removes codes; row ids that are not held are passed over.

        Args:
            row_ids: (N,) int64.

        Returns:
            How many were removed.
        """
        with self._writing:
            gone = self._held.positions_of(np.asarray(row_ids, dtype=np.int64))
            if len(gone):
                kept = np.ones(len(self._held.row_ids), dtype=np.bool_)
                kept[gone] = False
                self._held = self._spare = self._held.at(np.flatnonzero(kept))
            return len(gone)

    def held_codes(self) -> tuple[Int64, UInt8]:
        """Returns all that is held at this moment; to be read, not written.

        Returns:
            (N,) int64 row ids, strictly ascending, and (N, n_bits / 8) uint8, the code of each; later writes do not change them.
        """
        held = self._held
        return held.row_ids, held.packed_codes

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
        held = self._held
        if window.newest_row is not None:
            held = held.up_to(window.newest_row)
        if allowed is not None:
            held = held.at(held.positions_of(np.asarray(allowed, dtype=np.int64)))
        if not len(held.row_ids) or not len(packed_codes):
            return [[] for _ in packed_codes]
        queries, radius = np.ascontiguousarray(packed_codes), self._n_bits if max_distance is None else max_distance
        if window.distinct or window.after is not None:
            return [scan(query, held.row_ids, held.packed_codes, k=k, radius=radius, window=window) for query in queries]
        nearest = _nearest(held, queries, k + len(window.without))
        return [_hits(*found, k=k, radius=radius, without=window.without) for found in nearest]

    def _append(self, new: _Held) -> None:
        """Writes behind the last row; no search that runs looks there."""
        start = len(self._held.row_ids)
        end = start + len(new.row_ids)
        if end > len(self._spare.row_ids):
            self._spare = _grown(self._held, max(end, start * 3 // 2))
        self._spare.row_ids[start:end] = new.row_ids
        self._spare.packed_codes[start:end] = new.packed_codes
        self._held = _Held(self._spare.row_ids[:end], self._spare.packed_codes[:end])

    def _merge(self, new: _Held) -> None:
        """Puts rows between the held ones, in new arrays."""
        row_ids = np.concatenate([self._held.row_ids, new.row_ids])
        packed_codes = np.concatenate([self._held.packed_codes, new.packed_codes])
        order = np.argsort(row_ids, kind="stable")
        self._held = self._spare = _Held(row_ids, packed_codes).at(order)


def _grown(held: _Held, capacity: int) -> _Held:
    row_ids = np.empty(capacity, np.int64)
    packed_codes = np.empty((capacity, held.packed_codes.shape[1]), np.uint8)
    row_ids[: len(held.row_ids)] = held.row_ids
    packed_codes[: len(held.row_ids)] = held.packed_codes
    return _Held(row_ids, packed_codes)


def _nearest(held: _Held, queries: UInt8, k: int) -> Iterator[tuple[Int64, Int32]]:
    """Yields the rows of each query's nearest codes and their distances, which ascend."""
    faiss.omp_set_num_threads(1)  # holds for the calling thread only, hence here: the service searches in many
    distances, positions = faiss.knn_hamming(queries, held.packed_codes, min(k, len(held.row_ids)))
    return ((held.row_ids[at], distance) for at, distance in zip(positions, distances, strict=True))


def _hits(row_ids: Int64, distances: Int32, *, k: int, radius: int, without: frozenset[int]) -> list[Hit]:
    """Returns the hits of one query, cut at the radius and at ``k``; distances ascend."""
    hits = list(map(Hit._make, zip(row_ids.tolist(), distances.tolist(), strict=True)))
    hits = hits[: bisect_right(hits, radius, key=attrgetter("distance"))]
    return [hit for hit in hits if hit.row_id not in without][:k] if without else hits[:k]
