"""``GET /livez`` and ``GET /readyz``.

Decides what counts as ready: a cache that is down does not count against it. Does not know how the parts work.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from app.deps import Services, ServicesDep
from app.routes.guarded import GuardedRoute, needs
from app.schemas import Checks, Live, Ready
from model.errors import CatalogError

router = APIRouter(tags=["health"], route_class=GuardedRoute)


@router.get("/livez", summary="Whether the process answers")
@needs("nothing")
async def livez() -> Live:
    """Answers without looking at anything."""
    return Live()


@router.get(
    "/readyz",
    response_model=Ready,
    responses={503: {"model": Ready, "description": "Not ready, or too busy to tell."}},
    summary="Whether requests can be served",
)
@needs("nothing")
async def readyz(services: ServicesDep) -> Response:
    """Looks at the catalogue, the index and the cache; a cache that is down is reported and does no harm."""
    ready = await _look(services)
    return Response(ready.model_dump_json(), 200 if ready.status == "ready" else 503, media_type="application/json")


async def _look(services: Services) -> Ready:
    cache_is_up = await services.parts.cache.is_available()
    try:
        n_items, agrees = await services.writer_pool.run(services.writer.state)
        catalogue_is_up = True
    except CatalogError:
        n_items, agrees, catalogue_is_up = 0, False, False
    checks = Checks(
        bundle="ok",
        catalogue="ok" if catalogue_is_up else "unavailable",
        index="ok" if agrees else "differs",
        cache="ok" if cache_is_up else "degraded",
    )
    return Ready(
        status="ready" if agrees else "not_ready",
        checks=checks,
        bundle_id=services.parts.bundle_id,
        n_bits=services.parts.n_bits,
        n_items=n_items,
    )
