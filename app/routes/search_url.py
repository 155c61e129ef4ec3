"""``POST /search/url``: a search by a picture that the service fetches itself.

Decides how such a search is asked over HTTP. Does not know what may be fetched.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from app.deps import ServicesDep
from app.errors import problem_responses
from app.query_schemas import SearchOut, UrlQuery
from app.routes.answers import bounds_of, checked, json_of, search_out
from app.routes.guarded import GuardedRoute, needs
from model.errors import (
    BadFilter,
    BundleMismatch,
    ImageNotFetched,
    ImageTooLarge,
    ImageUrlRefused,
    InvalidRequest,
    Overloaded,
    UndecodableImage,
    UnsupportedMediaType,
)

router = APIRouter(prefix="/search", tags=["search"], route_class=GuardedRoute)


@router.post(
    "/url",
    response_model=SearchOut,
    responses=problem_responses(
        ImageUrlRefused,
        ImageNotFetched,
        UndecodableImage,
        InvalidRequest,
        BadFilter,
        BundleMismatch,
        ImageTooLarge,
        UnsupportedMediaType,
        Overloaded,
        statuses=[400, 413],
    ),
    summary="Find items by the address of a picture",
)
@needs("read")
async def search_url(query: UrlQuery, services: ServicesDep) -> Response:
    """Returns the items nearest to a picture on the web: texts by default, or images. Off unless hosts are allowed by name."""
    bounds = checked(services, bounds_of(query, "text"), "image", ["image"])
    if services.parts.fetcher is None:
        raise ImageUrlRefused("this service fetches no pictures: BITLENS_IMAGE_URL_HOSTS is not set")
    content = await services.parts.fetcher.fetch(query.image_url)
    encoded = await services.encoding.encode_image(content)
    return json_of(await search_out(services, "image", encoded, bounds, content))
