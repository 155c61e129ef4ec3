"""``POST /index`` and everything under ``/index/{id}``.

Decides how items are sent and given back over HTTP. Does not know how they are encoded or stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import FormData, UploadFile

from app import examples
from app.catalog.base import Item
from app.deps import IdempotencyDep, ItemIdDep, Services, ServicesDep
from app.errors import problem_of, problem_responses
from app.idempotency import Answer, Keep
from app.indexing import Outcome
from app.routes.guarded import GuardedRoute, needs
from app.routes.item_answers import item_out, once
from app.schemas import IndexOut, ItemError, ItemIn, ItemOut, ItemResult, read_items
from model.errors import (
    CatalogError,
    IdempotencyKeyReused,
    InvalidRequest,
    Overloaded,
    RequestInProgress,
    UnknownItem,
    UnsupportedMediaType,
)

router = APIRouter(prefix="/index", tags=["items"], route_class=GuardedRoute)

_Version = Annotated[str | None, Query(description="The picture's sha256: the answer may then be kept for ever.")]

_ITEMS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["items"],
    "additionalProperties": False,
    "properties": {"items": {"type": "array", "items": ItemIn.model_json_schema()}},
}
_FORM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["items"],
    "properties": {"items": {"type": "string", "description": "The list of items as JSON; `image` names a file part."}},
    "additionalProperties": {"type": "string", "format": "binary"},
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _ITEMS_SCHEMA, "example": examples.INDEX_IN},
            "multipart/form-data": {"schema": _FORM_SCHEMA, "example": examples.INDEX_FORM},
        },
    }
}


@router.post(
    "",
    response_model=IndexOut,
    openapi_extra=_BODY,
    responses=problem_responses(
        InvalidRequest,
        UnsupportedMediaType,
        IdempotencyKeyReused,
        RequestInProgress,
        Overloaded,
        CatalogError,
        statuses=[400, 413],
    ),
    summary="Add or replace items",
)
@needs("write")
async def index_items(request: Request, services: ServicesDep, key: IdempotencyDep) -> Response:
    """Adds items, or replaces those whose id is taken; what is not failed is on disk when this answers. A bad item fails alone."""
    raw_items, files = await _read(request, services)

    async def work(keep: Keep) -> Answer:
        return _indexed(await services.indexing.index(raw_items, files, keep(_indexed)))

    return await once(services, key, raw_items, work, files)


@router.get(
    "/{item_id:path}/image",
    response_class=Response,
    responses={
        200: {"description": "The picture as it was sent.", "content": {"image/*": {}}},
        304: {"description": "The client's copy is current."},
        **problem_responses(UnknownItem),
    },
    summary="The picture of an item",
)
@needs("read")
async def get_image(item_id: ItemIdDep, request: Request, services: ServicesDep, v: _Version = None) -> Response:
    """Returns the picture. An item's picture can change, so the answer is to be revalidated, unless `v` pins it."""
    image = (await _item(services, item_id)).image
    if image is None:
        raise UnknownItem(f"the item {item_id!r} has no image")
    who = "public" if request.app.state.gate.is_open else "private"  # what needs a key is not for caches that many share
    lifetime = f"{who}, max-age=31536000, immutable" if v == image.sha256 else "no-cache"
    headers = {"ETag": f'"{image.sha256}"', "Cache-Control": lifetime}
    if _is_current(request.headers.get("if-none-match", ""), image.sha256):
        return Response(status_code=304, headers=headers)
    content = await services.read_pool.run(services.parts.media.read, image.sha256)
    return Response(content, media_type=image.media_type, headers=headers)


@router.get("/{item_id:path}", response_model=ItemOut, responses=problem_responses(UnknownItem), summary="An item")
@needs("read")
async def get_item(item_id: ItemIdDep, services: ServicesDep) -> Response:
    """Returns an item with its codes."""
    item = await _item(services, item_id)
    return Response(item_out(item, services.parts.bundle_id).model_dump_json(), media_type="application/json")


@router.delete(
    "/{item_id:path}",
    status_code=204,
    response_class=Response,
    responses=problem_responses(UnknownItem, InvalidRequest, IdempotencyKeyReused, RequestInProgress, CatalogError, Overloaded),
    summary="Delete an item",
)
@needs("write")
async def delete_item(item_id: ItemIdDep, services: ServicesDep, key: IdempotencyDep) -> Response:
    """Deletes an item, its codes, and its picture if no other item has the same."""

    async def work(keep: Keep) -> Answer:
        return _deleted(item_id, await services.deleting.some([item_id], keep(lambda deleted: _deleted(item_id, deleted))))

    return await once(services, key, None, work)


async def _read(request: Request, services: Services) -> tuple[list[Any], Mapping[str, bytes]]:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json":
        return read_items(await request.body()), {}
    if media_type != "multipart/form-data":
        raise UnsupportedMediaType("send application/json or multipart/form-data")
    settings = services.settings
    limits = {"max_files": settings.max_batch_items + 1, "max_fields": 8}
    async with request.form(**limits, max_part_size=settings.max_request_bytes) as form:
        return await _read_form(form)


async def _read_form(form: FormData) -> tuple[list[Any], Mapping[str, bytes]]:
    names = [name for name, _ in form.multi_items()]
    if names.count("items") != 1:
        raise InvalidRequest('the request needs exactly one part "items"')
    if len(names) != len(set(names)):
        raise InvalidRequest("each file part needs a name of its own")
    contents = {name: await part.read() for name, part in form.multi_items() if isinstance(part, UploadFile)}
    listed = form["items"]
    return read_items(listed if isinstance(listed, str) else contents.pop("items")), contents


async def _item(services: Services, item_id: str) -> Item:
    item = (await services.read_pool.run(services.parts.catalog.get_many, [item_id]))[0]
    if item is None:
        raise UnknownItem(f"there is no item {item_id!r}")
    return item


def _is_current(if_none_match: str, sha256: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or f'"{sha256}"' in tags


def _deleted(item_id: str, deleted: list[Item | None]) -> Answer:
    if deleted == [None]:
        raise UnknownItem(f"there is no item {item_id!r}")
    return Answer(204, "")


def _indexed(outcomes: list[Outcome]) -> Answer:
    results = [_item_result(one) for one in outcomes]
    counts = {status: sum(one.status == status for one in outcomes) for status in ("added", "replaced", "failed")}
    answer = IndexOut(results=results, n_added=counts["added"], n_replaced=counts["replaced"], n_failed=counts["failed"])
    return Answer(200, answer.model_dump_json(exclude_unset=True))


def _item_result(outcome: Outcome) -> ItemResult:
    more: dict[str, Any] = {"same_image": list(outcome.same_image), "same_text": list(outcome.same_text)}
    more = {name: ids for name, ids in more.items() if ids}
    if outcome.error is not None:
        more["error"] = ItemError(**problem_of(outcome.error))
    return ItemResult(id=outcome.item_id, status=outcome.status, **more)
