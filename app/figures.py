"""What the service holds at one moment: items, codes, queues.

Decides which figures there are. Does not know how they are gathered (``app.gathering``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.cache.base import Modality
from app.drift import DriftFigure
from app.familiarity import FamiliarityFigure
from app.judgements import Direction, Tally
from app.pools import PoolFigures


@dataclass(frozen=True, slots=True)
class IndexSize:
    """How large one modality's index is.

    Attributes:
        n_codes: Codes held.
        n_bytes: Memory of codes, row ids and tables.
        engine: Which variant searches now.
        n_different: Different codes, where they are counted.
        n_tail: Rows that are scanned beside the table.
        n_removed: Removed rows whose place is not free yet.
    """

    n_codes: int
    n_bytes: int
    engine: str
    n_different: int | None
    n_tail: int
    n_removed: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The service at one moment.

    Attributes:
        n_items: Items in the catalogue, or None if it cannot tell right now.
        indexes: Size of the index by modality.
        pools: Queues of blocking work.
        cache_is_up: Whether codes can be kept.
        uptime_s: Seconds since the services were put together.
        snapshot_age_s: Seconds since the index snapshot was written, or None if there is none.
        disk_free_bytes: Free space where the data folder lies, or None if that cannot be told.
        drift: How far distances are from the calibration's, one a calibrated direction.
        tallies: Judgements by what asked and what was found, or None if the catalogue cannot tell right now.
        familiarity: How familiar searches were, one a modality of which that is known.
    """

    n_items: int | None
    indexes: Mapping[Modality, IndexSize]
    pools: tuple[PoolFigures, ...]
    cache_is_up: bool
    uptime_s: float
    snapshot_age_s: float | None = None
    disk_free_bytes: int | None = None
    drift: tuple[DriftFigure, ...] = ()
    tallies: Mapping[Direction, Tally] | None = None
    familiarity: tuple[FamiliarityFigure, ...] = ()
