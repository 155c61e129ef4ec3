"""Older catalogues, brought to the newest schema in the transaction that opens them.

Decides which versions can be read and what each lacked. Does not know whose bundle a catalogue belongs to.
"""

from __future__ import annotations

import sqlalchemy as sa

from app.catalog.sql_payload_filter import add_all_leaves
from app.catalog.sql_tables import SCHEMA_VERSION, meta
from model.errors import CatalogError

_STEPS = {1: add_all_leaves}  # by the version that a step starts from


def readable_version(connection: sa.Connection, where: str) -> int:
    """Returns the schema version of a catalogue.

    Args:
        connection: In a transaction.
        where: The catalogue's address.

    Returns:
        A version that :func:`upgrade` takes.

    Raises:
        CatalogError: If it is none of those.
    """
    version = int(connection.scalars(sa.select(meta.c.schema_version)).one())
    if not 1 <= version <= SCHEMA_VERSION:
        raise CatalogError(f"{where} has schema version {version}; this version of Bitlens reads those up to {SCHEMA_VERSION}")
    return version


def upgrade(connection: sa.Connection, version: int) -> None:
    """Brings the tables to the newest schema; nothing is done if they are.

    Args:
        connection: In a transaction.
        version: What :func:`readable_version` returned.

    Raises:
        CatalogError: If what is stored is damaged.
    """
    for step in range(version, SCHEMA_VERSION):
        _STEPS[step](connection)
        connection.execute(sa.update(meta).values(schema_version=step + 1))
