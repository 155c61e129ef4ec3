"""``POST /search/text`` and ``POST /search/image``.

Decides how a search is asked and answered over HTTP. Does not know how codes are made or compared.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, Response, UploadFile

from app.cache.base import Modality
from app.deps import Services, ServicesDep, image_url
from app.encoding import Encoded
from app.errors import problem_responses
from app.retrieval import FoundItem, SearchBounds
from app.routes.guarded import GuardedRoute, needs
from app.schemas import HitOut, QueryOut, SearchOut, TextQuery
from model.errors import EmptyText, ImageTooLarge, InvalidRequest, Overloaded, UndecodableImage, UnsupportedMediaType

router = APIRouter(prefix="/search", tags=["search"], route_class=GuardedRoute)


@router.post(
    "/text",
    response_model=SearchOut,
    responses=problem_responses(EmptyText, InvalidRequest, Overloaded, statuses=[400, 413]),
    summary="Find items by words",
)
@needs("read")
async def search_text(query: TextQuery, services: ServicesDep) -> Response:
    """Returns the items nearest to a text: images by default, or texts."""
    bounds = SearchBounds(query.target or "image", query.k, query.max_distance)
    services.retrieval.check(bounds)
    encoded = await services.encoding.encode_text(query.query)
    return await _answer(services, "text", encoded, bounds)


@router.post(
    "/image",
    response_model=SearchOut,
    responses=problem_responses(
        UndecodableImage, InvalidRequest, ImageTooLarge, UnsupportedMediaType, Overloaded, statuses=[400, 413]
    ),
    summary="Find items by a picture",
)
@needs("read")
async def search_image(
    services: ServicesDep,
    image: Annotated[UploadFile, File(description="JPEG, PNG, WebP, GIF or BMP.")],
    k: Annotated[int, Form(description="At most so many hits.")] = 10,
    max_distance: Annotated[int | None, Form(description="Inclusive radius in bits.")] = None,
    target: Annotated[Modality, Form(description="What the hits are compared by.")] = "text",
) -> Response:
    """Returns the items nearest to a picture: texts by default, or images."""
    bounds = SearchBounds(target, k, max_distance)
    services.retrieval.check(bounds)
    encoded = await services.encoding.encode_image(await image.read())
    return await _answer(services, "image", encoded, bounds)


async def _answer(services: Services, modality: Modality, encoded: Encoded, bounds: SearchBounds) -> Response:
    found = await services.retrieval.search(encoded.code, bounds)
    query = QueryOut(modality=modality, code=encoded.code.hex(), bundle_id=services.parts.bundle_id, cached=encoded.cached)
    answer = SearchOut(hits=[_hit(one, bounds.target) for one in found], query=query)
    return Response(answer.model_dump_json(), media_type="application/json")


def _hit(found: FoundItem, target: Modality) -> HitOut:
    item = found.item
    return HitOut(
        id=item.item_id,
        distance=found.distance,
        target=target,
        text=item.text,
        payload=item.payload,
        image_url=image_url(item.item_id) if item.image else None,
    )
