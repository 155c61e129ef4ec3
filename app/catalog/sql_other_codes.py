"""Codes of the same items by another bundle, made beside those that are served, and the exchange of the two.

Decides that the exchange is one transaction in which every item has a code of the new bundle, or it does not happen: old and new
codes never mix. The codes that were served before are kept, so that the way back is short. Does not know how codes are made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from app.catalog.base import Item, Reencoded
from app.catalog.rows import item_of
from app.catalog.sql_database import SqlDatabase, identity_of
from app.catalog.sql_tables import bundles, items, meta, open_engine, other_codes, translated

_BLOCK = 500


class SqlOtherCodes(SqlDatabase):
    """The part of a catalogue that holds another bundle's codes; see :class:`app.catalog.base.OtherCodes`.

    Args:
        url: SQLAlchemy address of a catalogue that is there, also one that is being served.
        other_id: The other bundle.
        other_bits: Bits of one of its codes.
        folder: Where that bundle lies, for later starts of the service.

    Raises:
        CatalogError: If the database cannot be used.
    """

    def __init__(self, url: str, *, other_id: str, other_bits: int, folder: str) -> None:
        bundle_id, n_bits = identity_of(url)
        super().__init__(url, bundle_id=bundle_id, n_bits=n_bits)
        self._other_id, self._other_bits = other_id, other_bits
        with self._writer() as connection:
            connection.execute(sa.delete(bundles).where(bundles.c.bundle_id == other_id))
            connection.execute(sa.insert(bundles).values(bundle_id=other_id, folder=folder))

    def n_items(self) -> int:
        """Number of items."""
        with self._reader() as connection:
            return int(connection.scalars(sa.select(sa.func.count()).select_from(items)).one())

    def missing(self, after_row_id: int, limit: int) -> list[Item]:
        """Looks for items that have no code of the other bundle yet.

        Args:
            after_row_id: Only rows above this one.
            limit: At most so many.

        Returns:
            Items in the order of their rows.
        """
        query = self._missing(sa.select(items)).where(items.c.row_id > after_row_id).order_by(items.c.row_id).limit(limit)
        with self._reader() as connection:
            return [item_of(dict(row)) for row in connection.execute(query).mappings()]

    def put(self, codes: Sequence[Reencoded]) -> None:
        """Keeps codes of the other bundle; those of rows that are gone meanwhile are passed over.

        Args:
            codes: At most 500.
        """
        row_ids = [one.row_id for one in codes]
        with self._writer() as connection:
            held = set(connection.scalars(sa.select(items.c.row_id).where(items.c.row_id.in_(row_ids))))
            gone = sa.and_(other_codes.c.bundle_id == self._other_id, other_codes.c.row_id.in_(row_ids))
            connection.execute(sa.delete(other_codes).where(gone))
            rows = [
                {"bundle_id": self._other_id, "row_id": one.row_id, "text_code": one.text_code, "image_code": one.image_code}
                for one in codes
                if one.row_id in held
            ]
            if rows:
                connection.execute(sa.insert(other_codes), rows)

    def pairs(self) -> Iterator[tuple[Reencoded, Reencoded]]:
        """Reads the codes of both bundles of all items that have both.

        Yields:
            The served codes and the other bundle's, in the order of rows.
        """
        joined = items.join(other_codes, sa.and_(other_codes.c.row_id == items.c.row_id, other_codes.c.bundle_id == self._other_id))
        columns = (items.c.row_id, items.c.text_code, items.c.image_code, other_codes.c.text_code, other_codes.c.image_code)
        query = sa.select(*columns).select_from(joined).order_by(items.c.row_id).limit(_BLOCK)
        after = 0
        while True:
            with self._reader() as connection:
                block = connection.execute(query.where(items.c.row_id > after)).all()
            if not block:
                return
            yield from ((Reencoded(row[0], row[1], row[2]), Reencoded(row[0], row[3], row[4])) for row in block)
            after = block[-1][0]

    def exchange(self) -> bool:
        """Makes the other bundle's codes the served ones, if no item lacks one; all at once.

        Returns:
            Whether that was done; otherwise nothing has changed.

        Raises:
            BundleMismatch: If the catalogue was given to another bundle meanwhile.
        """
        with self._writer() as connection:
            self._check_bundle(connection)
            if connection.execute(self._missing(sa.select(items.c.row_id)).limit(1)).first() is not None:
                return False
            served = sa.select(sa.literal(self._bundle_id), items.c.row_id, items.c.text_code, items.c.image_code)
            connection.execute(sa.delete(other_codes).where(other_codes.c.bundle_id == self._bundle_id))
            connection.execute(sa.insert(other_codes).from_select(["bundle_id", "row_id", "text_code", "image_code"], served))
            connection.execute(sa.update(items).values(text_code=self._other("text_code"), image_code=self._other("image_code")))
            connection.execute(sa.delete(other_codes).where(other_codes.c.bundle_id == self._other_id))
            now = {"bundle_id": self._other_id, "n_bits": self._other_bits, "revision": meta.c.revision + 1}
            connection.execute(sa.update(meta).values(**now))
        return True

    def _missing(self, query: sa.Select[tuple[int]]) -> sa.Select[tuple[int]]:
        has = sa.exists().where(other_codes.c.bundle_id == self._other_id, other_codes.c.row_id == items.c.row_id)
        return query.where(~has)

    def _other(self, column: str) -> sa.ScalarSelect[bytes]:
        mine = sa.and_(other_codes.c.bundle_id == self._other_id, other_codes.c.row_id == items.c.row_id)
        return sa.select(other_codes.c[column]).where(mine).scalar_subquery()


def folder_of(url: str, bundle_id: str) -> str | None:
    """Looks up where a bundle lies that items were once encoded with.

    Args:
        url: SQLAlchemy address of a catalogue that is there, of the newest schema.
        bundle_id: Which.

    Returns:
        Its folder then, or None if it is not known.
    """
    engine = open_engine(url)
    try:
        with translated(), engine.connect() as connection:
            if not sa.inspect(connection).has_table(bundles.name):
                return None
            return connection.scalars(sa.select(bundles.c.folder).where(bundles.c.bundle_id == bundle_id)).one_or_none()
    finally:
        engine.dispose()
