"""From a code to the items nearest to it.

Decides what a search answers when items vanish under it. Does not know how codes are made, nor HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from app.cache.base import Modality
from app.catalog.base import Catalog, Item
from app.index.base import CodeIndex
from app.pools import Pool
from model.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class SearchBounds:
    """What a search asks for.

    Attributes:
        target: Modality whose codes are searched.
        k: At most so many hits.
        max_distance: Inclusive radius in bits, or None.
    """

    target: Modality
    k: int = 10
    max_distance: int | None = None


@dataclass(frozen=True, slots=True)
class FoundItem:
    """An item and how far it is from the query.

    Attributes:
        item: As the catalogue holds it.
        distance: Differing bits.
    """

    item: Item
    distance: int


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

    async def search(self, code: bytes, bounds: SearchBounds) -> list[FoundItem]:
        """Returns the nearest items.

        Args:
            code: Packed code of the query, n_bits / 8 bytes.
            bounds: Checked by :meth:`check`.

        Returns:
            Items ordered by (distance, row_id).

        Raises:
            Overloaded: If too many searches are waiting.
        """
        return await self._pool.run(self._search, code, bounds)

    def _search(self, code: bytes, bounds: SearchBounds) -> list[FoundItem]:
        query = np.frombuffer(code, dtype=np.uint8)[None, :]
        index, k = self._indexes[bounds.target], bounds.k
        while True:
            hits = index.search(query, k=k, max_distance=bounds.max_distance)[0]
            items = self._catalog.get_rows([hit.row_id for hit in hits])
            found = [FoundItem(item, hit.distance) for hit, item in zip(hits, items, strict=True) if item is not None]
            # A row may be replaced or deleted between the search and the read; ask for more until k live ones are found.
            if len(found) >= bounds.k or len(hits) < k:
                return found[: bounds.k]
            k += 2 * (bounds.k - len(found))
