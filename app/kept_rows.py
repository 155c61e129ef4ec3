"""Items that searches have found lately, kept in this process in front of the catalogue.

Decides how long an item may be kept: until its row is deleted or replaced. Rows never change and are never given twice, and every
write comes through here, so what is kept is not out of date once a write has been acknowledged. Does not know how items are shown.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from app.catalog.base import Catalog, Item, NewItem, Upserted
from app.records import Seal, no_records

_LARGEST = 2048
"""Bytes of what is shown of an item that is kept; larger ones are read each time, so that a number of items bounds the memory."""
Parts = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class ShownItem(Item):
    """An item with what is shown of it.

    Attributes:
        parts: What stands before and behind the distance of a hit, see :mod:`app.hits`.
    """

    parts: Parts = (b"", b"")


class KeptRows:
    """A catalogue that remembers rows; everything else goes through. Safe for several threads.

    Args:
        catalog: The items.
        max_entries: Most items kept; the least recently used ones make room.
        show: Makes what is shown of an item.
    """

    def __init__(self, catalog: Catalog, max_entries: int, show: Callable[[Item], Parts]) -> None:
        self._catalog = catalog
        self._max_entries = max_entries
        self._show = show
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, ShownItem] = OrderedDict()
        self._n_writes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalog, name)

    def held(self, row_ids: Sequence[int]) -> list[Item] | None:
        """Looks rows up without asking the catalogue; never waits.

        Args:
            row_ids: Which.

        Returns:
            One item a row, in order; None if not all of them are kept.
        """
        with self._lock:
            found: list[Item] = []
            for row_id in row_ids:
                item = self._kept.get(row_id)
                if item is None:
                    return None
                self._kept.move_to_end(row_id)
                found.append(item)
            return found

    def get_rows(self, row_ids: Sequence[int]) -> list[Item | None]:
        """Looks items up by row; see the catalogue.

        Args:
            row_ids: Which, repeats allowed.

        Returns:
            One answer a row, in order; None where the row is gone.
        """
        with self._lock:
            found: dict[int, Item | None] = {row_id: self._kept[row_id] for row_id in row_ids if row_id in self._kept}
            n_writes = self._n_writes
        missing = [row_id for row_id in row_ids if row_id not in found]
        if missing:
            read = dict(zip(missing, map(self._shown, self._catalog.get_rows(missing)), strict=True))
            self._keep(read, n_writes)
            found |= read
        return [found[row_id] for row_id in row_ids]

    def upsert_many(self, items: Sequence[NewItem], seal: Seal[Upserted] = no_records) -> list[Upserted]:
        """Writes items; see the catalogue.

        Args:
            items: What to write.
            seal: Makes the records that are kept with them.

        Returns:
            One answer an item, in order.
        """
        gone: list[int] | None = None
        try:
            answers = self._catalog.upsert_many(items, seal)
            gone = [answer.replaced.row_id for answer in answers if answer.replaced is not None]
        finally:
            self._forget(gone)
        return answers

    def delete_many(self, item_ids: Sequence[str], seal: Seal[Item | None] = no_records) -> list[Item | None]:
        """Deletes items; see the catalogue.

        Args:
            item_ids: Which.
            seal: Makes the records that are kept with the deletion.

        Returns:
            The deleted item for each id, in order; None where there was none.
        """
        gone: list[int] | None = None
        try:
            deleted = self._catalog.delete_many(item_ids, seal)
            gone = [item.row_id for item in deleted if item is not None]
        finally:
            self._forget(gone)
        return deleted

    def _shown(self, item: Item | None) -> Item | None:
        if item is None:
            return None
        values = {field.name: getattr(item, field.name) for field in fields(Item)}
        return ShownItem(**values, parts=self._show(item))

    def _keep(self, read: dict[int, Item | None], n_writes: int) -> None:
        with self._lock:
            if n_writes != self._n_writes:
                return  # one of them may be gone by now
            for row_id, item in read.items():
                if isinstance(item, ShownItem) and sum(map(len, item.parts)) <= _LARGEST:
                    self._kept[row_id] = item
            while len(self._kept) > self._max_entries:
                self._kept.popitem(last=False)

    def _forget(self, row_ids: Sequence[int] | None) -> None:
        """Forgets rows that are gone; all, if a write has failed and it is not known what it did."""
        with self._lock:
            self._n_writes += 1
            if row_ids is None:
                self._kept.clear()
            for row_id in row_ids or ():
                self._kept.pop(row_id, None)
