"""How the health of codes, the drift of distances and the familiarity of searches look over HTTP.

Decides nothing but that. Does not know how they are measured.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np

from app.code_report import CodeReport
from app.code_stats_schemas import Bucket, CodeStatsOut, DistancesOut, DriftOut, HealthOut, ModalityCodes
from app.drift import N_NEEDED, DriftFigure
from app.familiarity import UNFAMILIAR, FamiliarityFigure
from app.stats_schemas import FamiliarityStats
from model.code_health import CodeHealth
from model.codes import Int64


def code_stats_out(report: CodeReport, bundle_id: str, n_bits: int) -> CodeStatsOut:
    """Describes a report.

    Args:
        report: What was measured.
        bundle_id: Whose codes they are.
        n_bits: Bits of one code.

    Returns:
        The answer.
    """
    codes: Any = {
        modality: ModalityCodes(
            n_indexed=sample.n_held,
            n_sampled=len(sample.packed_codes),
            health=None if (health := report.health[modality]) is None else _health_out(health),
        )
        for modality, sample in report.drawn.of.items()
    }
    distances: Any = {"-".join(pair): _distances_out(counts) for pair, counts in report.distances.items()}
    return CodeStatsOut(
        measured_at=datetime.fromtimestamp(report.drawn.unix_s, UTC),
        age_s=max(0.0, time.time() - report.drawn.unix_s),
        bundle_id=bundle_id,
        n_bits=n_bits,
        codes=codes,
        modality_gap=report.gap,
        distances=distances,
        alarms=list(report.alarms),
    )


def drift_out(figures: Iterable[DriftFigure]) -> dict[Any, DriftOut]:
    """Describes drift by direction.

    Args:
        figures: One a calibrated direction.

    Returns:
        A part of the answer.
    """
    return {f"{figure.asks}-{figure.found}": _one_drift(figure) for figure in figures}


def familiarity_out(figures: Iterable[FamiliarityFigure]) -> dict[Any, FamiliarityStats]:
    """Describes how familiar searches were, by modality.

    Args:
        figures: One a modality.

    Returns:
        A part of the answer.
    """
    return {
        figure.modality: FamiliarityStats(
            n=figure.n,
            mean=figure.total / figure.n if figure.n else None,
            unfamiliar_below=UNFAMILIAR,
            n_unfamiliar=figure.n_unfamiliar,
            n_abstained=figure.n_abstained,
        )
        for figure in figures
    }


def _one_drift(figure: DriftFigure) -> DriftOut:
    drift = figure.drift
    return DriftOut(
        n_pairs=figure.n_pairs,
        n_needed=N_NEEDED,
        total_variation=None if drift is None else drift.total_variation,
        threshold=None if drift is None else drift.threshold,
        shift=None if drift is None else drift.shift,
        is_drifting=drift is not None and drift.is_drifting,
        words=figure.words,
    )


def _health_out(health: CodeHealth) -> HealthOut:
    n_codes = health.n_codes
    buckets = [Bucket(code=code, n_codes=n, share=n / n_codes) for code, n in health.frequent]
    return HealthOut(**health.as_dict(), share_equal=1 - health.bucket_sizes[0] / n_codes, largest_buckets=buckets)


def _distances_out(counts: Int64) -> DistancesOut:
    n_pairs = int(counts.sum())
    mean = float(counts @ np.arange(len(counts)) / n_pairs) if n_pairs else None
    return DistancesOut(n_pairs=n_pairs, mean=mean, by_distance=counts.tolist())
