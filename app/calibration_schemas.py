"""The shape of ``GET /stats/calibration``, with an example for OpenAPI.

Decides field names. Does not know how calibrations are measured (``model.calibration_fit``).
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from app.expectations import Expectations
from app.feedback_schemas import calibration_out
from app.schemas import ServedCalibration
from app.thing_schemas import example
from model.calibration import Kind

_CURVE: dict[str, Any] = {
    "base_rate": 0.31,
    "n_pairs": 8_028_000,
    "expected_precision": [0.98, 0.91, 0.8, 0.62, 0.41, 0.3, 0.2, 0.12, 0.1],
    "low": [0.95, 0.88, 0.77, 0.58, 0.37, 0.26, 0.16, 0.09, 0.04],
    "high": [1.0, 0.94, 0.83, 0.66, 0.45, 0.34, 0.25, 0.16, 0.19],
}
_CALIBRATION: dict[str, Any] = {
    "served": {"source": "bundle", "made_at": None},
    "kind": "labels",
    "n_bits": 8,
    "measured_on": {"data": "photos", "queries": "gallery", "n_queries": 2000, "n_items": 4015},
    "curves": {"text-image": _CURVE},
}


class CurveOut(BaseModel):
    """What was measured of one kind of query and one kind of item; lists are by distance, 0 to `n_bits`."""

    base_rate: float = Field(description="Share of relevant items that the probabilities hold for.")
    n_pairs: int = Field(description="Query–item pairs that were looked at.")
    expected_precision: list[float] = Field(description="Probability that a hit at this distance is relevant.")
    low: list[float] = Field(description="Lower ends of the 95 % intervals.")
    high: list[float] = Field(description="Upper ends.")


class CalibrationStatsOut(BaseModel):
    """What the served bundle's distances mean."""

    model_config = example(_CALIBRATION)

    served: ServedCalibration | None = Field(description="Null if nobody has measured it; then there are no curves.")
    kind: Kind | None = Field(description="What counted as relevant.")
    n_bits: int
    measured_on: dict[str, Any] = Field(description="Facts of the measurement: data, queries, items, whose labels.")
    curves: dict[str, CurveOut] = Field(description="By query and hit, as in `text-image`; those that were measured.")


def calibration_stats_out(expectations: Expectations, n_bits: int) -> CalibrationStatsOut:
    """Describes the calibration that is served.

    Args:
        expectations: What searches promise.
        n_bits: Bits of one code.

    Returns:
        The answer.
    """
    held = expectations.calibration
    curves = {
        "-".join(pair): CurveOut(
            base_rate=curve.base_rate,
            n_pairs=sum(curve.n_pairs),
            expected_precision=list(curve.value),
            low=list(curve.low),
            high=list(curve.high),
        )
        for pair, curve in (held.curves if held else {}).items()
    }
    return CalibrationStatsOut(
        served=calibration_out(expectations),
        kind=held.kind if held else None,
        n_bits=n_bits,
        measured_on=held.measured_on if held else {},
        curves=curves,
    )
