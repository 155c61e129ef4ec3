"""A payload as a set of leaves, which a database can hold in a table and look up.

Decides under which path a value is found and how values compare: texts as their UTF-8, whose order is that of code points in every
database; numbers as doubles. Does not know filters' parts, nor SQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from app.filters import MAX_CHARS, Scalar, as_double, path_of

Kind: TypeAlias = Literal["text", "number", "bool", "null", "list", "object"]


class Leaf(NamedTuple):
    """A value somewhere in a payload.

    Attributes:
        path: UTF-8 of the field, see :func:`app.filters.path_of`; elements of a list have the list's.
        kind: What the value is; a list or an object is there for being there.
        text: UTF-8 of a text's beginning, one character more than any text of a filter has; empty for other kinds.
        number: A number, or 0 and 1 for false and true; None for other kinds.
    """

    path: bytes
    kind: Kind
    text: bytes = b""
    number: float | None = None


def leaves_of(payload: Mapping[str, Any]) -> set[Leaf]:
    """Returns what filters can find in a payload.

    Args:
        payload: A JSON object.

    Returns:
        Its values; those whose path is longer than any field of a filter are left out.
    """
    leaves: set[Leaf] = set()
    waiting: list[tuple[str, Any]] = list(_members("", payload))
    while waiting:
        path, value = waiting.pop()
        if len(path) > MAX_CHARS:
            continue
        leaves.add(leaf_of(path, value))
        if isinstance(value, list):
            waiting += [(path, element) for element in value]
        elif isinstance(value, dict):
            waiting += _members(f"{path}.", value)
    return leaves


def leaf_of(path: str, value: Scalar | list[Any] | dict[str, Any]) -> Leaf:
    """Returns the leaf of one value.

    Args:
        path: Where it is.
        value: Any JSON value.

    Returns:
        Its leaf.
    """
    at = utf8(path)
    if value is None:
        return Leaf(at, "null")
    if isinstance(value, bool):
        return Leaf(at, "bool", number=float(value))
    if isinstance(value, str):
        return Leaf(at, "text", utf8(value[: MAX_CHARS + 1]))
    if isinstance(value, list | dict):
        return Leaf(at, "list" if isinstance(value, list) else "object")
    return Leaf(at, "number", number=as_double(value))


def utf8(text: str) -> bytes:
    """Returns a text as the database compares it; half a surrogate pair, which JSON can smuggle in, has a form as well.

    Args:
        text: Any.

    Returns:
        Its UTF-8.
    """
    return text.encode("utf-8", "surrogatepass")


def _members(prefix: str, value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((prefix + path_of([key]), member) for key, member in value.items())
