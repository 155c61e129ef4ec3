"""A comparison as Markdown tables.

Decides their form. Does not know how numbers come about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from training.comparison.groups import Section, baseline_label, group_runs
from training.comparison.runs import RunRecord
from training.comparison.summary import column_title, most_values, section_facts, stat_texts, unfinished_text
from training.comparison.tables import DIRECTIONS, METRICS, Line, Metric, Stat, columns, difference_lines, metric_lines


def render_markdown(runs: Iterable[RunRecord], *, baseline: str | None = None, metrics: Sequence[Metric] = METRICS[:1]) -> str:
    """Writes methods × noise rates against code lengths: mean ± sample standard deviation over seeds, the best in bold.

    Args:
        runs: As loaded.
        baseline: A method; the differences to it follow, in points and paired by seed.
        metrics: Which figures; by default mAP over the whole database.

    Returns:
        Markdown without a final line break. Headings only where there are several data sets or figures.

    Raises:
        ConfigError: If no method, or more than one, is called as the baseline.
    """
    sections = group_runs(runs)
    label = baseline_label(sections, baseline) if baseline else None
    blocks: list[str] = []
    for section in sections:
        if len(sections) > 1:
            blocks.append(f"## {plain(section.title)}")
        blocks += [_facts(section), *_tables(section, metrics, label), *_left_out(section)]
    return "\n\n".join(blocks) if blocks else "No run is finished."


def _facts(section: Section) -> str:
    return f"{plain(section.title)}; " + "; ".join(f"{name} {plain(text)}" for name, text in section_facts(section).items()) + "."


def _tables(section: Section, metrics: Sequence[Metric], baseline: str | None) -> Iterable[str]:
    found = {metric: lines for metric in metrics if (lines := metric_lines(section, metric))}
    if not found:
        yield "No run is finished."
    for metric, lines in found.items():
        if len(metrics) > 1:
            yield f"### {metric.title}"
        yield _table(section, lines, metric.digits)
        differences = difference_lines(section, metric, baseline) if baseline else []
        if differences:
            unit = "points" if metric.directed else "bits"
            yield f"Difference to {plain(baseline or '')} in {unit}, paired by seed:"
            yield _table(section, differences, digits=1, signed=True)


def _table(section: Section, lines: Sequence[Line], digits: int, *, signed: bool = False) -> str:
    heads = columns(section)
    rows = [
        f"| noise | method | direction | {' | '.join(map(column_title, heads))} |",
        f"|---|---|---|{'---|' * len(heads)}",
    ]
    full = most_values(section)
    for line in lines:
        cells = " | ".join(_cell(line.stats[column], digits, full, signed=signed) for column in heads)
        rows.append(f"| {line.row.noise_rate:g} | {plain(line.row.label)} | {DIRECTIONS[line.direction]} | {cells} |")
    return "\n".join(rows)


def _cell(stat: Stat | None, digits: int, full: int, *, signed: bool) -> str:
    if stat is None:
        return "—"
    mean, spread = stat_texts(stat, digits, signed=signed)
    text = f"{mean} {spread}".strip()
    return (f"**{text}**" if stat.best else text) + (f" (n = {stat.n})" if stat.n < full else "")


def _left_out(section: Section) -> Iterable[str]:
    for title, texts in (
        ("Not finished, not counted:", [f"{run.name}: {unfinished_text(run)}" for run in section.unfinished]),
        ("Same settings and seeds as another run, not counted:", [run.name for run in section.repeated]),
    ):
        if texts:
            yield title + "\n\n" + "\n".join(f"- {plain(text)}" for text in texts)


def plain(text: str) -> str:
    """Returns text that Markdown and HTML leave as it is, in one line.

    Args:
        text: Anything.

    Returns:
        One line of Markdown.
    """
    return re.sub(r"([\\`*\[\]|])", r"\\\1", " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;"))
