"""The plots of a comparison's curves: precision and recall, precision of the first N, validation over epochs.

Decides which curves there are and that seeds are averaged place by place. Does not know axes' looks or the page.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator, ScalarFormatter

from training.comparison.canvas import Panel, Plot, draw_svg, series_style
from training.comparison.groups import Section
from training.comparison.runs import RunRecord
from training.comparison.tables import DIRECTIONS


@dataclass(frozen=True, slots=True)
class Curve:
    """A line to draw.

    Attributes:
        x: Places.
        y: Values.
        style: What is unlike the method's own style.
    """

    x: Sequence[float]
    y: Sequence[float]
    style: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of curve.

    Attributes:
        x_label: Below the axes.
        y_label: Beside them.
        directions: One row of panels each.
        curves: Gives a method's curves from its runs and a direction.
        log: Whether x is logarithmic.
        cut: Whether the lowest tenth of the values may lie below the axes, so that the rest can be told apart.
    """

    x_label: str
    y_label: str
    directions: tuple[str, ...]
    curves: Callable[[Sequence[RunRecord], str], list[Curve]]
    log: bool = False
    cut: bool = False


def _precision_recall(runs: Sequence[RunRecord], direction: str) -> list[Curve]:
    found = [curves for run in runs if {"precision", "recall"} <= (curves := run.curves(direction)).keys()]
    recall, precision = (_mean([curves[key] for curves in found]) for key in ("recall", "precision"))
    return [Curve(recall, precision, {"markersize": 2.5})] if found else []


def _precision_at(runs: Sequence[RunRecord], direction: str) -> list[Curve]:
    found = [curves for run in runs if (curves := run.curves(direction).get("precision_at"))]
    return [Curve(_mean([curves["n"] for curves in found]), _mean([curves["precision"] for curves in found]))] if found else []


def _mean(lists: Sequence[Sequence[float]]) -> list[float]:
    """Averages place by place, as far as all reach."""
    return [statistics.fmean(values) for values in zip(*lists, strict=False)]


def _validation(runs: Sequence[RunRecord], _: str) -> list[Curve]:
    """Returns a line a run, and a mark at the epoch that was kept."""
    curves = []
    for run in runs:
        known = {entry["epoch"]: entry["validation_map"] for entry in run.metrics if {"epoch", "validation_map"} <= entry.keys()}
        curves += [Curve(list(known), list(known.values()), {"marker": "", "linewidth": 1.1})] if known else []
        kept = (run.report or {}).get("epoch")
        curves += [Curve([kept], [known[kept]])] if kept is not None and kept in known else []
    return curves


KINDS = {
    "precision_recall": Kind("recall", "precision", ("i2t", "t2i"), _precision_recall),
    "precision_at": Kind("first N places", "precision", ("i2t", "t2i"), _precision_at, log=True),
    "validation": Kind("epoch", "validation mAP", ("",), _validation, cut=True),
}


def curve_plots(section: Section, name: str, kind: Kind) -> list[Plot]:
    """Draws a plot for each code length: a row of panels a direction, a column a noise rate.

    Args:
        section: Runs on the same data.
        name: For ids.
        kind: Which curves.

    Returns:
        Plots that have anything to show.
    """
    plots = []
    for n_bits in section.lengths:
        panels = [row for direction in kind.directions if (row := _panels(section, n_bits, direction, kind))]
        if panels:
            plots.append(Plot(f"{n_bits} bits", draw_svg(f"{name}-{n_bits}", panels)))
    return plots


def _panels(section: Section, n_bits: int, direction: str, kind: Kind) -> list[Panel]:
    """Returns a panel for each noise rate with runs of this length; nothing where none of them has a curve."""
    found = {
        rate: [(index, curve) for index, runs in cells for curve in kind.curves(runs, direction)]
        for rate in section.noise_rates
        if (cells := section.cells(n_bits, rate))
    }
    titles = {rate: ", ".join(part for part in (f"noise {rate:g}", DIRECTIONS.get(direction, "")) if part) for rate in found}
    values = [value for curves in found.values() for _, curve in curves for value in curve.y]
    bottom = statistics.quantiles(values, n=10)[0] if kind.cut and len(values) > 20 else None
    draws = {rate: _drawing(curves, bottom, log=kind.log) for rate, curves in found.items()}
    return [Panel(titles[rate], kind.x_label, kind.y_label, draw) for rate, draw in draws.items()] if values else []


def _drawing(curves: Sequence[tuple[int, Curve]], bottom: float | None, *, log: bool) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        if log and curves:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(ScalarFormatter())
            axes.xaxis.set_minor_locator(NullLocator())
        for index, curve in curves:
            axes.plot(curve.x, curve.y, **{**series_style(index), **curve.style})
        if bottom is not None:
            axes.set_ylim(bottom=bottom)

    return draw
