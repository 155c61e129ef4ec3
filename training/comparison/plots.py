"""The plots of a comparison's figures: over noise rates, over code lengths, by label.

Decides their axes and panels; a plot without data is left out. Does not know the page.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from training.comparison.canvas import Panel, Plot, draw_svg, series_style
from training.comparison.groups import Section
from training.comparison.runs import RunRecord
from training.comparison.tables import METRICS, describe

_MAP = METRICS[0]


def noise_plot(section: Section, name: str) -> Plot | None:
    """Draws mAP@all over noise rates, a panel a code length.

    Args:
        section: Runs on the same data.
        name: For ids.

    Returns:
        The plot, or None where no method has two noise rates.
    """
    rates = section.noise_rates

    def points(label: str, n_bits: int) -> dict[float, Sequence[RunRecord]]:
        rows = {rate: section.row(label, rate) for rate in rates}
        return {rate: row.cells[n_bits] for rate, row in rows.items() if row and n_bits in row.cells}

    titles = {n_bits: f"{n_bits} bits" for n_bits in section.lengths}
    return _trend(section, name, titles, points, ("noise rate", rates)) if len(rates) > 1 else None


def length_plot(section: Section, name: str) -> Plot | None:
    """Draws mAP@all over code lengths, a panel a noise rate.

    Args:
        section: Runs on the same data.
        name: For ids.

    Returns:
        The plot, or None where there is one code length only.
    """

    def points(label: str, rate: float) -> dict[float, Sequence[RunRecord]]:
        row = section.row(label, rate)
        return {float(n_bits): runs for n_bits, runs in row.cells.items()} if row else {}

    titles = {rate: f"noise {rate:g}" for rate in section.noise_rates}
    axis = ("bits", [float(n_bits) for n_bits in section.lengths])
    return _trend(section, name, titles, points, axis, log=True) if len(section.lengths) > 1 else None


def _trend(
    section: Section,
    name: str,
    titles: Mapping[Any, str],
    points: Callable[[str, Any], Mapping[float, Sequence[RunRecord]]],
    axis: tuple[str, Sequence[float]],
    *,
    log: bool = False,
) -> Plot:
    def drawing(which: Any) -> Callable[[Axes], None]:
        def draw(axes: Axes) -> None:
            if log:
                axes.set_xscale("log", base=2)
            for index, label in enumerate(section.labels):
                found = {x: describe(_maps(runs)) for x, runs in points(label, which).items()}
                known = {x: stat for x, stat in found.items() if stat}
                means, spreads = [stat.mean for stat in known.values()], [stat.sd or 0.0 for stat in known.values()]
                axes.errorbar(list(known), means, yerr=spreads, capsize=2.5, elinewidth=1, **series_style(index))
            axes.xaxis.set_major_locator(FixedLocator(list(axis[1])))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(ScalarFormatter())

        return draw

    panels = [Panel(title, axis[0], "mAP@all, mean of both", drawing(which), height=3.0) for which, title in titles.items()]
    return Plot("", draw_svg(name, [panels]))


def _maps(runs: Iterable[RunRecord]) -> list[float]:
    return [value for run in runs if (value := _MAP.of(run, "mean")) is not None]


def label_plots(section: Section, name: str) -> list[Plot]:
    """Draws bars of each label's mAP, mean of both directions and over seeds: a plot a code length, a panel a noise rate.

    Args:
        section: Runs on the same data.
        name: For ids.

    Returns:
        Plots that have anything to show.
    """
    plots = []
    order = {label: place for run in section.runs[:1] for place, label in enumerate(run.facts.get("label_names", ()))}
    for n_bits in section.lengths:
        by_rate = {
            rate: {index: found for index, runs in section.cells(n_bits, rate) if (found := _label_maps(runs))}
            for rate in section.noise_rates
        }
        by_rate = {rate: found for rate, found in by_rate.items() if found}
        known = {label for found in by_rate.values() for maps in found.values() for label in maps}
        names = sorted(known, key=lambda label: (order.get(label, len(order)), label))
        if names:
            n_bars = max(map(len, by_rate.values()))
            height = 0.9 + len(names) * max(0.2, 0.08 * n_bars + 0.06)
            panels = [
                Panel(f"noise {rate:g}", "mAP of the label", "", _bars(names, found), height) for rate, found in by_rate.items()
            ]
            plots.append(
                Plot(f"{n_bits} bits", draw_svg(f"{name}-{n_bits}", [panels], left=0.3 + 0.08 * min(30, max(map(len, names)))))
            )
    return plots


def _label_maps(runs: Sequence[RunRecord]) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for run in runs:
        for direction in ("i2t", "t2i"):
            for label, value in (run.curves(direction).get("per_label") or {}).items():
                values.setdefault(str(label), []).append(value)
    return {label: statistics.fmean(found) for label, found in values.items()}


def _bars(names: Sequence[str], found: Mapping[int, Mapping[str, float]]) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        thickness = 0.8 / len(found)
        for place, (index, maps) in enumerate(found.items()):
            middle = (place - (len(found) - 1) / 2) * thickness
            rows = [row for row, label in enumerate(names) if label in maps]
            lengths = [maps[names[row]] for row in rows]
            axes.barh([row + middle for row in rows], lengths, thickness * 0.92, color=str(series_style(index)["color"]))
        axes.set_yticks(range(len(names)), [name if len(name) <= 30 else f"{name[:29]}…" for name in names])
        axes.grid(visible=False, axis="y")
        axes.set_ylim(len(names) - 0.4, -0.6)

    return draw
