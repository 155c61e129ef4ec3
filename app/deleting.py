"""Deletes items: one, some, or all that a filter names.

Decides how a large deletion is cut, so that writes in between need not wait for its end. Does not know HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.catalog.base import Catalog, Item
from app.filters import Expression
from app.pools import Pool
from app.records import Record, Seal, no_records
from app.writer import ItemWriter

_BLOCK = 2_000  # items a transaction


class Deleting:
    """Deletes items from catalogue, index and pictures.

    Args:
        catalog: The items, read only.
        read_pool: Runs reads of the catalogue.
        writer: Deletes them.
        writer_pool: Runs the writer; one thread.
    """

    def __init__(self, *, catalog: Catalog, read_pool: Pool, writer: ItemWriter, writer_pool: Pool) -> None:
        self._catalog = catalog
        self._read_pool = read_pool
        self._writer = writer
        self._writer_pool = writer_pool

    async def some(self, item_ids: Sequence[str], seal: Seal[Item | None] = no_records) -> list[Item | None]:
        """Deletes items in one transaction.

        Args:
            item_ids: Which.
            seal: Makes the records that are kept with the deletion.

        Returns:
            The deleted item for each id, in order; None where there was none.

        Raises:
            Overloaded: If too much is waiting; nothing has been deleted then.
            CatalogError: If the catalogue cannot be written; nothing has changed then.
        """
        return await self._writer_pool.run(self._writer.delete, item_ids, seal)

    async def matching(self, expression: Expression, seal: Seal[int] = no_records) -> int:
        """Deletes the items that match a filter when this begins, in several transactions; items added meanwhile stay.

        Args:
            expression: The filter.
            seal: Makes the records that are kept with the last transaction, from the number of deleted items.

        Returns:
            How many were deleted.

        Raises:
            Overloaded: If too much is waiting; some may have been deleted then, and asking again deletes the rest.
            CatalogError: If the catalogue cannot be written; likewise.
        """
        rows = await self._read_pool.run(self._catalog.matching, expression)
        blocks = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)] or [[]]
        n_deleted = 0
        for block in blocks[:-1]:
            n_deleted += await self._writer_pool.run(self._writer.delete_rows, block)

        def seal_all(deleted: list[Item | None]) -> Sequence[Record]:
            return seal([n_deleted + len(deleted)])

        return n_deleted + await self._writer_pool.run(self._writer.delete_rows, blocks[-1], seal_all)
