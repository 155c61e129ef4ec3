"""The shapes of lists of items, of deletions and of duplicates, with examples for OpenAPI.

Decides field names and which values are well-formed. Does not know what becomes of a value.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from app import item_examples as examples
from app.cache.base import Modality
from app.filter_schemas import FilterIn
from app.schemas import ItemId, ItemOut
from app.thing_schemas import Strict, example

MAX_IDS = 10_000
MAX_LOOKUP = 1_000


class CountIn(Strict):
    """Which items are counted."""

    model_config = example(examples.COUNT_IN)

    filter: FilterIn = None


class ListIn(Strict):
    """Which items are listed."""

    model_config = example(examples.LIST_IN)

    filter: FilterIn = None
    limit: int = Field(100, ge=1, le=1_000, description="At most so many on a page.", strict=True)
    cursor: str | None = Field(
        None, description="`next_cursor` of the page before; all else but limit stays the same.", max_length=100
    )


class LookupIn(Strict):
    """Which items are looked up."""

    model_config = example(examples.LOOKUP_IN)

    ids: Annotated[list[ItemId], Field(min_length=1, max_length=MAX_LOOKUP)]


class LookupOut(BaseModel):
    """Items in the order of the ids; null for one that is not there."""

    model_config = example(examples.LOOKUP_OUT)

    items: list[ItemOut | None]


class DeleteIn(Strict):
    """Which items are deleted: those with these ids, or those that match a filter."""

    model_config = example(examples.DELETE_IN)

    ids: Annotated[list[ItemId], Field(max_length=MAX_IDS)] | None = Field(None, description="Items by id.")
    filter: FilterIn = None

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if (self.ids is None) == (self.filter is None):
            raise ValueError("exactly one of ids and filter must be given")
        return self


class DeleteResult(BaseModel):
    """What became of one item."""

    id: str
    status: Literal["deleted", "unknown"]


class DeleteOut(BaseModel):
    """What became of a deletion."""

    model_config = example(examples.DELETE_OUT)

    results: list[DeleteResult] | None = Field(None, description="Item by item in the order sent, if ids were sent.")
    n_deleted: int
    n_unknown: int


class PageOut(BaseModel):
    """Items in the order in which they were added or last replaced."""

    model_config = example(examples.PAGE_OUT)

    items: list[ItemOut]
    next_cursor: str | None = Field(description="For the next page; null if this is the last one.")


class CountOut(BaseModel):
    """How many items there are."""

    model_config = example(examples.COUNT_OUT)

    n_items: int


class AlikeOut(BaseModel):
    """Items that have the same picture, or the same text."""

    sha256: str = Field(description="Hex digest of the picture's bytes, or of the text's UTF-8.")
    n_items: int = Field(description="How many they are.")
    ids: list[str] = Field(description="The first of them, oldest first.")


class DuplicatesOut(BaseModel):
    """Groups of items that are alike, by digest."""

    model_config = example(examples.DUPLICATES_OUT)

    modality: Modality
    groups: list[AlikeOut]
    next_cursor: str | None = Field(description="For the next page; null if this is the last one.")
