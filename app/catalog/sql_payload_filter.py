"""Payload filters in SQL: the table of leaves, how it is filled, and what an expression becomes.

Decides the index that answers filters: one, ordered by path, kind and value, with the row behind them, so that no condition reads
an item. Leaves go with their item (``ON DELETE CASCADE``). Does not know how filters are read.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Sequence

import sqlalchemy as sa

from app.catalog.leaves import leaf_of, leaves_of, utf8
from app.catalog.sql_tables import TABLES, items
from app.filters import AllOf, AnyOf, Exists, Expression, Not, OneOf, Within, as_double
from model.errors import CatalogError

_BLOCK = 500
_COMPARE = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}

leaves = sa.Table(
    "payload_leaves",
    TABLES,
    sa.Column("row_id", sa.ForeignKey(items.c.row_id, ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("path", sa.LargeBinary, nullable=False),
    sa.Column("kind", sa.String(6), nullable=False),
    sa.Column("text", sa.LargeBinary, nullable=False),
    sa.Column("number", sa.Double),
    sa.Index("ix_payload_leaves_value", "path", "kind", "text", "number", "row_id"),
)


def add_leaves(connection: sa.Connection, payloads: Sequence[tuple[int, str]]) -> None:
    """Writes down what filters can find in the payloads of new items.

    Args:
        connection: In the transaction that writes the items.
        payloads: Row id and JSON of each item.

    Raises:
        CatalogError: If a payload is no JSON object: the database was damaged or written by someone else.
    """
    rows = [{"row_id": row_id, **leaf._asdict()} for row_id, payload in payloads for leaf in leaves_of(_read(row_id, payload))]
    if rows:
        connection.execute(sa.insert(leaves), rows)


def add_all_leaves(connection: sa.Connection) -> None:
    """Makes the table in a catalogue of before there were filters, and fills it.

    Args:
        connection: In a transaction.

    Raises:
        CatalogError: If a payload is no JSON object.
    """
    leaves.create(connection)
    after = 0
    query = sa.select(items.c.row_id, items.c.payload).order_by(items.c.row_id).limit(_BLOCK)
    while block := connection.execute(query.where(items.c.row_id > after)).all():
        add_leaves(connection, [(row.row_id, row.payload) for row in block])
        after = block[-1].row_id


def rows_matching(expression: Expression) -> sa.Select[tuple[int]]:
    """Returns the query for the rows whose payload matches.

    Args:
        expression: The filter.

    Returns:
        A query for row ids, ascending.
    """
    return sa.select(items.c.row_id).where(_condition(expression)).order_by(items.c.row_id)


def _condition(expression: Expression) -> sa.ColumnElement[bool]:
    if isinstance(expression, AllOf):
        return sa.and_(*map(_condition, expression.parts))
    if isinstance(expression, AnyOf):
        return sa.or_(*map(_condition, expression.parts))
    if isinstance(expression, Not):
        return sa.not_(_condition(expression.part))
    return items.c.row_id.in_(sa.select(leaves.c.row_id).where(leaves.c.path == utf8(expression.field), _value(expression)))


def _value(condition: OneOf | Within | Exists) -> sa.ColumnElement[bool]:
    if isinstance(condition, OneOf):
        return _one_of(condition)
    if isinstance(condition, Within):
        return _within(condition)
    return sa.true()


def _one_of(condition: OneOf) -> sa.ColumnElement[bool]:
    """Puts values of one kind into one list, so that each costs one variable."""
    wanted = [leaf_of("", value) for value in condition.values]
    texts = [leaf.text for leaf in wanted if leaf.kind == "text"]
    ways = [leaves.c.kind == "null"] if any(leaf.kind == "null" for leaf in wanted) else []
    if texts:
        ways.append((leaves.c.kind == "text") & leaves.c.text.in_(texts))
    for kind in ("number", "bool"):
        numbers = [leaf.number for leaf in wanted if leaf.kind == kind]
        if numbers:
            ways.append((leaves.c.kind == kind) & (leaves.c.text == b"") & leaves.c.number.in_(numbers))
    return sa.or_(*ways)


def _within(condition: Within) -> sa.ColumnElement[bool]:
    of_text = isinstance(condition.bounds[0][1], str)
    place = leaves.c.kind == "text" if of_text else (leaves.c.kind == "number") & (leaves.c.text == b"")
    bounds = [
        _COMPARE[word](leaves.c.text, utf8(bound)) if isinstance(bound, str) else _COMPARE[word](leaves.c.number, as_double(bound))
        for word, bound in condition.bounds
    ]
    return sa.and_(place, *bounds)


def _read(row_id: int, payload: str) -> dict[str, object]:
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise CatalogError(f"the payload of row {row_id} is damaged: {error}") from error
    if not isinstance(value, dict):
        raise CatalogError(f"the payload of row {row_id} is damaged: it is no JSON object")
    return value
