"""The shapes of searches and their answers, with examples for OpenAPI.

Decides field names and which values are well-formed. Does not know limits that are settings, nor what becomes of a value; a filter
is passed on as it came, to be read by ``app.filter_reading``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, SkipValidation, ValidationError

from app import examples
from app.cache.base import Modality
from app.explanation_schemas import EXPLAIN, HitExplanation, QueryExplanation
from app.filter_schemas import FilterIn, as_it_is
from app.schemas import ItemId
from app.thing_schemas import FAMILIARITY, CodeText, FailedOut, MixPart, Strict, example, read_as
from model.errors import InvalidRequest

MAX_PARTS = 16
MAX_QUERIES = 100
MIN_FAMILIARITY = (
    "How familiar the query must be to be answered; 0 for no bound, null for what the service's settings say. Refused where it was "
    "not measured, and above 0 for items and codes."
)
MIN_PRECISION = "Least expected precision of a hit; null for no bound. Refused where it was not measured what distances mean."


class BoundsIn(Strict):
    """Which hits are wanted."""

    k: int = Field(10, ge=1, description="At most so many hits.", strict=True)
    max_distance: int | None = Field(None, ge=0, description="Inclusive radius in bits; null for no bound.", strict=True)
    min_precision: float | None = Field(None, ge=0, le=1, description=MIN_PRECISION, strict=True)
    min_familiarity: float | None = Field(None, ge=0, le=1, description=MIN_FAMILIARITY, strict=True)
    target: Modality | None = Field(None, description="What the hits are compared by; null for what the search says.")
    filter: FilterIn = None
    dedupe: bool = Field(False, description="Of items with equal codes give only the oldest.", strict=True)
    cursor: str | None = Field(
        None, description="`next_cursor` of the page before; all else but k and explain stays the same.", max_length=100
    )
    explain: bool = Field(False, description=EXPLAIN, strict=True)


class TextQuery(BoundsIn):
    """A search by text."""

    model_config = example(examples.TEXT_QUERY)

    query: str = Field(description="What is looked for, in words.")


class IdQuery(BoundsIn):
    """A search for items like one that is indexed."""

    model_config = example(examples.ID_QUERY)

    id: ItemId = Field(description="The item; it is no hit itself.")
    by: Modality | None = Field(None, description="Its image's or its text's code; by default the image's, if it has one.")


class CodeQuery(BoundsIn):
    """A search by a packed code."""

    model_config = example(examples.CODE_QUERY)

    code: CodeText
    modality: Modality | None = Field(None, description="What it was made from; without it no precision can be expected.")
    bundle_id: str | None = Field(None, description="The bundle it was made with; another one than is served is a conflict.")


class UrlQuery(BoundsIn):
    """A search by a picture that the service fetches."""

    model_config = example(examples.URL_QUERY)

    image_url: str = Field(
        description="An https address on a host that the service's settings name.", min_length=1, max_length=2_048
    )


class MixQuery(BoundsIn):
    """A search by a weighted mix, taken before codes are cut to their signs; each part is brought to unit length first."""

    model_config = example(examples.MIX_QUERY)

    parts: list[MixPart] = Field(min_length=1, max_length=MAX_PARTS)
    modality: Modality | None = Field(
        None, description="What the mix counts as where a precision is expected; mixes are not measured."
    )


class ManyQueries(Strict):
    """Searches in one call, each a search by text, id or code."""

    model_config = example(examples.MANY_QUERIES)

    queries: list[Annotated[SkipValidation[TextQuery | IdQuery | CodeQuery], PlainSerializer(as_it_is)]] = Field(
        min_length=1, max_length=MAX_QUERIES
    )


class HitOut(BaseModel):
    """One item found."""

    id: str
    distance: int = Field(description="Differing bits, 0 to n_bits.")
    expected_precision: float | None = Field(
        description="Measured probability that an item at this distance is relevant; null where it was not measured."
    )
    precision_interval: list[float] | None = Field(
        description="Lower and upper end of its 95 % interval.", min_length=2, max_length=2
    )
    target: Modality
    text: str | None
    payload: dict[str, Any]
    image_url: str | None
    explanation: HitExplanation | None = Field(None, description="Only there with `explain`.")


class QueryOut(BaseModel):
    """How the query was understood."""

    modality: Modality | None = Field(description="What the code was made from; of a code and of a mix what the query said.")
    code: str = Field(description="The query's packed code in hex.")
    bundle_id: str
    cached: bool = Field(description="Whether the code was found in the cache.")
    familiarity: float | None = Field(description=FAMILIARITY)
    explanation: QueryExplanation | None = Field(None, description="Only there with `explain`.")


class SearchOut(BaseModel):
    """Hits in the order of (distance, age)."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SEARCH_OUT, examples.EXPLAINED_OUT]})

    hits: list[HitOut]
    next_cursor: str | None = Field(description="Leads to the next page; null exactly if there is nothing more.")
    no_match: bool = Field(
        description="Whether there is no good answer: nothing within the bounds comes up to `min_precision`, or the query is less "
        "familiar than `min_familiarity`."
    )
    no_match_reason: Literal["too_far", "unfamiliar"] | None = Field(
        description="Which of both: the nearest items are too far away, or nothing was looked for. Null if there is a match."
    )
    query: QueryOut


class ManyOut(BaseModel):
    """Answers in the order of the queries."""

    model_config = example(examples.MANY_OUT)

    results: list[SearchOut | FailedOut]
    n_failed: int


def read_query(raw: Any) -> TextQuery | IdQuery | CodeQuery:
    """Checks one of many queries.

    Args:
        raw: Any JSON value.

    Returns:
        A search by whatever is there of text, id and code.

    Raises:
        InvalidRequest: If it is not well-formed.
    """
    kinds: dict[str, type[TextQuery | IdQuery | CodeQuery]] = {"query": TextQuery, "id": IdQuery, "code": CodeQuery}
    named = [name for name in kinds if isinstance(raw, dict) and name in raw]
    if len(named) != 1:
        raise InvalidRequest('a query must be an object with one of "query", "id" and "code"')
    return read_as(kinds[named[0]], raw)


def plain_text_query(body: bytes) -> TextQuery | None:
    """Reads a search by text in one step; stricter than the framework, never more lenient.

    Args:
        body: JSON.

    Returns:
        The query; None if it is not well-formed UTF-8 JSON of one, or has a filter or wants explanations.
    """
    try:
        query = TextQuery.model_validate_json(body)
    except ValidationError:
        return None
    return query if query.filter is None and not query.explain else None
