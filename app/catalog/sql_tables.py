"""The tables of the SQL catalogue, and how its database is opened.

Decides the schema and what makes a commit durable. Another database needs its address and its driver; only what hangs on
:func:`open_engine` treats SQLite specially.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError

from model.errors import CatalogError

SCHEMA_VERSION = 5

_BUSY_TIMEOUT_MS = 10_000

TABLES = sa.MetaData()
meta = sa.Table(
    "meta",
    TABLES,
    sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
    sa.Column("schema_version", sa.Integer, nullable=False),
    sa.Column("bundle_id", sa.Text, nullable=False),
    sa.Column("n_bits", sa.Integer, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
)
items = sa.Table(
    "items",
    TABLES,
    sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("item_id", sa.Text, nullable=False, unique=True),
    sa.Column("text", sa.Text),
    sa.Column("text_sha256", sa.String(64), index=True),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("image_sha256", sa.String(64), index=True),
    sa.Column("image_media_type", sa.Text),
    sa.Column("image_width", sa.Integer),
    sa.Column("image_height", sa.Integer),
    sa.Column("text_code", sa.LargeBinary),
    sa.Column("image_code", sa.LargeBinary),
    sqlite_autoincrement=True,  # a row id is never given twice
)
answers = sa.Table(
    "answers",
    TABLES,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("kept_at_s", sa.BigInteger, nullable=False, index=True),
)
jobs = sa.Table(
    "jobs",
    TABLES,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("job_id", sa.String(64), nullable=False, unique=True),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("manifest", sa.Text),
    sa.Column("created_at_s", sa.BigInteger, nullable=False),
    sa.Column("started_at_s", sa.BigInteger),
    sa.Column("ended_at_s", sa.BigInteger),
    sa.Column("manifest_sha256", sa.String(64)),
    sa.Column("n_asked", sa.BigInteger),
    sa.Column("n_added", sa.BigInteger, nullable=False),
    sa.Column("n_replaced", sa.BigInteger, nullable=False),
    sa.Column("n_failed", sa.BigInteger, nullable=False),
    sa.Column("line", sa.BigInteger, nullable=False),
    sa.Column("offset", sa.BigInteger, nullable=False),
    sa.Column("error", sa.Text),
)
job_failures = sa.Table(
    "job_failures",
    TABLES,
    sa.Column("job_id", sa.String(64), primary_key=True),
    sa.Column("line", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("item_id", sa.Text),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
)
other_codes = sa.Table(
    "other_codes",
    TABLES,
    sa.Column("bundle_id", sa.String(64), primary_key=True),
    sa.Column("row_id", sa.ForeignKey(items.c.row_id, ondelete="CASCADE"), primary_key=True, index=True),
    sa.Column("text_code", sa.LargeBinary),
    sa.Column("image_code", sa.LargeBinary),
)
bundles = sa.Table(
    "bundles",
    TABLES,
    sa.Column("bundle_id", sa.String(64), primary_key=True),
    sa.Column("folder", sa.Text, nullable=False),
)
judgements = sa.Table(
    "judgements",
    TABLES,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("bundle_id", sa.String(64), nullable=False),
    sa.Column("query_code", sa.LargeBinary, nullable=False),
    sa.Column("modality", sa.String(8), nullable=False),
    sa.Column("item_id", sa.Text, index=True),  # null once the item is deleted
    sa.Column("row_id", sa.BigInteger, nullable=False),  # of the item as it was judged, which may be gone
    sa.Column("target", sa.String(8), nullable=False),
    sa.Column("distance", sa.Integer, nullable=False),
    sa.Column("relevant", sa.Boolean, nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("judged_at_s", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("bundle_id", "query_code", "modality", "item_id", "target"),
    sa.Index("ix_judgements_direction", "bundle_id", "modality", "target", "relevant"),
    sqlite_autoincrement=True,
)
calibrations = sa.Table(
    "calibrations",
    TABLES,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("bundle_id", sa.String(64), nullable=False, unique=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("kept_at_s", sa.BigInteger, nullable=False),
    sqlite_autoincrement=True,  # a new one has another number
)


@contextmanager
def translated() -> Iterator[None]:
    """Raises what the database raises as CatalogError.

    Yields:
        Nothing.

    Raises:
        CatalogError: If anything in the block failed in the database or on the way to it.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, UnicodeError, OverflowError) as error:
        reason = getattr(error, "orig", None) or error
        raise CatalogError(f"the catalogue's database failed: {reason}") from error


def open_engine(url: str) -> sa.Engine:
    """Returns a pool of connections; nothing is connected yet.

    Args:
        url: SQLAlchemy address.

    Returns:
        The engine.

    Raises:
        CatalogError: If the address cannot be read, its driver is not installed or it is SQLite without a file.
    """
    try:
        engine = sa.create_engine(url, pool_size=8, max_overflow=56)
    except (SQLAlchemyError, ImportError, TypeError) as error:
        raise CatalogError(f"the catalogue's address cannot be used: {error}") from error
    if engine.dialect.name == "sqlite":
        if engine.url.database in (None, "", ":memory:"):
            raise CatalogError("the catalogue needs a database file: one in memory would be another one in each thread")
        sa.event.listen(engine, "connect", _configure_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: DBAPIConnection, _record: object) -> None:
    """Makes commits durable, lets readers read during a write, and leaves BEGIN to :func:`_begin_sqlite`."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for setting in (f"busy_timeout = {_BUSY_TIMEOUT_MS}", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    """A writer takes the write lock at once: a reader that wants it later could only fail."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


def sqlite_damage(connection: sa.Connection) -> list[str]:
    """Runs SQLite's own checks.

    Args:
        connection: To an SQLite database.

    Returns:
        One line a finding.
    """
    found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
    strays = [f"row {row[1]} of {row[0]} refers to nothing" for row in connection.exec_driver_sql("PRAGMA foreign_key_check")]
    return [line for line in found if line != "ok"] + strays


def copy_sqlite(connection: sa.Connection, path: Path) -> None:
    """Copies an SQLite database while it is in use, by SQLite's online backup.

    Args:
        connection: To the database.
        path: The new file.
    """
    source = connection.connection.driver_connection
    with translated(), closing(sqlite3.connect(path)) as target:
        source.backup(target)  # type: ignore[union-attr]
