"""``POST /search/id``, ``/search/code`` and ``/search/mix``.

Decides how these searches are asked over HTTP. Does not know how codes are made or compared.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from app import examples
from app.deps import ServicesDep
from app.encoder import Encoded
from app.errors import problem_responses
from app.form_schemas import body_of
from app.query_schemas import CodeQuery, IdQuery, MixQuery, SearchOut
from app.routes.answers import bounds_of, by_code, by_id, checked, json_of, search_out
from app.routes.bodies import read_body
from app.routes.guarded import GuardedRoute, needs
from app.thing_schemas import read_as
from app.things import raw_of
from model.codes import pack_codes, sign_codes
from model.errors import (
    BadFilter,
    BundleMismatch,
    EmptyText,
    ImageTooLarge,
    InvalidRequest,
    Overloaded,
    UndecodableImage,
    UnknownItem,
    UnsupportedMediaType,
)

router = APIRouter(prefix="/search", tags=["search"], route_class=GuardedRoute)


@router.post(
    "/id",
    response_model=SearchOut,
    responses=problem_responses(InvalidRequest, BadFilter, UnknownItem, BundleMismatch, Overloaded, statuses=[400, 413]),
    summary="Find items like one that is indexed",
)
@needs("read")
async def search_id(query: IdQuery, services: ServicesDep) -> Response:
    """Returns the items nearest to an item's image or text, itself left out: by default those of the same modality."""
    return json_of(await by_id(services, query))


@router.post(
    "/code",
    response_model=SearchOut,
    responses=problem_responses(InvalidRequest, BadFilter, BundleMismatch, Overloaded, statuses=[400, 413]),
    summary="Find items by a packed code",
)
@needs("read")
async def search_code(query: CodeQuery, services: ServicesDep) -> Response:
    """Returns the items nearest to a code in hex or base64: images by default, or texts."""
    return json_of(await by_code(services, query))


@router.post(
    "/mix",
    response_model=SearchOut,
    openapi_extra=body_of(MixQuery, examples.MIX_QUERY),
    responses=problem_responses(
        EmptyText,
        UndecodableImage,
        InvalidRequest,
        BadFilter,
        UnknownItem,
        BundleMismatch,
        ImageTooLarge,
        UnsupportedMediaType,
        Overloaded,
        statuses=[400, 413],
    ),
    summary="Find items by a weighted mix",
)
@needs("read")
async def search_mix(request: Request, services: ServicesDep) -> Response:
    """Returns the items nearest to a weighted mix of texts, pictures, items and codes: images by default, or texts.

    Each part is brought to unit length, weighed and added up before codes are cut to their signs. Of items and codes only the
    signs are known.
    """
    raw, files = await read_body(request, services)
    query = read_as(MixQuery, raw)
    bounds = checked(services, bounds_of(query, "image"), query.modality, raw_of(query.parts))
    mixed, familiarity = await services.things.mix(query.parts, files)
    encoded = Encoded(pack_codes(sign_codes(mixed[None, :]))[0].tobytes(), cached=False, familiarity=familiarity)
    return json_of(await search_out(services, query.modality, encoded, bounds, mixed))
