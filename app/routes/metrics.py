"""``GET /metrics``.

Decides nothing but the address: the figures are those of ``app.metrics``.
"""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app.deps import ServicesDep
from app.gathering import gather
from app.routes.guarded import GuardedRoute, needs

router = APIRouter(tags=["health"], route_class=GuardedRoute)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"description": "Prometheus' text format.", "content": {"text/plain": {}}}},
    summary="Figures for Prometheus",
)
@needs("read")
async def metrics(services: ServicesDep) -> Response:
    """Writes everything that is counted and timed."""
    return Response(services.meters.render(await gather(services)), headers={"Content-Type": CONTENT_TYPE_LATEST})
