"""The spelling of payload filters for readers of the OpenAPI document.

Decides nothing: filters are read by ``app.filter_reading``, which says where a mistake is.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, RootModel, SkipValidation

from app.filter_reading import MAX_VALUES
from app.filters import MAX_CHARS

_Field: TypeAlias = Annotated[
    str, Field(max_length=MAX_CHARS, description="Keys with dots between them; a key's own dot is `\\.`.")
]
_Text: TypeAlias = Annotated[str, Field(max_length=MAX_CHARS)]
_Value: TypeAlias = _Text | float | bool | None


class _Described(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Equals(_Described):
    """The field has the value; a list has all values that are in it."""

    field: _Field
    eq: _Value


class In(_Described):
    """The field has one of the values."""

    field: _Field
    values: list[_Value] = Field(alias="in", min_length=1, max_length=MAX_VALUES)


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]


_Bound: TypeAlias = Annotated[float | _Text, Field(default=0, json_schema_extra=_without_default)]


class Range(_Described):
    """The field has a number, or a text, within the bounds; at least one is given, all of the same kind."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 2})

    field: _Field
    gt: _Bound
    gte: _Bound
    lt: _Bound
    lte: _Bound


class Exists(_Described):
    """The field is there, or is not."""

    field: _Field
    exists: bool


class And(_Described):
    """Every filter holds."""

    filters: list[Filter] = Field(alias="and", min_length=1)


class Or(_Described):
    """Some filter holds."""

    filters: list[Filter] = Field(alias="or", min_length=1)


class Not(_Described):
    """The filter does not hold."""

    filter: Filter = Field(alias="not")


class Filter(RootModel[Equals | In | Range | Exists | And | Or | Not]):
    """A question about an item's payload."""


def as_it_is(value: Any) -> Any:
    """Returns what was passed on unchecked, for writing it as it is."""
    return value


FilterIn: TypeAlias = Annotated[
    SkipValidation[Filter | None], PlainSerializer(as_it_is), Field(description="Only items whose payload matches.")
]
