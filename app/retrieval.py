"""From a code to the items nearest to it, page by page.

Decides what a search answers when items come and go under it. Does not know how codes are made, nor HTTP.

Pages are those of the items that were there when the first page was begun: each of them that stays is on one page, once. An item
that is replaced meanwhile is a new one under an old name: it is on at most one page. A search with a filter may
miss an item that is being replaced at that very moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np

from app.allowed import AllowedRows
from app.cache.base import Modality
from app.caller import current_caller
from app.catalog.base import Catalog, Item
from app.cursor import Cursor, read_cursor, write_cursor
from app.filters import Expression
from app.index.base import CodeIndex, Hit, Window
from app.pace import Pace
from app.pools import Pool
from model.codes import Int64, UInt8
from model.errors import InvalidRequest

_FEW = 100  # hits
MAX_EXPLAINED = 50
"""Hits whose search may be explained: each of them is encoded again."""
NOTHING_IS_NEAR = -1
"""A radius that no item is within."""
HeldRows: TypeAlias = Callable[[Sequence[int]], list[Item] | None]
_new = cast(Any, tuple.__new__)  # of what was found: half the time of calling the class


@dataclass(frozen=True, slots=True)
class SearchBounds:
    """What a search asks for.

    Attributes:
        target: Modality whose codes are searched.
        k: At most so many hits.
        max_distance: Inclusive radius in bits, or None.
        filter: Only items whose payload matches, or None.
        dedupe: Whether of items with equal codes only the oldest is a hit.
        cursor: ``next_cursor`` of the page before, or None for the first page.
        without: An item that is no hit, or None.
        min_precision: What every hit's expected precision must come up to; by itself it bounds nothing, see
            :class:`app.expectations.Expectations`.
        explain: Whether hits say why they were found; decides nothing about which hits there are.
        min_familiarity: How familiar the query must be to be answered; decides nothing about which hits there are either.
    """

    target: Modality
    k: int = 10
    max_distance: int | None = None
    filter: Expression | None = None
    dedupe: bool = False
    cursor: str | None = None
    without: Item | None = None
    min_precision: float | None = None
    explain: bool = False
    min_familiarity: float | None = None


class FoundItem(NamedTuple):
    """An item and how far it is from the query; a tuple, as many of them are made a search.

    Attributes:
        item: As the catalogue holds it.
        distance: Differing bits.
    """

    item: Item
    distance: int


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the items found.

    Attributes:
        found: Ordered by (distance, row_id).
        next_cursor: Leads to the next page; None exactly if there is nothing more.
    """

    found: list[FoundItem]
    next_cursor: str | None


class Retrieval:
    """Searches the index and reads the hits from the catalogue.

    Args:
        indexes: One index a modality, of the same code length.
        catalog: The items.
        pool: Runs searches that take their time.
        max_k: Most hits of one search.
        held: Looks rows up without waiting, or answers None; without it every search runs in the pool.
    """

    def __init__(
        self,
        *,
        indexes: Mapping[Modality, CodeIndex],
        catalog: Catalog,
        pool: Pool,
        max_k: int,
        held: HeldRows | None = None,
    ) -> None:
        self._indexes = indexes
        self._catalog = catalog
        self._held = held
        self._paces: dict[Modality, Pace] = {modality: Pace() for modality in indexes}
        self._allowed = AllowedRows(catalog)
        self._pool = pool
        self._max_k = max_k

    def check(self, bounds: SearchBounds) -> None:
        """Refuses bounds outside the limits, before any work is done.

        Args:
            bounds: What is asked for.

        Raises:
            InvalidRequest: If ``k`` or ``max_distance`` is out of range, or too many hits are to be explained.
        """
        n_bits = self._indexes[bounds.target].n_bits
        if not 1 <= bounds.k <= self._max_k:
            raise InvalidRequest(f"k must be 1 to {self._max_k}, not {bounds.k}")
        if bounds.explain and bounds.k > MAX_EXPLAINED:
            raise InvalidRequest(f"explain: k must be at most {MAX_EXPLAINED}, not {bounds.k}; go on with next_cursor")
        if bounds.max_distance is not None and not 0 <= bounds.max_distance <= n_bits:
            raise InvalidRequest(f"max_distance must be 0 to {n_bits}, not {bounds.max_distance}")

    async def search(self, code: bytes, bounds: SearchBounds) -> Page:
        """Returns the nearest items.

        Args:
            code: Packed code of the query, n_bits / 8 bytes.
            bounds: Checked by :meth:`check`; the radius may be :data:`NOTHING_IS_NEAR`.

        Returns:
            One page of items.

        Raises:
            InvalidRequest: If the cursor is none, or one of another search.
            BundleMismatch: If the cursor is one of another bundle.
            Overloaded: If too many searches are waiting.
        """
        if self._held is not None and self._paces[bounds.target].is_quick and _is_plain(bounds):
            current_caller().check()
            page = self._at_once(code, bounds, self._held)
            if page is not None:
                return page
        return await self._pool.run(self._search, code, bounds)

    def _at_once(self, code: bytes, bounds: SearchBounds, held: HeldRows) -> Page | None:
        """Answers as :meth:`_search` does; None if rows have to be read, or if something was written meanwhile."""
        index, pace, k = self._indexes[bounds.target], self._paces[bounds.target], bounds.k
        newest_row, since_s = index.newest_row, pace.now()
        [hits] = index.search(np.frombuffer(code, np.uint8)[None, :], k=k + 1, max_distance=bounds.max_distance)
        pace.took(since_s)
        items = held([row_id for row_id, _ in hits])
        if items is None or (len(hits) > k and hits[k].row_id > newest_row):
            return None
        found: list[FoundItem] = list(
            map(_new, repeat(FoundItem), zip(items[:k], [distance for _, distance in hits[:k]], strict=True))
        )
        return Page(found, self._cursor_at(hits[k - 1], newest_row, code, bounds) if len(hits) > k else None)

    def _cursor_at(self, last: Hit, newest_row: int, code: bytes, bounds: SearchBounds) -> str:
        place = Cursor(last.distance, last.row_id, newest_row)
        return write_cursor(place, bundle_id=self._catalog.bundle_id, search=_identity(code, bounds))

    def _search(self, code: bytes, bounds: SearchBounds) -> Page:
        index = self._indexes[bounds.target]
        newest_row = index.newest_row  # before the search: what is added from here on is no part of the pages
        window = Window(without=frozenset([bounds.without.row_id] if bounds.without else ()), distinct=bounds.dedupe)
        if bounds.cursor is not None:
            start = read_cursor(bounds.cursor, bundle_id=self._catalog.bundle_id, search=_identity(code, bounds))
            newest_row = start.newest_row
            window = replace(window, after=(start.distance, start.row_id), newest_row=newest_row)
        if bounds.max_distance == NOTHING_IS_NEAR:
            return Page([], None)
        allowed = None if bounds.filter is None else self._allowed.of(bounds.filter)
        query = np.frombuffer(code, np.uint8)[None, :]
        looking = _Looking(index, query, bounds, allowed, read=self._catalog.get_rows, pace=self._paces[bounds.target])
        found: list[FoundItem] = []
        for some in looking.from_window(window, bounds.k + 1):
            found += some
            if any(one.item.row_id <= newest_row for one in found[bounds.k :]):
                last = found[bounds.k - 1]
                cursor = self._cursor_at(Hit(last.item.row_id, last.distance), newest_row, code, bounds)
                return Page(found[: bounds.k], cursor)
            del found[bounds.k :]
        return Page(found, None)


@dataclass(frozen=True, slots=True)
class _Looking:
    """One search under way."""

    index: CodeIndex
    query: UInt8
    bounds: SearchBounds
    allowed: Int64 | None
    read: Callable[[Sequence[int]], list[Item | None]]
    pace: Pace

    def from_window(self, window: Window, n_wanted: int) -> Iterator[list[FoundItem]]:
        """Yields the items of a window in order, as many at once as are looked for."""
        left_out = self.bounds.without and self.bounds.without.item_id
        while True:
            hits = self._hits(window, n_wanted)
            items = self.read([hit.row_id for hit in hits])
            # A row may be replaced or deleted between the search and the read: it is passed over, …
            if window.distinct and None in items:  # … and another one stands for its code
                gone = frozenset(hit.row_id for hit, item in zip(hits, items, strict=True) if item is None)
                window = replace(window, without=window.without | gone)
                continue
            found = zip(items, hits, strict=True)
            yield [FoundItem(item, hit.distance) for item, hit in found if item is not None and item.item_id != left_out]
            if len(hits) < n_wanted:
                return
            window = replace(window, after=(hits[-1].distance, hits[-1].row_id))

    def _hits(self, window: Window, k: int) -> list[Hit]:
        max_distance = self.bounds.max_distance
        since_s = self.pace.now()
        hits = self.index.search(self.query, k=k, max_distance=max_distance, allowed=self.allowed, window=window)[0]
        if _is_plain(self.bounds):
            self.pace.took(since_s)
        return hits


def _is_plain(bounds: SearchBounds) -> bool:
    """Tells whether a search is one of those that are asked most and take least."""
    is_whole = bounds.filter is None and bounds.cursor is None and bounds.without is None and not bounds.dedupe
    return is_whole and bounds.k <= _FEW and bounds.max_distance != NOTHING_IS_NEAR


def _identity(code: bytes, bounds: SearchBounds) -> str:
    """Returns all that decides which hits a search has and in which order."""
    left_out = bounds.without and bounds.without.item_id
    return repr((code, bounds.target, bounds.max_distance, bounds.filter, bounds.dedupe, left_out))
