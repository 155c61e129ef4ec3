"""From JSON to a filter's expression.

Decides how filters are spelled, how large they may be, and how a mistake is told: with its place, as in ``filter.and[1].gte``.
What the questions mean stands in ``app.filters``.
"""

from __future__ import annotations

import json
import math
from typing import Any

from app.filters import (
    MAX_CHARS,
    AllOf,
    AnyOf,
    Comparison,
    Exists,
    Expression,
    Not,
    OneOf,
    Scalar,
    Within,
    as_double,
    keys_of,
    path_of,
)
from model.errors import BadFilter

MAX_DEPTH = 8
MAX_CONDITIONS = 50
MAX_VALUES = 500  # with what else a statement needs, below the 999 variables that every SQLite takes
_COMPARISONS: tuple[Comparison, ...] = ("gt", "gte", "lt", "lte")


def read_filter(text: str) -> Expression:
    """Reads a filter from JSON text.

    Args:
        text: What a form carries.

    Returns:
        The expression.

    Raises:
        BadFilter: If it is no JSON or not a filter.
    """
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadFilter("filter: not readable as JSON") from error
    return parse_filter(raw)


def parse_filter(raw: Any) -> Expression:
    """Checks a filter.

    Args:
        raw: A JSON value.

    Returns:
        The expression; equal filters give equal expressions.

    Raises:
        BadFilter: If it is not a filter or a larger one than allowed; the message begins with the place, as in
            ``filter.and[1].gte``.
    """
    return _Parser().expression(raw, "filter", 1)


class _Parser:
    """Checks one filter and counts what is in it."""

    def __init__(self) -> None:
        self._n_conditions = 0
        self._n_values = 0

    def expression(self, raw: Any, place: str, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise BadFilter(f"{place}: filters may be nested {MAX_DEPTH} deep, no deeper")
        if not isinstance(raw, dict):
            raise BadFilter(f"{place}: must be an object")
        if "field" in raw:
            return self._condition(raw, place)
        if len(raw) != 1 or not raw.keys() <= {"and", "or", "not"}:
            raise BadFilter(f'{place}: must have a "field", or one of "and", "or" and "not" and nothing else')
        [(word, inner)] = raw.items()
        place = f"{place}.{word}"
        if word == "not":
            return Not(self.expression(inner, place, depth + 1))
        if not isinstance(inner, list) or not inner:
            raise BadFilter(f"{place}: must be a list of one filter or more")
        parts = tuple(self.expression(part, f"{place}[{at}]", depth + 1) for at, part in enumerate(inner))
        return AllOf(parts) if word == "and" else AnyOf(parts)

    def _condition(self, raw: dict[str, Any], place: str) -> Expression:
        self._n_conditions += 1
        if self._n_conditions > MAX_CONDITIONS:
            raise BadFilter(f"{place}: more than {MAX_CONDITIONS} conditions")
        field, words = _field(raw["field"], f"{place}.field"), raw.keys() - {"field"}
        if words == {"exists"}:
            return self._exists(field, raw["exists"], place)
        if words == {"eq"}:
            return OneOf(field, (self._scalar(raw["eq"], f"{place}.eq"),))
        if words == {"in"}:
            return OneOf(field, self._scalars(raw["in"], f"{place}.in"))
        if words and words <= set(_COMPARISONS):
            return self._within(field, raw, place)
        raise BadFilter(f'{place}: beside "field" stands one of "eq", "in" and "exists", or "gt", "gte", "lt" and "lte" together')

    def _exists(self, field: str, wanted: Any, place: str) -> Expression:
        if not isinstance(wanted, bool):
            raise BadFilter(f"{place}.exists: must be true or false")
        return Exists(field) if wanted else Not(Exists(field))

    def _within(self, field: str, raw: dict[str, Any], place: str) -> Within:
        bounds: list[tuple[Comparison, str | float]] = []
        for word in _COMPARISONS:
            if word in raw:
                bound = self._scalar(raw[word], f"{place}.{word}")
                if bound is None or isinstance(bound, bool):
                    raise BadFilter(f"{place}.{word}: must be a number or a text")
                bounds.append((word, bound))
        if len({type(bound) for _, bound in bounds}) > 1:
            raise BadFilter(f"{place}: the bounds must be all numbers or all texts")
        return Within(field, tuple(bounds))

    def _scalars(self, raw: Any, place: str) -> tuple[Scalar, ...]:
        if not isinstance(raw, list) or not raw:
            raise BadFilter(f"{place}: must be a list of one value or more")
        return tuple(self._scalar(value, f"{place}[{at}]") for at, value in enumerate(raw))

    def _scalar(self, raw: Any, place: str) -> Scalar:
        self._n_values += 1
        if self._n_values > MAX_VALUES:
            raise BadFilter(f"{place}: more than {MAX_VALUES} values in one filter")
        if raw is None or isinstance(raw, bool):
            return raw
        if isinstance(raw, str):
            return _short(raw, place)
        if isinstance(raw, int | float) and not (isinstance(raw, float) and not math.isfinite(raw)):
            return as_double(raw)
        raise BadFilter(f"{place}: must be a text, a finite number, true, false or null")


def _field(raw: Any, place: str) -> str:
    if not isinstance(raw, str):
        raise BadFilter(f"{place}: must be a text")
    try:
        return path_of(keys_of(_short(raw, place)))
    except ValueError as error:
        raise BadFilter(f"{place}: {error}") from error


def _short(text: str, place: str) -> str:
    if len(text) > MAX_CHARS:
        raise BadFilter(f"{place}: more than {MAX_CHARS} characters")
    return text
