"""The catalogue in an SQL database; SQLite unless the address says otherwise.

Decides what one transaction holds and how long lists of ids are cut. Does not know where pictures lie or how items are searched;
the tables and what is special about SQLite stand in ``sql_tables``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from app.cache.base import Modality
from app.catalog.base import Item, NewItem, Upserted
from app.catalog.rows import Row, item_of, row_of, runs_without_repeats
from app.catalog.sql_alike import alike_groups, with_alike
from app.catalog.sql_judgements import SqlJudgements, forget_names
from app.catalog.sql_payload_filter import add_leaves, rows_matching
from app.catalog.sql_tables import items
from app.filters import Expression
from app.records import Alike, Seal, no_records
from model.codes import Int64

_BLOCK = 500  # ids or rows a statement; SQLite takes 999 variables at least
_LISTED = 1 << 18  # rows that are listed at once


class SqlCatalog(SqlJudgements):
    """A :class:`~app.catalog.base.Catalog` for many threads: readers see the last commit, writers take turns."""

    def upsert_many(self, items: Sequence[NewItem], seal: Seal[Upserted] = no_records) -> list[Upserted]:
        """Writes items in one transaction; of two with the same id the later one replaces the earlier.

        Args:
            items: What to write.
            seal: Makes the records that are kept with them, from the answers.

        Returns:
            One answer an item, in order.

        Raises:
            CatalogError: If the database refuses; nothing is written then.
            CodeError: If a code has a wrong length; nothing is written then.
            InvalidRequest: If a text or payload cannot be stored; nothing is written then.
        """
        rows = [row_of(item, self._n_bits) for item in items]
        if not rows and seal is no_records:
            return []
        with self._writer() as connection:
            written = [answer for run in runs_without_repeats(rows) for answer in _upsert(connection, run)]
            answers = with_alike(connection, rows, written)
            if rows:
                self._count_revision(connection)
            self._write_records(connection, seal(answers))
        return answers

    def delete_many(self, item_ids: Sequence[str], seal: Seal[Item | None] = no_records) -> list[Item | None]:
        """Deletes items in one transaction.

        Args:
            item_ids: Which.
            seal: Makes the records that are kept with the deletion, from the answers.

        Returns:
            The deleted item for each id, in order; None where there was none.

        Raises:
            CatalogError: If the database refuses; nothing is deleted then.
        """
        with self._writer() as connection:
            found = {item.item_id: item for item in _select(connection, items.c.item_id, item_ids)}
            if found:
                _delete(connection, [item.row_id for item in found.values()])
                for block in _blocks(list(found)):
                    forget_names(connection, block)
                self._count_revision(connection)
            answers = [found.pop(item_id, None) for item_id in item_ids]
            self._write_records(connection, seal(answers))
        return answers

    def get_many(self, item_ids: Sequence[str]) -> list[Item | None]:
        """Looks items up by id.

        Args:
            item_ids: Which, repeats allowed.

        Returns:
            One answer an id, in order; None where there is none.

        Raises:
            Overloaded: If the catalogue was given to another bundle: codes of two must not meet.
        """
        with self._reader() as connection:
            found = {item.item_id: item for item in _select(connection, items.c.item_id, item_ids)}
            self._check_current(connection)
        return [found.get(item_id) for item_id in item_ids]

    def get_rows(self, row_ids: Sequence[int]) -> list[Item | None]:
        """Looks items up by row.

        Args:
            row_ids: Which, repeats allowed.

        Returns:
            One answer a row, in order; None where the row is gone.
        """
        wanted = [int(row_id) for row_id in row_ids]
        with self._reader() as connection:
            found = {item.row_id: item for item in _select(connection, items.c.row_id, wanted)}
        return [found.get(row_id) for row_id in wanted]

    def matching(self, expression: Expression) -> list[int]:
        """Looks for items whose payload matches a filter.

        Args:
            expression: The filter.

        Returns:
            Their rows, ascending.
        """
        with self._reader() as connection:
            return list(connection.scalars(rows_matching(expression)))

    def scan(self, after_row_id: int = 0) -> Iterator[Item]:
        """Reads all items in the order of their rows, in blocks.

        Each block shows the last commit: an item written meanwhile comes at the end, one replaced meanwhile may come twice.

        Args:
            after_row_id: Only rows above this one.

        Yields:
            One item a row.
        """
        while block := self._block(after_row_id):
            yield from block
            after_row_id = block[-1].row_id

    def row_ids(self, up_to: int) -> Int64:
        """Lists the rows that are there.

        Args:
            up_to: No rows above this one.

        Returns:
            (N,) int64, strictly ascending.
        """
        row_id, parts = items.c.row_id, [np.empty(0, np.int64)]
        query = sa.select(sa.func.group_concat(row_id))  # one text a block: several times as fast as one Python number a row
        with self._reader() as connection:
            for start in range(0, up_to + 1, _LISTED):
                text = connection.scalar(query.where(row_id >= start, row_id < start + _LISTED, row_id <= up_to))
                if text is not None:
                    parts.append(np.sort(np.fromstring(str(text), np.int64, sep=",")))
        return np.concatenate(parts)

    def images(self) -> Iterator[str]:
        """Lists the pictures that items refer to.

        Yields:
            Their sha256, each once, ascending.
        """
        digest, last = items.c.image_sha256, ""
        query = sa.select(digest).distinct().order_by(digest).limit(_BLOCK)
        while True:
            with self._reader() as connection:
                block = connection.scalars(query.where(digest > last)).all()
            if not block:
                return
            yield from block
            last = block[-1]

    def alike(self, modality: Modality, after: str, limit: int) -> list[Alike]:
        """Lists the pictures or texts that several items have.

        Args:
            modality: Which of the two.
            after: Only digests above this one; empty for the beginning.
            limit: At most so many.

        Returns:
            Groups, by ascending digest.
        """
        with self._reader() as connection:
            return alike_groups(connection, modality, after, limit)

    def count(self, after_row_id: int = 0) -> int:
        """Returns the number of items in rows above one."""
        with self._reader() as connection:
            query = sa.select(sa.func.count()).select_from(items)
            return int(connection.scalars(query.where(items.c.row_id > after_row_id) if after_row_id else query).one())

    def images_among(self, sha256s: Sequence[str]) -> set[str]:
        """Tells of stored pictures which ones items refer to.

        Args:
            sha256s: Hex digests of the pictures' bytes.

        Returns:
            Those of them that some item refers to.
        """
        digest = items.c.image_sha256
        with self._reader() as connection:
            found = (connection.scalars(sa.select(digest).where(digest.in_(block)).distinct()) for block in _blocks(sha256s))
            return {sha256 for block in found for sha256 in block}

    def _block(self, after_row_id: int) -> list[Item]:
        query = sa.select(items).where(items.c.row_id > after_row_id).order_by(items.c.row_id).limit(_BLOCK)
        with self._reader() as connection:
            block = [item_of(dict(row)) for row in connection.execute(query).mappings()]
            self._check_current(connection)
        return block


def _upsert(connection: sa.Connection, run: list[Row]) -> list[Upserted]:
    """Writes rows of different item ids, each in place of the one that stood under its id."""
    replaced = {item.item_id: item for item in _select(connection, items.c.item_id, [row["item_id"] for row in run])}
    _delete(connection, [item.row_id for item in replaced.values()])
    insert = sa.insert(items).returning(items.c.row_id, sort_by_parameter_order=True)
    row_ids = connection.scalars(insert, run).all()
    add_leaves(connection, [(row_id, row["payload"]) for row_id, row in zip(row_ids, run, strict=True)])
    return [Upserted(row_id, replaced.get(row["item_id"])) for row_id, row in zip(row_ids, run, strict=True)]


def _select(connection: sa.Connection, column: sa.Column[Any], values: Sequence[Any]) -> list[Item]:
    """Returns the items whose column has one of the values, in any order."""
    query = sa.select(items)
    found = (connection.execute(query.where(column.in_(block))).mappings() for block in _blocks(values))
    return [item_of(dict(row)) for rows in found for row in rows]


def _delete(connection: sa.Connection, row_ids: Sequence[int]) -> None:
    for block in _blocks(row_ids):
        connection.execute(sa.delete(items).where(items.c.row_id.in_(block)))


def _blocks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start : start + _BLOCK] for start in range(0, len(values), _BLOCK))
