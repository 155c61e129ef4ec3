"""``GET /stats``, ``GET /stats/codes`` and ``GET /stats/calibration``.

Decides which figures are worth telling. Does not know how the parts come by them.
"""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Request

from app.calibration_schemas import CalibrationStatsOut, calibration_stats_out
from app.code_stats_schemas import CodeStatsOut
from app.deps import ServicesDep
from app.errors import problem_responses
from app.feedback_schemas import calibration_out
from app.gathering import gather
from app.routes.code_answers import code_stats_out, drift_out, familiarity_out
from app.routes.guarded import GuardedRoute, needs
from app.stats_schemas import IndexStats, JudgementStats, PoolStats, StatsOut
from model.errors import Overloaded

router = APIRouter(tags=["health"], route_class=GuardedRoute)


@router.get("/stats", summary="What the service holds and how busy it is")
@needs("read")
async def stats(request: Request, services: ServicesDep) -> StatsOut:
    """Counts items and codes, and looks at the cache and the queues."""
    figures = await gather(services)
    return StatsOut(
        version=request.app.version,
        uptime_s=figures.uptime_s,
        bundle_id=services.parts.bundle_id,
        n_bits=services.parts.n_bits,
        n_items=figures.n_items,
        index={modality: IndexStats(**asdict(size)) for modality, size in figures.indexes.items()},
        judgements=None
        if figures.tallies is None
        else {"-".join(direction): JudgementStats(**tally._asdict()) for direction, tally in figures.tallies.items()},
        calibration=calibration_out(services.expectations),
        snapshot_age_s=figures.snapshot_age_s,
        cache="ok" if figures.cache_is_up else "degraded",
        cache_lookups=services.meters.lookups(),
        pools=[PoolStats(**asdict(pool)) for pool in figures.pools],
        drift=drift_out(figures.drift),
        familiarity=familiarity_out(figures.familiarity),
    )


@router.get("/stats/codes", responses=problem_responses(Overloaded), summary="Whether the indexed codes use their bits")
@needs("read")
async def code_stats(services: ServicesDep) -> CodeStatsOut:
    """Measures random codes of the index: balance, entropy, correlation, collisions, distances, the modality gap; with alarms."""
    report = await services.code_reports.latest()
    return code_stats_out(report, services.parts.bundle_id, services.parts.n_bits)


@router.get("/stats/calibration", summary="What distances mean")
@needs("read")
async def calibration_stats(services: ServicesDep) -> CalibrationStatsOut:
    """Tells the served calibration: how probably a hit is relevant, by distance and direction, and what that was measured on."""
    return calibration_stats_out(services.expectations, services.parts.n_bits)
