"""The numbers of a comparison: mean and spread over seeds, the best of a column, differences paired by seed.

Decides which figures are shown and what is compared with what. Does not know HTML or Markdown.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from training.comparison.groups import Row, Section
from training.comparison.runs import RunRecord, Seed

DIRECTIONS = {"mean": "mean of both", "i2t": "image → text", "t2i": "text → image"}
AVERAGE = 0
"""The column over all code lengths; stands where others have n_bits."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of the reports.

    Attributes:
        key: Its name in them, behind ``i2t_`` and ``t2i_`` where it has directions.
        title: For people.
        directed: Whether there is one for each direction.
        digits: After the point.
    """

    key: str
    title: str
    directed: bool = True
    digits: int = 3

    @property
    def directions(self) -> list[str]:
        """Keys of :data:`DIRECTIONS`."""
        return list(DIRECTIONS) if self.directed else ["mean"]

    def of(self, run: RunRecord, direction: str) -> float | None:
        """Returns a run's figure.

        Args:
            run: A finished run.
            direction: ``i2t``, ``t2i``, or ``mean`` of both.

        Returns:
            The figure; None if the report lacks it.
        """
        names = [self.key] if not self.directed else [f"{name}_{self.key}" for name in _sides(direction)]
        found = [run.figure(name) for name in names]
        known = [value for value in found if value is not None]
        return statistics.fmean(known) if len(known) == len(found) else None


def _sides(direction: str) -> tuple[str, ...]:
    return ("i2t", "t2i") if direction == "mean" else (direction,)


METRICS = (
    Metric("map", "mAP@all"),
    Metric("map_at_50", "mAP@50"),
    Metric("ndcg_at_50", "NDCG@50"),
    Metric("precision_radius_2", "Precision within radius 2"),
    Metric("recall_at_10", "Recall@10 of the true partner"),
    Metric("dissimilar_p1", "Distance of dissimilar pairs, 1st percentile", directed=False, digits=1),
    Metric("dissimilar_min", "Distance of dissimilar pairs, minimum", directed=False, digits=1),
)


@dataclass(frozen=True, slots=True)
class Stat:
    """Mean and spread over seeds.

    Attributes:
        mean: Arithmetic mean.
        sd: Sample standard deviation; None for a single value.
        n: Number of values.
        best: Whether nothing in the column, at this noise rate, is better as far as shown.
    """

    mean: float
    sd: float | None
    n: int
    best: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table.

    Attributes:
        row: Method and noise rate.
        direction: A key of :data:`DIRECTIONS`.
        stats: By column; None where there is nothing.
    """

    row: Row
    direction: str
    stats: dict[int, Stat | None]


def columns(section: Section) -> list[int]:
    """Returns the code lengths, and :data:`AVERAGE` if there are several.

    Args:
        section: Runs on the same data.

    Returns:
        In order.
    """
    return [*section.lengths, *([AVERAGE] if len(section.lengths) > 1 else [])]


def describe(values: Iterable[float]) -> Stat | None:
    """Returns mean and sample standard deviation, or None of nothing.

    Args:
        values: One a seed.

    Returns:
        Both, and how many there are.
    """
    found = list(values)
    if not found:
        return None
    return Stat(statistics.fmean(found), statistics.stdev(found) if len(found) > 1 else None, len(found))


def by_seed(section: Section, row: Row, column: int, metric: Metric, direction: str) -> dict[Seed, float]:
    """Returns a row's figures.

    Args:
        section: The row's.
        row: Method and noise rate.
        column: n_bits, or :data:`AVERAGE`: the mean over all code lengths of the section, of seeds that have them all.
        metric: Which figure.
        direction: ``i2t``, ``t2i`` or ``mean``.

    Returns:
        By seed.
    """
    if column != AVERAGE:
        found = {run.seed: metric.of(run, direction) for run in row.cells.get(column, ())}
        return {seed: value for seed, value in found.items() if value is not None}
    parts = [by_seed(section, row, n_bits, metric, direction) for n_bits in section.lengths]
    common = set.intersection(*(set(part) for part in parts)) if parts else set()
    return {seed: statistics.fmean(part[seed] for part in parts) for seed in sorted(common)}


def metric_lines(section: Section, metric: Metric) -> list[Line]:
    """Returns a metric's table.

    The best of a column is sought among rows of the same noise rate whose epochs were chosen on validation, if there are two.

    Args:
        section: Runs on the same data.
        metric: Which figure.

    Returns:
        A line for each row and direction; nothing if no report has the figure.
    """
    lines = [
        Line(row, direction, {c: describe(by_seed(section, row, c, metric, direction).values()) for c in columns(section)})
        for row in section.rows
        for direction in metric.directions
    ]
    if not any(stat for line in lines for stat in line.stats.values()):
        return []
    return [_with_best(line, lines, metric.digits) for line in lines] if metric.directed else lines


def _with_best(line: Line, lines: Sequence[Line], digits: int) -> Line:
    if line.row.selection != "validation":
        return line
    rivals = [
        other
        for other in lines
        if (other.row.noise_rate, other.direction, other.row.selection) == (line.row.noise_rate, line.direction, "validation")
    ]
    stats = dict(line.stats)
    for column, stat in line.stats.items():
        means = [round(other.mean, digits) for rival in rivals if (other := rival.stats[column])]
        if stat and len(means) > 1 and round(stat.mean, digits) == max(means):
            stats[column] = replace(stat, best=True)
    return replace(line, stats=stats)


def difference_lines(section: Section, metric: Metric, baseline: str) -> list[Line]:
    """Returns by how much rows exceed the baseline at the same noise rate, seed by seed.

    Args:
        section: Runs on the same data.
        metric: Which figure.
        baseline: Label of the row that is compared with.

    Returns:
        A line for each other row and direction, in points (hundredths) where the figure has directions; a column counts the
        seeds that both have. Nothing where there is nothing to compare.
    """
    lines = []
    scale = 100.0 if metric.directed else 1.0
    for row in section.rows:
        base = section.row(baseline, row.noise_rate)
        if base is None or row.label == baseline:
            continue
        for direction in metric.directions:
            stats = {}
            for column in columns(section):
                here, there = (by_seed(section, each, column, metric, direction) for each in (row, base))
                stats[column] = describe(scale * (here[seed] - there[seed]) for seed in sorted(here.keys() & there.keys()))
            lines.append(Line(row, direction, stats))
    return lines if any(stat for line in lines for stat in line.stats.values()) else []
