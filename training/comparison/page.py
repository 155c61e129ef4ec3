"""A comparison as one page that needs nothing but itself.

Decides what is on it and in which order. Names and labels are data: the template escapes them. Does not know figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from training.comparison.canvas import N_SERIES, Plot, marker_svg
from training.comparison.curve_plots import KINDS, curve_plots
from training.comparison.groups import Row, Section, baseline_label, group_runs
from training.comparison.plots import label_plots, length_plot, noise_plot
from training.comparison.runs import RunRecord
from training.comparison.summary import column_title, most_values, section_facts, seed_texts, stat_texts, unfinished_text
from training.comparison.tables import DIRECTIONS, METRICS, Line, Metric, Stat, columns, difference_lines, metric_lines

_CURVE_TITLES = {
    "precision_recall": (
        "Precision and recall",
        "A point a Hamming radius, mean over queries and seeds; a query with nothing within the radius counts as precision 0.",
    ),
    "precision_at": ("Precision of the first N", "Mean over queries and seeds, exact in expectation over ties."),
    "validation": (
        "Validation over epochs",
        "Among validation pairs, given labels counting as relevant. A line a seed; the mark is the epoch that was kept. "
        "The lowest tenth of the values lies below the axes.",
    ),
}


def render_page(runs: Iterable[RunRecord], *, baseline: str | None = None) -> str:
    """Writes the page; equal runs give equal text.

    Args:
        runs: As loaded.
        baseline: A method; the differences to it are shown as well.

    Returns:
        HTML.

    Raises:
        ConfigError: If no method, or more than one, is called as the baseline.
    """
    sections = group_runs(runs)
    label = baseline_label(sections, baseline) if baseline else None
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = [_section(section, f"s{number}", label) for number, section in enumerate(sections, start=1)]
    return environment.get_template("page.html.jinja").render(sections=shown, baseline=label, n_series=N_SERIES)


def _section(section: Section, name: str, baseline: str | None) -> dict[str, Any]:
    tables = [_table(section, metric, baseline) for metric in METRICS]
    return {
        "id": name,
        "title": section.title,
        "facts": section_facts(section),
        "tables": [table for table in tables if table["views"]],
        "methods": [{"label": label, "marker": Markup(marker_svg(index))} for index, label in enumerate(section.labels)],  # noqa: S704
        "plots": _plots(section, name),
        "differing": section.differing,
        "labels": section.labels,
        "rows": [_run_row(row) for row in section.rows],
        "unfinished": [(run.name, unfinished_text(run)) for run in section.unfinished],
        "repeated": [run.name for run in section.repeated],
    }


def _table(section: Section, metric: Metric, baseline: str | None) -> dict[str, Any]:
    lines = metric_lines(section, metric)
    differences = difference_lines(section, metric, baseline) if baseline else []
    return {
        "title": metric.title,
        "unit": "points" if metric.directed else "bits",
        "columns": [column_title(column) for column in columns(section)],
        "views": [
            {
                "caption": DIRECTIONS[direction] if metric.directed else "over both directions",
                "rates": _by_rate(section, [line for line in lines if line.direction == direction], metric.digits),
                "differences": _by_rate(section, [line for line in differences if line.direction == direction], 1, signed=True),
            }
            for direction in (metric.directions if lines else [])
        ],
    }


def _by_rate(section: Section, lines: Sequence[Line], digits: int, *, signed: bool = False) -> list[dict[str, Any]]:
    """Returns the lines of one direction by noise rate."""
    full = most_values(section)
    return [
        {
            "rate": f"{rate:g}",
            "rows": [
                {
                    "label": line.row.label,
                    "cells": [_cell(line.stats[column], digits, full, signed=signed) for column in columns(section)],
                }
                for line in of_rate
            ],
        }
        for rate, of_rate in groupby(lines, key=lambda line: line.row.noise_rate)
    ]


def _cell(stat: Stat | None, digits: int, full: int, *, signed: bool) -> dict[str, Any]:
    if stat is None:
        return {"mean": "—", "spread": "", "best": False, "n": None}
    mean, spread = stat_texts(stat, digits, signed=signed)
    return {"mean": mean, "spread": spread, "best": stat.best, "n": stat.n if stat.n < full else None}


def _plots(section: Section, name: str) -> list[dict[str, Any]]:
    methods = {n_bits: {row.label for row in section.rows if n_bits in row.cells} for n_bits in section.lengths}
    shown = f"{max(methods, key=lambda n_bits: len(methods[n_bits]))} bits" if methods else ""
    spread = "Mean of both directions; error bars are one sample standard deviation over seeds."
    found: list[tuple[str, str, str, list[Plot]]] = [
        ("noise", "mAP over noise", spread, [plot for plot in [noise_plot(section, f"{name}-noise")] if plot]),
        ("bits", "mAP over code length", spread, [plot for plot in [length_plot(section, f"{name}-bits")] if plot]),
    ]
    for key, kind in KINDS.items():
        found.append((key, *_CURVE_TITLES[key], curve_plots(section, f"{name}-{key}", kind)))
    found.append(("labels", "mAP by label", "Mean of both directions and of seeds.", label_plots(section, f"{name}-labels")))
    return [
        {
            "id": f"{name}-plot-{key}",
            "title": title,
            "note": note,
            "plots": [{"title": plot.title, "svg": Markup(plot.svg), "open": plot.title == shown} for plot in plots],  # noqa: S704
        }
        for key, title, note, plots in found
        if plots
    ]


def _run_row(row: Row) -> dict[str, Any]:
    cells = [
        {
            "n_bits": n_bits,
            "seeds": ", ".join(seed_texts(runs)),
            "epochs": ", ".join(str((run.report or {}).get("epoch", "—")) for run in runs),
            "names": [run.name for run in runs],
        }
        for n_bits, runs in row.cells.items()
    ]
    return {"label": row.label, "rate": f"{row.noise_rate:g}", "cells": cells}
