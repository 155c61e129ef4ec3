"""``POST /search/text`` and ``POST /search/image``.

Decides how a search is asked over HTTP. Does not know how codes are made or compared.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Response, UploadFile

from app.cache.base import Modality
from app.deps import Services, ServicesDep
from app.errors import problem_responses
from app.explanation_schemas import EXPLAIN
from app.filter_reading import read_filter
from app.query_schemas import MIN_FAMILIARITY, MIN_PRECISION, SearchOut, TextQuery, plain_text_query
from app.retrieval import SearchBounds
from app.routes.answers import bounds_of, by_text, checked, json_of, search_out
from app.routes.guarded import GuardedRoute, needs
from app.shortcut import ShortWay
from model.errors import (
    BadFilter,
    BundleMismatch,
    EmptyText,
    ImageTooLarge,
    InvalidRequest,
    Overloaded,
    UndecodableImage,
    UnsupportedMediaType,
)

_SHORT = 512  # bytes of a search that is remembered as it was read
router = APIRouter(prefix="/search", tags=["search"], route_class=GuardedRoute)


async def _form_bounds(
    *,
    k: Annotated[int, Form(description="At most so many hits.")] = 10,
    max_distance: Annotated[int | None, Form(description="Inclusive radius in bits.")] = None,
    min_precision: Annotated[float | None, Form(description=MIN_PRECISION, ge=0, le=1)] = None,
    min_familiarity: Annotated[float | None, Form(description=MIN_FAMILIARITY, ge=0, le=1)] = None,
    target: Annotated[Modality, Form(description="What the hits are compared by.")] = "text",
    payload_filter: Annotated[str | None, Form(alias="filter", description="A payload filter as JSON.")] = None,
    dedupe: Annotated[bool, Form(description="Of items with equal codes give only the oldest.")] = False,
    cursor: Annotated[str | None, Form(description="`next_cursor` of the page before.", max_length=100)] = None,
    explain: Annotated[bool, Form(description=EXPLAIN)] = False,
) -> SearchBounds:
    expression = None if payload_filter is None else read_filter(payload_filter)
    bounds = SearchBounds(target, k, max_distance, expression, dedupe, cursor, min_precision=min_precision, explain=explain)
    return replace(bounds, min_familiarity=min_familiarity)


@router.post(
    "/text",
    response_model=SearchOut,
    responses=problem_responses(EmptyText, InvalidRequest, BadFilter, BundleMismatch, Overloaded, statuses=[400, 413]),
    summary="Find items by words",
)
@needs("read")
async def search_text(query: TextQuery, services: ServicesDep) -> Response:
    """Returns the items nearest to a text: images by default, or texts."""
    return json_of(await by_text(services, query))


@router.post(
    "/image",
    response_model=SearchOut,
    responses=problem_responses(
        UndecodableImage,
        InvalidRequest,
        BadFilter,
        BundleMismatch,
        ImageTooLarge,
        UnsupportedMediaType,
        Overloaded,
        statuses=[400, 413],
    ),
    summary="Find items by a picture",
)
@needs("read")
async def search_image(
    services: ServicesDep,
    image: Annotated[UploadFile, File(description="JPEG, PNG, WebP, GIF or BMP.")],
    bounds: Annotated[SearchBounds, Depends(_form_bounds)],
) -> Response:
    """Returns the items nearest to a picture: texts by default, or images."""
    bounds = checked(services, bounds, "image", ["image"])
    content = await image.read()
    encoded = await services.encoding.encode_image(content)
    return json_of(await search_out(services, "image", encoded, bounds, content))


async def _quick_text(body: bytes, services: Services) -> bytes | None:
    asked = _asked_often(body) if len(body) <= _SHORT else _asked(body)
    if asked is None:
        return None
    text, bounds = asked
    bounds = checked(services, bounds, "text", ["text"])
    return await search_out(services, "text", await services.encoding.encode_text(text), bounds)


def _asked(body: bytes) -> tuple[str, SearchBounds] | None:
    query = plain_text_query(body)
    return None if query is None else (query.query, bounds_of(query, "image"))


_asked_often = lru_cache(1024)(_asked)


def short_ways() -> dict[str, ShortWay]:
    """Returns the short ways of POST requests, by path; what they answer is what the routes of these paths answer."""
    ours = {route.path: route for route in router.routes if isinstance(route, GuardedRoute)}
    return {path: ShortWay(ours[path], "read", _quick_text) for path in ("/search/text",)}
