"""A comparison's numbers for other programs.

Decides the form of a record. Does not know files.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from training.comparison.groups import group_runs
from training.comparison.runs import RunRecord
from training.comparison.tables import AVERAGE, METRICS, metric_lines


def cell_records(runs: Iterable[RunRecord]) -> list[dict[str, Any]]:
    """Returns every cell of every table.

    Args:
        runs: As loaded.

    Returns:
        JSON-able: data, method, noise_rate, n_bits (None for the average over all), metric, direction, mean, sd (sample standard
        deviation over seeds; None of a single one) and n, the number of seeds.
    """
    return [
        {
            "data": section.title,
            "method": line.row.label,
            "noise_rate": line.row.noise_rate,
            "n_bits": None if column == AVERAGE else column,
            "metric": metric.key,
            "direction": line.direction,
            "mean": stat.mean,
            "sd": stat.sd,
            "n": stat.n,
        }
        for section in group_runs(runs)
        for metric in METRICS
        for line in metric_lines(section, metric)
        for column, stat in line.stats.items()
        if stat
    ]
