"""The shapes of ``GET /stats/codes`` and of the drift in ``GET /stats``, with examples for OpenAPI.

Decides field names. Does not know how codes are measured (``model.code_health``, ``model.drift``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from app import examples
from app.cache.base import Modality
from app.thing_schemas import example

Sides = Literal["image-image", "text-text", "image-text"]
Direction = Literal["image-text", "text-image", "image-image", "text-text"]
"""What asks, and what is found."""
_HEALTH: dict[str, Any] = {
    "n_informative": 6,
    "n_constant": 1,
    "n_copies": 1,
    "balance": [0.51, 0.47, 0.02, 0.5, 0.5, 0.62, 0.44, 0.5],
    "entropy": 0.88,
    "correlation": 0.21,
    "largest_correlation": 0.99,
    "effective_bits": 4.2,
    "n_distinct": 101,
    "share_equal": 0.99,
    "collision": 0.02,
    "bucket_sizes": [20, 30, 30, 15, 4, 2],
    "largest_buckets": [{"code": "5f", "n_codes": 120, "share": 0.063}],
}
_DISTANCES: dict[str, Any] = {
    "n_pairs": 200000,
    "mean": 3.7,
    "by_distance": [9000, 12000, 25000, 42000, 50000, 38000, 17000, 6000, 1000],
}
CODE_STATS: dict[str, Any] = {
    "measured_at": "2026-01-31T12:00:00Z",
    "age_s": 12.5,
    "bundle_id": examples.BUNDLE_ID,
    "n_bits": 8,
    "codes": {
        "image": {"n_indexed": 1903, "n_sampled": 1903, "health": _HEALTH},
        "text": {"n_indexed": 0, "n_sampled": 0, "health": None},
    },
    "modality_gap": None,
    "distances": {
        "image-image": _DISTANCES,
        "text-text": {"n_pairs": 0, "mean": None, "by_distance": [0] * 9},
        "image-text": {"n_pairs": 0, "mean": None, "by_distance": [0] * 9},
    },
    "alarms": ["images: 6 of 8 bits carry information (1 hardly ever change, 1 repeat another one)"],
}


class Bucket(BaseModel):
    """Codes that are equal."""

    code: str = Field(description="Packed code in hex; `POST /search/code` with `max_distance` 0 finds the items.")
    n_codes: int = Field(description="How many of the sampled codes are this one.", ge=1)
    share: float = Field(description="What part of the sampled codes that is.")


class HealthOut(BaseModel):
    """What the sampled codes of one modality do with their bits."""

    n_informative: int = Field(description="Bits that are neither nearly constant nor copies.", ge=0)
    n_constant: int = Field(description="Bits that hardly ever change: their entropy is below one half.", ge=0)
    n_copies: int = Field(description="Other bits that repeat an earlier one: |correlation| above 0.95.", ge=0)
    balance: list[float] = Field(description="Share of codes with the bit set, by bit; one half is best.")
    entropy: float = Field(description="Mean entropy of a bit; 1 is best.")
    correlation: float = Field(description="Mean |correlation| of two bits that are not constant; 0 is best.")
    largest_correlation: float = Field(description="The largest of them.", ge=0)
    effective_bits: float = Field(description="So many independent bits tell as much (participation ratio).", ge=0)
    n_distinct: int = Field(description="Different codes.", ge=1)
    share_equal: float = Field(description="Share of codes that another code equals.")
    collision: float = Field(description="Probability that two codes drawn at random are equal.")
    bucket_sizes: list[int] = Field(description="Groups of 1, 2–3, 4–7, 8–15, … equal codes.")
    largest_buckets: list[Bucket] = Field(description="The largest groups of equal codes, at most five.", max_length=5)


class ModalityCodes(BaseModel):
    """The codes of one modality: n sampled of n."""

    n_indexed: int = Field(description="Codes in the index when they were looked at.", ge=0)
    n_sampled: int = Field(description="Codes that were looked at, drawn at random; all, if the index is small.", ge=0)
    health: HealthOut | None = Field(description="Null if there are none.")


class DistancesOut(BaseModel):
    """Pairs of two different sampled codes, drawn at random; all of them, if they are few."""

    n_pairs: int = Field(ge=0)
    mean: float | None = Field(description="Mean distance in bits; null without a pair.")
    by_distance: list[int] = Field(description="Pairs by distance, 0 to `n_bits`.")


class CodeStatsOut(BaseModel):
    """How healthy the codes of the index are.

    Measured anew when a tenth of the index has changed, or any of it and a minute has passed.
    """

    model_config = example(CODE_STATS)

    measured_at: datetime = Field(description="When the codes were drawn.")
    age_s: float = Field(description="Seconds since then.", ge=0)
    bundle_id: str
    n_bits: int
    codes: dict[Modality, ModalityCodes]
    modality_gap: float | None = Field(
        description="Distance of the mean image code and the mean text code on the unit sphere, 0 to 2; null unless there are both."
    )
    distances: dict[Sides, DistancesOut] = Field(description="Within and across modalities.")
    alarms: list[str] = Field(description="What is wrong, in sentences; nothing is said of fewer than 100 codes.")


class DriftOut(BaseModel):
    """Distances of new queries to random items, compared with those of the calibration, in one direction."""

    n_pairs: int = Field(description="Queries looked at, the newest ones, each with one random item.", ge=0)
    n_needed: int = Field(description="Below so many nothing is said.")
    total_variation: float | None = Field(description="Share of distances that lie elsewhere, 0 to 1; null if they are too few.")
    threshold: float | None = Field(description="Above it the calibration should not be trusted any more; null likewise.")
    shift: float | None = Field(description="How many bits farther they are on average; null likewise.")
    is_drifting: bool
    words: str = Field(description="The same in a sentence.")
