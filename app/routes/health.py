"""``GET /livez`` and ``GET /readyz``.

Decides what counts as ready. A cache that is down or a disk that is full does not count against it: searches are answered all the
same, and a full disk refuses writes one by one. Nor does a change to another bundle: the old one searches until the new one does.
Does not know how the parts work.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from fastapi import APIRouter, Response

from app.deps import Services, ServicesDep
from app.feedback_schemas import calibration_out
from app.routes.guarded import GuardedRoute, needs
from app.schemas import Checks, Live, Ready
from model.errors import CatalogError

_NEEDED = {"catalogue", "index", "service", "background"}
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
    """Looks at everything that answers depend on; a cache that is down or a full disk is reported and keeps nothing back."""
    ready = await _look(services)
    return Response(ready.model_dump_json(), 200 if ready.status == "ready" else 503, media_type="application/json")


async def _look(services: Services) -> Ready:
    cache_is_up = await services.parts.cache.is_available()
    try:
        n_items, agrees = await services.writer_pool.run(services.writer.state)
        is_current = await services.read_pool.run(services.parts.catalog.is_current)
        catalogue_is_up = True
    except CatalogError:
        n_items, agrees, is_current, catalogue_is_up = 0, False, True, False
    disk_is_full = await asyncio.to_thread(_is_full, services.settings.data_dir, services.settings.min_free_bytes)
    checks = Checks(
        bundle="ok" if is_current else "changing",
        catalogue="ok" if catalogue_is_up else "unavailable",
        index="ok" if agrees else "differs",
        cache="ok" if cache_is_up else "degraded",
        disk="full" if disk_is_full else "ok",
        service="stopping" if services.life.is_stopping else "ok",
        background="ok" if services.life.is_whole else "ended",
    )
    missing = [name for name, found in checks if name in _NEEDED and found != "ok"]
    return Ready(
        status="not_ready" if missing else "ready",
        checks=checks,
        missing=missing,
        bundle_id=services.parts.bundle_id,
        n_bits=services.parts.n_bits,
        n_items=n_items,
        calibrated=services.expectations.calibration is not None,
        calibration=calibration_out(services.expectations),
    )


def _is_full(folder: Path, min_free_bytes: int) -> bool:
    try:
        return shutil.disk_usage(folder).free < min_free_bytes
    except OSError:
        return True
