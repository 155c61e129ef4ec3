"""Items with the same picture or the same text, found by digest.

Decides how few rows are read for that: names are looked up only where there are several items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from app.cache.base import Modality
from app.catalog.base import Upserted
from app.catalog.rows import Row
from app.catalog.sql_tables import items
from app.records import N_NAMED, Alike

_BLOCK = 500
_DIGEST: dict[Modality, sa.Column[Any]] = {"image": items.c.image_sha256, "text": items.c.text_sha256}


def with_alike(connection: sa.Connection, rows: Sequence[Row], written: Sequence[Upserted]) -> list[Upserted]:
    """Completes the answers to written items with the ids of other items that have the same picture or text.

    Args:
        connection: In the transaction that wrote them.
        rows: What was written.
        written: One answer a row.

    Returns:
        The answers.
    """
    same_image = _names(connection, "image", {row["image_sha256"] for row in rows})
    same_text = _names(connection, "text", {row["text_sha256"] for row in rows})
    return [
        replace(answer, same_image=_others(row, same_image, "image"), same_text=_others(row, same_text, "text"))
        for row, answer in zip(rows, written, strict=True)
    ]


def alike_groups(connection: sa.Connection, modality: Modality, after: str, limit: int) -> list[Alike]:
    """Lists the pictures or texts that several items have.

    Args:
        connection: In a transaction.
        modality: Which of the two.
        after: Only digests above this one.
        limit: At most so many.

    Returns:
        Groups, by ascending digest.
    """
    digest = _DIGEST[modality]
    several = sa.select(digest, sa.func.count()).group_by(digest).having(sa.func.count() > 1).order_by(digest).limit(limit)
    found = connection.execute(several.where(digest > after)).all()
    return [Alike(sha256, n_items, _named(connection, modality, sha256, N_NAMED)) for sha256, n_items in found]


def _names(connection: sa.Connection, modality: Modality, digests: set[str | None]) -> dict[str, tuple[str, ...]]:
    """Returns the first items of each digest that several have."""
    digest, wanted = _DIGEST[modality], sorted(one for one in digests if one is not None)
    several = sa.select(digest).group_by(digest).having(sa.func.count() > 1)
    blocks = (wanted[start : start + _BLOCK] for start in range(0, len(wanted), _BLOCK))
    found = [one for block in blocks for one in connection.scalars(several.where(digest.in_(block)))]
    return {one: _named(connection, modality, one, N_NAMED + 1) for one in found}


def _named(connection: sa.Connection, modality: Modality, sha256: str, limit: int) -> tuple[str, ...]:
    query = sa.select(items.c.item_id).where(_DIGEST[modality] == sha256).order_by(items.c.row_id).limit(limit)
    return tuple(connection.scalars(query))


def _others(row: Row, names: dict[str, tuple[str, ...]], modality: Modality) -> tuple[str, ...]:
    found = names.get(row[f"{modality}_sha256"], ())
    return tuple(item_id for item_id in found if item_id != row["item_id"])[:N_NAMED]
