"""Measures what a bundle's distances mean, on labelled pairs that its training did not see.

Decides who asks and what is searched, whose labels judge, how many are looked at, and when there are too few. The estimator is
``model.calibration_fit``; ``docs/calibration.md`` tells what the numbers hold for.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from model.calibration import Calibration, DistanceCurve, Kind
from model.calibration_fit import DistanceCounts, fit_curve
from model.codes import Int64
from model.errors import DatasetError
from training.calibration_counts import JudgedPairs, count_pairs

FEWEST_QUERIES, FEWEST_RELEVANT = 50, 100
"""Fewer tell nothing: of 50 independent queries the 95 % interval of a share of one half is 27 points wide."""
_STREAM = 0xCA11


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationOptions:
    """How a calibration is made.

    Attributes:
        kind: What is relevant.
        max_queries: Queries that are looked at, drawn at random where there are more.
        max_items: Items likewise.
        seed: Of the draw.
        base_rate: Share of relevant pairs that the curves are to hold for; None for that of the pairs looked at.
        measured_on: Facts for the reader, to which counts are added.
    """

    kind: Kind = "labels"
    max_queries: int = 2000
    max_items: int = 20_000
    seed: int = 0
    base_rate: float | None = None
    measured_on: dict[str, Any] = field(default_factory=dict)


def calibrate(queries: JudgedPairs, items: JudgedPairs, bundle_id: str, options: CalibrationOptions | None = None) -> Calibration:
    """Measures P(relevant | distance) in every direction.

    Args:
        queries: Pairs that ask, unseen in training.
        items: Pairs that are searched; may be the same ones, of which a query's own is left out.
        bundle_id: The bundle that gave the codes.
        options: How.

    Returns:
        The calibration.

    Raises:
        DatasetError: If there are too few queries, or too few relevant or irrelevant pairs.
    """
    options = options or CalibrationOptions()
    if len(queries.pair_ids) < FEWEST_QUERIES:
        raise DatasetError(
            f"a calibration needs at least {FEWEST_QUERIES} pairs that training did not see; here are {len(queries.pair_ids)}"
        )
    rng = np.random.default_rng([options.seed, _STREAM])
    queries, items = (
        side.rows(_draw(rng, len(side.pair_ids), most))
        for side, most in ((queries, options.max_queries), (items, options.max_items))
    )
    counted = count_pairs(queries, items, options.kind)
    for pair, counts in counted.items():
        _check(counts, f"{pair[0]} → {pair[1]}", options.kind)
    facts = {"n_queries": len(queries.pair_ids), "n_items": len(items.pair_ids)}
    return Calibration(
        kind=options.kind,
        n_bits=queries.image.shape[1],
        bundle_id=bundle_id,
        curves={pair: fit_curve(counts, options.base_rate) for pair, counts in counted.items()},
        measured_on={**options.measured_on, **facts},
    )


def render_calibration(calibration: Calibration) -> str:
    """Writes the curves as a table, a line for each stretch of distances with the same values.

    Args:
        calibration: To be shown.

    Returns:
        Markdown, with a line break at its end.
    """
    facts = ", ".join(f"{name} {value}" for name, value in calibration.measured_on.items())
    words = "shares a label with the query" if calibration.kind == "labels" else "is the query's own other half"
    lines = [f"Bundle {calibration.bundle_id}, {calibration.n_bits} bits; relevant: {words}. Measured on: {facts}.\n"]
    for (asks, found), curve in calibration.curves.items():
        lines += [f"{asks} → {found}, base rate {curve.base_rate:.4f}", "| distance | expected precision | 95 % | pairs |"]
        lines += ["|---|---|---|---|", *(_row(curve, start, end) for start, end in _stretches(curve)), ""]
    return "\n".join(lines)


def summary(calibration: Calibration) -> dict[str, Any]:
    """Returns what a command prints of a calibration, JSON-able: facts, base rates, and the radius of some precisions.

    Args:
        calibration: To be shown.

    Returns:
        By name and direction.
    """
    wanted = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
    found = {
        f"{pair[0]}-{pair[1]}": {
            "base_rate": round(curve.base_rate, 6),
            "max_distance": {f"{precision:g}": calibration.max_distance(precision, *pair) for precision in wanted},
        }
        for pair, curve in calibration.curves.items()
    }
    facts = {name: value for name, value in asdict(calibration).items() if name in ("kind", "n_bits", "bundle_id", "measured_on")}
    return {**facts, "directions": found}


def _draw(rng: np.random.Generator, n: int, most: int) -> Int64:
    return np.sort(rng.permutation(n)[:most])


def _check(counts: DistanceCounts, direction: str, kind: Kind) -> None:
    n_relevant = float(counts.n_relevant.sum())
    n_other = float(counts.n_pairs.sum()) - n_relevant
    needed = FEWEST_RELEVANT if kind == "labels" else FEWEST_QUERIES
    if min(n_relevant, n_other) < needed:
        raise DatasetError(
            f"{direction}: {n_relevant:.0f} relevant and {n_other:.0f} irrelevant pairs; a calibration needs {needed} of each. "
            "Give more labelled pairs, or labels that more pairs share"
        )


def _stretches(curve: DistanceCurve) -> list[tuple[int, int]]:
    points = list(zip(curve.value, curve.low, curve.high, strict=True))
    starts = [0, *(place for place in range(1, len(points)) if points[place] != points[place - 1]), len(points)]
    return list(zip(starts[:-1], [end - 1 for end in starts[1:]], strict=True))


def _row(curve: DistanceCurve, start: int, end: int) -> str:
    found, n_pairs = curve.at(start), sum(curve.n_pairs[start : end + 1])
    distances = str(start) if start == end else f"{start}–{end}"
    return f"| {distances} | {found.value:.3f} | {found.low:.3f}–{found.high:.3f} | {n_pairs} |"
