"""``GET /index``, ``/index/count``, ``/index/duplicates``, ``POST /index/list``, ``/index/lookup``, ``/index/delete``: many items.

Decides how they are listed, counted and deleted over HTTP. An item that has one of these names as its id is addressed with a
percent-encoded character, such as ``/index/%64elete``.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import islice
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Query, Response

from app.cache.base import Modality
from app.catalog.base import Item
from app.cursor import Cursor, read_cursor, write_cursor
from app.deps import IdempotencyDep, Services, ServicesDep
from app.errors import problem_responses
from app.filter_reading import parse_filter
from app.filters import Expression
from app.idempotency import Answer, Keep
from app.item_schemas import (
    AlikeOut,
    CountIn,
    CountOut,
    DeleteIn,
    DeleteOut,
    DeleteResult,
    DuplicatesOut,
    ListIn,
    LookupIn,
    LookupOut,
    PageOut,
)
from app.routes.guarded import GuardedRoute, needs
from app.routes.item_answers import item_out, once
from model.errors import (
    BadFilter,
    BundleMismatch,
    CatalogError,
    IdempotencyKeyReused,
    InvalidRequest,
    Overloaded,
    RequestInProgress,
)

router = APIRouter(prefix="/index", tags=["items"], route_class=GuardedRoute)

_LISTING = "GET /index"
_Limit: TypeAlias = Annotated[int, Query(ge=1, le=1_000, description="At most so many on a page.")]
_Cursor: TypeAlias = Annotated[str | None, Query(description="`next_cursor` of the page before.", max_length=100)]
_After: TypeAlias = Annotated[str | None, Query(description="`next_cursor` of the page before.", pattern="^[0-9a-f]{64}$")]


@router.get(
    "",
    response_model=PageOut,
    responses=problem_responses(InvalidRequest, BundleMismatch, CatalogError, Overloaded),
    summary="List items",
)
@needs("read")
async def list_items(services: ServicesDep, limit: _Limit = 100, cursor: _Cursor = None) -> Response:
    """Lists all items in the order of their writing; one that is added or replaced meanwhile comes at the end."""
    return await _listed(services, None, limit, cursor)


@router.post(
    "/list",
    response_model=PageOut,
    responses=problem_responses(InvalidRequest, BadFilter, BundleMismatch, CatalogError, Overloaded, statuses=[400, 413]),
    summary="List items that match a filter",
)
@needs("read")
async def list_matching(asked: ListIn, services: ServicesDep) -> Response:
    """Lists the items whose payload matches in the order of their writing, all of them without a filter."""
    return await _listed(services, None if asked.filter is None else parse_filter(asked.filter), asked.limit, asked.cursor)


@router.post(
    "/lookup",
    response_model=LookupOut,
    responses=problem_responses(InvalidRequest, CatalogError, Overloaded, statuses=[400, 413]),
    summary="Items by id",
)
@needs("read")
async def look_up(asked: LookupIn, services: ServicesDep) -> Response:
    """Returns items with their codes, null for ids that are not there: what a client needs to send only what is new."""
    found = await services.read_pool.run(services.parts.catalog.get_many, asked.ids)
    bundle_id = services.parts.bundle_id
    answer = LookupOut(items=[None if item is None else item_out(item, bundle_id) for item in found])
    return Response(answer.model_dump_json(), media_type="application/json")


@router.get("/count", responses=problem_responses(CatalogError, Overloaded), summary="Count items")
@needs("read")
async def count_items(services: ServicesDep) -> CountOut:
    """Counts all items."""
    return CountOut(n_items=await services.read_pool.run(services.parts.catalog.count))


@router.post(
    "/count",
    responses=problem_responses(InvalidRequest, BadFilter, CatalogError, Overloaded, statuses=[400, 413]),
    summary="Count items that match a filter",
)
@needs("read")
async def count_matching(asked: CountIn, services: ServicesDep) -> CountOut:
    """Counts the items whose payload matches, all of them without a filter."""
    if asked.filter is None:
        return await count_items(services)
    return CountOut(n_items=len(await services.read_pool.run(services.parts.catalog.matching, parse_filter(asked.filter))))


@router.get(
    "/duplicates",
    responses=problem_responses(InvalidRequest, CatalogError, Overloaded),
    summary="List items that have the same picture or the same text",
)
@needs("read")
async def list_duplicates(
    services: ServicesDep, modality: Modality = "image", limit: _Limit = 100, cursor: _After = None
) -> DuplicatesOut:
    """Lists groups of items whose pictures are the same byte by byte, or whose texts are the same letter by letter."""
    found = await services.read_pool.run(services.parts.catalog.alike, modality, cursor or "", limit + 1)
    groups = [AlikeOut(sha256=one.sha256, n_items=one.n_items, ids=list(one.item_ids)) for one in found[:limit]]
    return DuplicatesOut(modality=modality, groups=groups, next_cursor=groups[-1].sha256 if found[limit:] else None)


@router.post(
    "/delete",
    response_model=DeleteOut,
    responses=problem_responses(
        InvalidRequest, BadFilter, IdempotencyKeyReused, RequestInProgress, CatalogError, Overloaded, statuses=[400, 413]
    ),
    summary="Delete items by id or by a filter",
)
@needs("write")
async def delete_items(asked: DeleteIn, services: ServicesDep, key: IdempotencyDep) -> Response:
    """Deletes items by id in one transaction, or those whose payload matches a filter."""
    expression = None if asked.filter is None else parse_filter(asked.filter)

    async def work(keep: Keep) -> Answer:
        if expression is not None:
            return _deleted_matching([await services.deleting.matching(expression, keep(_deleted_matching))])
        ids = asked.ids or []

        def word(deleted: list[Item | None]) -> Answer:
            return _deleted(ids, deleted)

        return word(await services.deleting.some(ids, keep(word)))

    return await once(services, key, asked.model_dump(), work)


async def _listed(services: Services, expression: Expression | None, limit: int, cursor: str | None) -> Response:
    bundle_id, listing = services.parts.bundle_id, _LISTING if expression is None else f"{_LISTING} {expression!r}"
    after = 0 if cursor is None else read_cursor(cursor, bundle_id=bundle_id, search=listing).row_id
    found, last = await services.read_pool.run(_page, services, expression, after, limit)
    more = None if last is None else write_cursor(Cursor(0, last, 0), bundle_id=bundle_id, search=listing)
    page = PageOut(items=[item_out(item, bundle_id) for item in found], next_cursor=more)
    return Response(page.model_dump_json(), media_type="application/json")


def _page(services: Services, expression: Expression | None, after: int, limit: int) -> tuple[list[Item], int | None]:
    """Reads a page; returns its last row as well if there are further ones."""
    catalog = services.parts.catalog
    if expression is None:
        items = list(islice(catalog.scan(after), limit + 1))
        return items[:limit], items[limit - 1].row_id if items[limit:] else None
    rows = catalog.matching(expression)
    rows = rows[bisect_right(rows, after) :][: limit + 1]
    found = [item for item in catalog.get_rows(rows[:limit]) if item is not None]  # one may have gone since
    return found, rows[limit - 1] if rows[limit:] else None


def _deleted(ids: list[str], deleted: list[Item | None]) -> Answer:
    results = [
        DeleteResult(id=item_id, status="unknown" if item is None else "deleted")
        for item_id, item in zip(ids, deleted, strict=True)
    ]
    n_unknown = sum(item is None for item in deleted)
    return Answer(200, DeleteOut(results=results, n_deleted=len(deleted) - n_unknown, n_unknown=n_unknown).model_dump_json())


def _deleted_matching(deleted: list[int]) -> Answer:
    return Answer(200, DeleteOut(results=None, n_deleted=deleted[0], n_unknown=0).model_dump_json(exclude={"results"}))
