"""``GET /stats``.

Decides which figures are worth telling. Does not know how the parts come by them.
"""

from __future__ import annotations

import time

from fastapi import APIRouter, Request

from app.deps import ServicesDep
from app.errors import problem_responses
from app.routes.guarded import GuardedRoute, needs
from app.schemas import IndexStats, StatsOut
from model.errors import CatalogError, Overloaded

router = APIRouter(tags=["health"], route_class=GuardedRoute)


@router.get("/stats", responses=problem_responses(Overloaded, CatalogError), summary="What the service holds")
@needs("read")
async def stats(request: Request, services: ServicesDep) -> StatsOut:
    """Counts items and codes."""
    parts = services.parts
    n_codes = {modality: len(index) for modality, index in parts.indexes.items()}
    return StatsOut(
        version=request.app.version,
        uptime_s=time.monotonic() - services.started_s,
        bundle_id=parts.bundle_id,
        n_bits=parts.n_bits,
        n_items=await services.read_pool.run(parts.catalog.count),
        index={modality: IndexStats(n_codes=n, n_bytes=n * parts.n_bits // 8) for modality, n in n_codes.items()},
        cache="ok" if await parts.cache.is_available() else "degraded",
    )
