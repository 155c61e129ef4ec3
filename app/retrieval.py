"""From a code to the items nearest to it, page by page.

Decides what a search answers when items come and go under it. Does not know how codes are made, nor HTTP.

Pages are those of the items that were there when the first page was begun: each of them that stays is on one page, once. An item
that is replaced meanwhile is a new one under an old name: it is on at most one page. A search with a filter may
miss an item that is being replaced at that very moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from app.allowed import AllowedRows
from app.cache.base import Modality
from app.catalog.base import Catalog, Item
from app.cursor import Cursor, read_cursor, write_cursor
from app.filters import Expression
from app.index.base import CodeIndex, Hit, Window
from app.pools import Pool
from model.codes import Int64, UInt8
from model.errors import InvalidRequest


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
    """

    target: Modality
    k: int = 10
    max_distance: int | None = None
    filter: Expression | None = None
    dedupe: bool = False
    cursor: str | None = None
    without: Item | None = None


@dataclass(frozen=True, slots=True)
class FoundItem:
    """An item and how far it is from the query.

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
        pool: Runs searches.
        max_k: Most hits of one search.
    """

    def __init__(self, *, indexes: Mapping[Modality, CodeIndex], catalog: Catalog, pool: Pool, max_k: int) -> None:
        self._indexes = indexes
        self._catalog = catalog
        self._allowed = AllowedRows(catalog)
        self._pool = pool
        self._max_k = max_k

    def check(self, bounds: SearchBounds) -> None:
        """Refuses bounds outside the limits, before any work is done.

        Args:
            bounds: What is asked for.

        Raises:
            InvalidRequest: If ``k`` or ``max_distance`` is out of range.
        """
        n_bits = self._indexes[bounds.target].n_bits
        if not 1 <= bounds.k <= self._max_k:
            raise InvalidRequest(f"k must be 1 to {self._max_k}, not {bounds.k}")
        if bounds.max_distance is not None and not 0 <= bounds.max_distance <= n_bits:
            raise InvalidRequest(f"max_distance must be 0 to {n_bits}, not {bounds.max_distance}")

    async def search(self, code: bytes, bounds: SearchBounds) -> Page:
        """Returns the nearest items.

        Args:
            code: Packed code of the query, n_bits / 8 bytes.
            bounds: Checked by :meth:`check`.

        Returns:
            One page of items.

        Raises:
            InvalidRequest: If the cursor is none, or one of another search.
            BundleMismatch: If the cursor is one of another bundle.
            Overloaded: If too many searches are waiting.
        """
        return await self._pool.run(self._search, code, bounds)

    def _search(self, code: bytes, bounds: SearchBounds) -> Page:
        index, bundle_id, search = self._indexes[bounds.target], self._catalog.bundle_id, _identity(code, bounds)
        newest_row = index.newest_row  # before the search: what is added from here on is no part of the pages
        window = Window(without=frozenset([bounds.without.row_id] if bounds.without else ()), distinct=bounds.dedupe)
        if bounds.cursor is not None:
            start = read_cursor(bounds.cursor, bundle_id=bundle_id, search=search)
            newest_row = start.newest_row
            window = replace(window, after=(start.distance, start.row_id), newest_row=newest_row)
        allowed = None if bounds.filter is None else self._allowed.of(bounds.filter)
        looking = _Looking(index, self._catalog, np.frombuffer(code, np.uint8)[None, :], bounds, allowed)
        found: list[FoundItem] = []
        for one in looking.from_window(window, bounds.k + 1):
            if len(found) < bounds.k:
                found.append(one)
            elif one.item.row_id <= newest_row:
                last = Cursor(found[-1].distance, found[-1].item.row_id, newest_row)
                return Page(found, write_cursor(last, bundle_id=bundle_id, search=search))
        return Page(found, None)


@dataclass(frozen=True, slots=True)
class _Looking:
    """One search under way."""

    index: CodeIndex
    catalog: Catalog
    query: UInt8
    bounds: SearchBounds
    allowed: Int64 | None

    def from_window(self, window: Window, n_wanted: int) -> Iterator[FoundItem]:
        """Yields the items of a window one after another; so many are looked for at once."""
        left_out = self.bounds.without and self.bounds.without.item_id
        while True:
            hits = self._hits(window, n_wanted)
            items = self.catalog.get_rows([hit.row_id for hit in hits])
            # A row may be replaced or deleted between the search and the read: it is passed over, …
            gone = frozenset(hit.row_id for hit, item in zip(hits, items, strict=True) if item is None)
            if gone and window.distinct:  # … and another one stands for its code
                window = replace(window, without=window.without | gone)
                continue
            for hit, item in zip(hits, items, strict=True):
                if item is not None and item.item_id != left_out:
                    yield FoundItem(item, hit.distance)
            if len(hits) < n_wanted:
                return
            window = replace(window, after=(hits[-1].distance, hits[-1].row_id))

    def _hits(self, window: Window, k: int) -> list[Hit]:
        max_distance = self.bounds.max_distance
        return self.index.search(self.query, k=k, max_distance=max_distance, allowed=self.allowed, window=window)[0]


def _identity(code: bytes, bounds: SearchBounds) -> str:
    """Returns all that decides which hits a search has and in which order."""
    left_out = bounds.without and bounds.without.item_id
    return repr((code, bounds.target, bounds.max_distance, bounds.filter, bounds.dedupe, left_out))
