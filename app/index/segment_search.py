"""One search over a base and a tail of newer rows.

Decides whether allowed rows are marked or fetched, and puts together what the two parts find: all rows of the tail are above those
of the base, so that a stable sort by distance keeps the order (distance, row_id). Does not know how rows are added or removed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from app.index.base import Hit, Window
from app.index.kernels import Bool, Int32, UInt64, mark_allowed
from app.index.multi_index import by_table
from app.index.scan import scan as scan_window
from app.index.segment import Segment
from model.codes import Int64, UInt8

_FETCHED = 8  # up to one allowed row in so many, the allowed ones are fetched and scanned; above, they are marked


@dataclass(frozen=True, slots=True)
class SegmentSearch:
    """What is asked for, of which state.

    Attributes:
        segments: Base and tail; the rows of the second are above those of the first.
        version: Rows removed at it or before are no hits.
        k: At most so many hits.
        radius: Inclusive, 0…n_bits.
        window: Which part of the order.
    """

    segments: tuple[Segment, ...]
    version: int
    k: int
    radius: int
    window: Window

    def hits(self, queries: UInt64, allowed: Int64 | None) -> list[list[Hit]]:
        """Returns the hits of each query.

        Args:
            queries: (Q, n_words) uint64.
            allowed: Only these row ids, ascending; None for all.

        Returns:
            One list a query, ordered by (distance, row_id).
        """
        if allowed is not None and len(allowed) * _FETCHED < sum(segment.n_rows for segment in self.segments):
            fetched = replace(self, segments=(self._fetched(allowed),), version=0)
            return fetched.hits(queries, None)
        marks = tuple(None if allowed is None else _marks(segment, allowed) for segment in self.segments)
        if self.window.distinct:
            return [self._distinct(query, marks) for query in queries]
        return self._all(queries, marks)

    def _all(self, queries: UInt64, marks: tuple[Bool | None, ...]) -> list[list[Hit]]:
        found = []
        for segment, marked in zip(self.segments, marks, strict=True):
            if segment.n_rows:
                rules = segment.rules(self.version, self.window, self.radius, marked)
                positions, distances, n_found = segment.nearest(queries, self.k, rules, self.window.newest_row)
                found.append((segment.row_ids, positions, distances, n_found))
        if not found:
            return [[] for _ in queries]
        return [
            self._together([(rows[at[one, : n[one]]], away[one, : n[one]]) for rows, at, away, n in found])
            for one in range(len(queries))
        ]

    def _together(self, parts: list[tuple[Int64, Int32]]) -> list[Hit]:
        """Returns the hits of all parts; the rows of a later part are above those of an earlier one."""
        row_ids, distances = parts[0]
        if len(parts) > 1:
            distances = np.concatenate([part[1] for part in parts])
            order = np.argsort(distances, kind="stable")[: self.k]
            row_ids, distances = np.concatenate([part[0] for part in parts])[order], distances[order]
        return list(map(Hit._make, zip(row_ids.tolist(), distances.tolist(), strict=True)))

    def _distinct(self, query: UInt64, marks: tuple[Bool | None, ...]) -> list[Hit]:
        """Of equal codes the base has the lowest row, so what the tail has of them is passed over."""
        hits: list[Hit] = []
        for at, (segment, marked) in enumerate(zip(self.segments, marks, strict=True)):
            if not segment.n_rows:
                continue
            hits += self._distinct_in(at, query, marked, self.segments[0], marks[0])
        return sorted(hits, key=_place)[: self.k]

    def _distinct_in(self, at: int, query: UInt64, marked: Bool | None, base: Segment, base_marked: Bool | None) -> list[Hit]:
        segment = self.segments[at]
        if segment.table is not None:
            rules = segment.rules(self.version, self.window, self.radius, marked)
            found = by_table(segment.table_desk, segment.part(self.window.newest_row), rules, query[None, :], self.k)
            n_found = int(found[2][0])
            if n_found >= 0:
                rows = segment.row_ids[found[0][0, :n_found]].tolist()
                return list(map(Hit._make, zip(rows, found[1][0, :n_found].tolist(), strict=True)))
        held = segment.held(self.version)
        if marked is not None:
            held &= marked[: segment.n_rows]

        def passed_over(positions: Int64) -> Bool:
            gone: Bool = ~held[positions]
            return gone if at == 0 else gone | self._has(base, base_marked, segment.codes_at(positions))

        n_rows = segment.part(self.window.newest_row).n_rows
        codes: UInt8 = segment.words[: n_rows * segment.n_words].view(np.uint8).reshape(n_rows, 8 * segment.n_words)
        asked = query.view(np.uint8)
        return scan_window(
            asked, segment.rows[:n_rows], codes, k=self.k, radius=self.radius, window=self.window, passed_over=passed_over
        )

    def _has(self, base: Segment, marked: Bool | None, codes: UInt64) -> Bool:
        """Tells of codes whether the base has a row of them that may be a hit."""
        if not base.n_rows or not len(codes):
            return np.zeros(len(codes), np.bool_)
        unique, back = np.unique(codes, axis=0, return_inverse=True)
        anywhere = replace(self.window, after=None, distinct=False)
        rules = base.rules(self.version, anywhere, 0, marked)
        has: Bool = base.nearest(unique, 1, rules, self.window.newest_row)[2] > 0
        return has[back.reshape(-1)]

    def _fetched(self, allowed: Int64) -> Segment:
        """Returns the allowed rows that are held, as a segment of their own."""
        at = [segment.positions_of(allowed, self.version) for segment in self.segments]
        row_ids = np.concatenate([segment.row_ids[found] for segment, found in zip(self.segments, at, strict=True)])
        words = np.concatenate([segment.codes_at(found) for segment, found in zip(self.segments, at, strict=True)]).reshape(-1)
        return Segment(self.segments[0].n_bits, row_ids, words, np.zeros(len(row_ids), np.uint32), len(row_ids))


def _place(hit: Hit) -> tuple[int, int]:
    return hit.distance, hit.row_id


def _marks(segment: Segment, allowed: Int64) -> Bool:
    marks = np.zeros(segment.n_rows, np.bool_)
    mark_allowed(segment.rows, allowed, marks)
    return marks
