"""One catalogue's database: opened and checked, brought up to date, read and written in transactions, copied.

Decides who may write when, and which databases are refused. Does not know what is kept in the tables.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from app.catalog.sql_migrations import readable_version, upgrade
from app.catalog.sql_tables import SCHEMA_VERSION, TABLES, copy_sqlite, meta, open_engine, sqlite_damage, translated
from model.codes import check_n_bits
from model.errors import BundleMismatch, CatalogError, Overloaded

_CHANGING = "the service is changing over to another bundle"


class SqlDatabase:
    """A database for many threads: readers see the last commit, writers take turns.

    Args:
        url: SQLAlchemy address, such as ``sqlite:////data/catalog.sqlite3``; made if there is none.
        bundle_id: The bundle that is served; a new catalogue takes it over.
        n_bits: Bits of one of its codes; a positive multiple of 8.

    Raises:
        BundleMismatch: If the catalogue holds codes of another bundle.
        CatalogError: If the database cannot be opened, is none, is not a catalogue or is one of another schema version.
        CodeError: If ``n_bits`` is not a positive multiple of 8.
    """

    def __init__(self, url: str, *, bundle_id: str, n_bits: int) -> None:
        self._bundle_id = bundle_id
        self._n_bits = check_n_bits(n_bits)
        self._writing = threading.Lock()
        self._engine = open_engine(url)
        try:
            self._open()
        except CatalogError:
            self.close()
            raise

    @property
    def bundle_id(self) -> str:
        """The bundle whose codes this catalogue holds."""
        return self._bundle_id

    @property
    def n_bits(self) -> int:
        """Bits of one code."""
        return self._n_bits

    @property
    def revision(self) -> int:
        """Grows with every committed write."""
        with self._reader() as connection:
            return int(connection.scalars(sa.select(meta.c.revision)).one())

    def is_current(self) -> bool:
        """Tells whether the catalogue still holds this bundle's codes."""
        with self._reader() as connection:
            return bool(connection.scalars(sa.select(meta.c.bundle_id)).one() == self._bundle_id)

    def damage(self) -> list[str]:
        """Lets the database look for damage of its own.

        Returns:
            One line a finding; none if all is well.
        """
        if self._engine.dialect.name != "sqlite":
            return []
        try:
            with self._reader() as connection:
                return sqlite_damage(connection)
        except CatalogError as error:  # so much of it that the look itself fails
            return [str(error)]

    def copy_to(self, path: Path) -> None:
        """Copies the catalogue as of the last commit while it is in use.

        Args:
            path: The new file; there must be none.

        Raises:
            CatalogError: If it cannot be written, or the database is none that lies in one file.
        """
        if self._engine.dialect.name != "sqlite":
            raise CatalogError(f"{self._where()} does not lie in one file: use the database's own tools to copy it")
        with translated(), self._engine.connect() as connection:
            copy_sqlite(connection, path)

    def close(self) -> None:
        """Closes the database; the catalogue must not be used afterwards."""
        self._engine.dispose()

    @contextmanager
    def _reader(self) -> Iterator[sa.Connection]:
        with translated(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writer(self) -> Iterator[sa.Connection]:
        """Holds the only write transaction; commits at its end, or rolls back if something was raised."""
        with self._writing, translated(), self._engine.execution_options(writes=True).begin() as connection:
            yield connection

    def _open(self) -> None:
        """Makes the tables of a new database and refuses one that is not ours."""
        with self._writer() as connection:
            tables = sa.inspect(connection).get_table_names()
            if not tables:
                TABLES.create_all(connection)
                first = {"id": 1, "schema_version": SCHEMA_VERSION, "revision": 0}
                connection.execute(sa.insert(meta).values(bundle_id=self._bundle_id, n_bits=self._n_bits, **first))
            elif not {"meta", "items"} <= set(tables):
                raise CatalogError(f"{self._where()} is a database, but no catalogue")
            version = readable_version(connection, self._where())
            self._check_bundle(connection)
            upgrade(connection, version)

    def _check_bundle(self, connection: sa.Connection) -> None:
        held = connection.execute(sa.select(meta.c.bundle_id, meta.c.n_bits)).one()
        if (held.bundle_id, held.n_bits) != (self._bundle_id, self._n_bits):
            raise BundleMismatch(
                f"{self._where()} holds codes of bundle {held.bundle_id} ({held.n_bits} bits), but bundle {self._bundle_id} "
                f"({self._n_bits} bits) is served: use another --data-dir, or serve bundle {held.bundle_id}"
            )

    def _count_revision(self, connection: sa.Connection) -> None:
        """Ends a write; refuses it if the catalogue has been given to another bundle, so that its codes meet no others."""
        counted = sa.update(meta).where(meta.c.bundle_id == self._bundle_id).values(revision=meta.c.revision + 1)
        if not connection.execute(counted).rowcount:
            raise Overloaded(_CHANGING)

    def _check_current(self, connection: sa.Connection) -> None:
        """Ends a read of codes; refuses it if they may be another bundle's."""
        if connection.scalars(sa.select(meta.c.bundle_id)).one() != self._bundle_id:
            raise Overloaded(_CHANGING)

    def _where(self) -> str:
        return self._engine.url.render_as_string(hide_password=True)


def identity_of(url: str) -> tuple[str, int]:
    """Reads whose codes a catalogue holds.

    Args:
        url: SQLAlchemy address of a database that is there.

    Returns:
        The bundle's id and the bits of one of its codes.

    Raises:
        CatalogError: If it is no catalogue.
    """
    engine = open_engine(url)
    try:
        with translated(), engine.connect() as connection:
            held = connection.execute(sa.select(meta.c.bundle_id, meta.c.n_bits)).one()
            return str(held.bundle_id), int(held.n_bits)
    finally:
        engine.dispose()
