"""The shape of ``GET /stats``.

Decides field names. Does not know where the figures come from.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app import examples
from app.cache.base import Modality
from app.code_stats_schemas import Direction, DriftOut
from app.meters import Outcome
from app.schemas import ServedCalibration


class IndexStats(BaseModel):
    """One modality's index."""

    n_codes: int
    n_bytes: int = Field(description="Memory of codes, row ids and tables.")
    engine: str = Field(description="What searches now: faiss_flat or scan compare all codes, multi looks them up.")
    n_different: int | None = Field(description="Different codes; null where they are not counted.")
    n_tail: int = Field(description="Newer codes, which are scanned beside the table until they are merged into it.")
    n_removed: int = Field(description="Removed codes that still take their place until the next merge.")


class PoolStats(BaseModel):
    """One kind of blocking work."""

    name: str
    n_waiting: int
    n_running: int
    n_refused: int = Field(description="Refused since the start, because too many waited.")


class JudgementStats(BaseModel):
    """Judgements of hits of one kind, asked for by one kind."""

    n: int
    n_relevant: int = Field(description="Those that say relevant.")


class FamiliarityStats(BaseModel):
    """How familiar the searches by texts, or by pictures, were; first pages, since the service was put together."""

    n: int = Field(description="Searches whose familiarity is known.")
    mean: float | None = Field(description="Its mean; about ½ of queries like those of the calibration. Null without a search.")
    unfamiliar_below: float = Field(description="What passes for unfamiliar.")
    n_unfamiliar: int
    n_abstained: int = Field(description="Not answered, as less familiar than `min_familiarity`.")


class StatsOut(BaseModel):
    """What the service holds, right now, and how busy it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.STATS]})

    version: str
    uptime_s: float = Field(description="Seconds since the service was put together.")
    bundle_id: str
    n_bits: int
    n_items: int | None = Field(description="Null if the catalogue cannot tell right now.")
    index: dict[Modality, IndexStats]
    judgements: dict[str, JudgementStats] | None = Field(
        description="Of the served bundle, by query and hit, as in `text-image`; null if the catalogue cannot tell right now."
    )
    calibration: ServedCalibration | None = Field(description="Which calibration is served; null if there is none.")
    snapshot_age_s: float | None = Field(description="Null if there is no snapshot of the index.")
    cache: Literal["ok", "degraded"]
    cache_lookups: dict[Outcome, int] = Field(description="Keys that the cache was asked for; unavailable: during an outage.")
    pools: list[PoolStats]
    drift: dict[Direction, DriftOut] = Field(description="By direction, those that the bundle was calibrated for; none without.")
    familiarity: dict[Modality, FamiliarityStats] = Field(
        description="By what was asked with, as far as the bundle's calibration knows what is familiar."
    )
