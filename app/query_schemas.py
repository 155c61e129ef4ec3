"""The shapes of searches and their answers, with examples for OpenAPI.

Decides field names and which values are well-formed. Does not know limits that are settings, nor what becomes of a value; a filter
is passed on as it came, to be read by ``app.filter_reading``.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app import examples
from app.cache.base import Modality
from app.filter_schemas import FilterIn


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [value]})


class Strict(BaseModel):
    """What a client sends: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BoundsIn(Strict):
    """Which hits are wanted."""

    k: int = Field(10, ge=1, description="At most so many hits.", strict=True)
    max_distance: int | None = Field(None, ge=0, description="Inclusive radius in bits; null for no bound.", strict=True)
    target: Modality | None = Field(None, description="What the hits are compared by; null for what the search says.")
    filter: FilterIn = None
    dedupe: bool = Field(False, description="Of items with equal codes give only the oldest.", strict=True)
    cursor: str | None = Field(None, description="`next_cursor` of the page before; all else but k stays the same.", max_length=100)


class TextQuery(BoundsIn):
    """A search by text."""

    model_config = _example(examples.TEXT_QUERY)

    query: str = Field(description="What is looked for, in words.")


class HitOut(BaseModel):
    """One item found."""

    id: str
    distance: int = Field(description="Differing bits, 0 to n_bits.")
    target: Modality
    text: str | None
    payload: dict[str, Any]
    image_url: str | None


class QueryOut(BaseModel):
    """How the query was understood."""

    modality: Modality | None = Field(description="What the code was made from; null for a code and for a mix.")
    code: str = Field(description="The query's packed code in hex.")
    bundle_id: str
    cached: bool = Field(description="Whether the code was found in the cache.")


class SearchOut(BaseModel):
    """Hits in the order of (distance, age)."""

    model_config = _example(examples.SEARCH_OUT)

    hits: list[HitOut]
    next_cursor: str | None = Field(description="Leads to the next page; null exactly if there is nothing more.")
    query: QueryOut
