"""From an older catalogue's tables to today's, one step a schema version, inside the transaction that opens it.

Decides the order of steps: step ``n`` leads from version ``n`` to ``n + 1``; one that has been shipped is never changed. A new
database gets today's tables at once.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from app.catalog.sql_tables import meta

MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = ()
SCHEMA_VERSION = 1 + len(MIGRATIONS)


def migrate(connection: sa.Connection, version: int) -> None:
    """Brings an older database up to date.

    Args:
        connection: In a write transaction.
        version: The schema version that the database has.
    """
    for step in MIGRATIONS[version - 1 :]:
        step(connection)
    connection.execute(sa.update(meta).values(schema_version=SCHEMA_VERSION))
