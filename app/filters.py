r"""What can be asked about an item's payload: immutable expressions, and how fields and numbers are written in them.

Decides what each question means:

- ``{"field": "a.b", "eq": 5}``, ``{"field": "tag", "in": ["x", "y"]}``, ``{"field": "a", "exists": true}`` and
  ``{"field": "n", "gte": 1, "lt": 5}`` ask about a field, ``{"and": […]}``, ``{"or": […]}`` and ``{"not": …}`` combine.
- A field is a path of keys; a dot or backslash within a key is written ``\.`` or ``\\``. Lists are looked through: a field has
  all values of the list, and a question holds if it holds for one of them (a range with both its ends for the same one).
- Texts are compared exactly and ordered by code points, numbers as IEEE doubles; ``true``, ``1`` and ``"1"`` are three values.
- A field exists if it is there at all, with null or an empty list as well. ``not`` holds wherever its part does not.

Does not know how filters are read from JSON (``app.filter_reading``) or evaluated (``app.catalog``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Scalar: TypeAlias = str | float | bool | None
Comparison: TypeAlias = Literal["gt", "gte", "lt", "lte"]

MAX_CHARS = 256  # of a field, and of a text that is compared


@dataclass(frozen=True, slots=True)
class OneOf:
    """The field has one of the values; numbers are doubles."""

    field: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Within:
    """The field has a value that keeps all bounds, which are all texts or all doubles."""

    field: str
    bounds: tuple[tuple[Comparison, str | float], ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """The field is there."""

    field: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Some part holds."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Expression


Expression: TypeAlias = OneOf | Within | Exists | AllOf | AnyOf | Not


def path_of(keys: Sequence[str]) -> str:
    """Writes keys as a path, which no other keys have.

    Args:
        keys: From the outermost inwards.

    Returns:
        The keys with dots between them, and a backslash before each dot and backslash within them.
    """
    return ".".join(key.replace("\\", "\\\\").replace(".", "\\.") for key in keys)


def keys_of(path: str) -> tuple[str, ...]:
    """Undoes :func:`path_of`.

    Args:
        path: Keys with dots between them.

    Returns:
        The keys, one at least.

    Raises:
        ValueError: If a backslash stands before anything but a dot or a backslash.
    """
    keys, at = [""], 0
    while at < len(path):
        if path[at] == "\\" and path[at + 1 : at + 2] not in {".", "\\"}:
            raise ValueError("a backslash may only stand before a dot or a backslash")
        if path[at] == ".":
            keys.append("")
        else:
            at += path[at] == "\\"
            keys[-1] += path[at]
        at += 1
    return tuple(keys)


def as_double(number: float) -> float:
    """Returns a JSON number as filters compare it.

    Args:
        number: Whole or not, of any size.

    Returns:
        The nearest double; infinite if it is beyond all of them.
    """
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
