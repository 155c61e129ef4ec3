"""Older catalogues, brought to the newest schema in the transaction that opens them.

Decides which versions can be read and what each lacked. Does not know whose bundle a catalogue belongs to.
"""

from __future__ import annotations

import sqlalchemy as sa

from app.catalog.rows import text_digest
from app.catalog.sql_payload_filter import add_all_leaves
from app.catalog.sql_tables import (
    SCHEMA_VERSION,
    answers,
    bundles,
    calibrations,
    items,
    job_failures,
    jobs,
    judgements,
    meta,
    other_codes,
)
from model.errors import CatalogError

_BLOCK = 500


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


def _add_digests_and_records(connection: sa.Connection) -> None:
    """Adds the digests of texts, by which equal ones are found, and the tables of answers that are given again and of jobs."""
    for table in (answers, jobs, job_failures):
        table.create(connection)
    connection.execute(sa.text("ALTER TABLE items ADD COLUMN text_sha256 VARCHAR(64)"))
    after = 0
    query = sa.select(items.c.row_id, items.c.text).where(items.c.text.is_not(None)).order_by(items.c.row_id).limit(_BLOCK)
    fill = sa.update(items).where(items.c.row_id == sa.bindparam("at")).values(text_sha256=sa.bindparam("digest"))
    while block := connection.execute(query.where(items.c.row_id > after)).all():
        connection.execute(fill, [{"at": row.row_id, "digest": text_digest(row.text)} for row in block])
        after = block[-1].row_id
    for index in items.indexes:
        if index.columns.keys() == ["text_sha256"]:
            index.create(connection)


def _add_other_codes(connection: sa.Connection) -> None:
    """Adds the tables of codes by other bundles."""
    for table in (other_codes, bundles):
        table.create(connection)


def _add_judgements(connection: sa.Connection) -> None:
    """Adds the tables of judgements and of what was calibrated from them."""
    for table in (judgements, calibrations):
        table.create(connection)


_STEPS = {
    1: add_all_leaves,
    2: _add_digests_and_records,
    3: _add_other_codes,
    4: _add_judgements,
}  # by the version that a step starts from
