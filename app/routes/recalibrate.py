"""``POST`` and ``DELETE /recalibrate``.

Decides how a calibration made of judgements is asked for and taken back over HTTP. Does not know how it is made.
"""

from __future__ import annotations

from fastapi import APIRouter

from app.deps import ServicesDep
from app.errors import problem_responses
from app.feedback_schemas import RecalibrateOut, calibration_out, direction_out
from app.routes.guarded import GuardedRoute, needs
from model.errors import CatalogError, InvalidRequest, Overloaded

router = APIRouter(prefix="/recalibrate", tags=["feedback"], route_class=GuardedRoute)


@router.post(
    "",
    responses=problem_responses(InvalidRequest, CatalogError, Overloaded, statuses=[400, 413]),
    summary="Measure by judgements what distances mean",
)
@needs("admin")
async def recalibrate(services: ServicesDep) -> RecalibrateOut:
    """Makes a calibration of all judgements and the bundle's own one; searches use it from now on. Too few are refused (422)."""
    made = await services.recalibration.refit()
    directions = {"-".join(direction): direction_out(used) for direction, used in made.used.items()}
    return RecalibrateOut(calibration=calibration_out(services.expectations), directions=directions)


@router.delete("", responses=problem_responses(CatalogError, Overloaded), summary="Go back to the bundle's own calibration")
@needs("admin")
async def reset(services: ServicesDep) -> RecalibrateOut:
    """Takes the calibration made of judgements back; the judgements stay."""
    await services.recalibration.reset()
    return RecalibrateOut(calibration=calibration_out(services.expectations), directions={})
