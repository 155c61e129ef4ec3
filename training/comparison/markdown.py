"""A comparison as Markdown tables.

Decides their form. Does not know how numbers come about.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from training.comparison.groups import Section, baseline_label, group_runs
from training.comparison.runs import RunRecord
from training.comparison.summary import chance_facts, column_title, most_values, section_facts, stat_texts, unfinished_text
from training.comparison.tables import DIRECTIONS, METRICS, Line, Metric, Stat, columns, difference_lines, metric_lines

_MAP, *_OTHERS = METRICS


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


def render_overview(
    runs: Iterable[RunRecord], *, baseline: str | None = None, compared: Sequence[str] = (), n_bits: int = 64
) -> str:
    """Writes what a page of results shows: mAP, differences, mAP by direction, and at one code length all other figures.

    Args:
        runs: As loaded.
        baseline: A method; passed over where no run of it is finished.
        compared: Methods whose difference to it is shown; rows of the baseline itself that chose the epoch otherwise are, too.
        n_bits: Code length of the other figures.

    Returns:
        Markdown without a final line break.

    Raises:
        ConfigError: If more than one row is called as the baseline.
    """
    sections = group_runs(runs)
    known = baseline and any(run.method == baseline for section in sections for run in section.runs)
    label = baseline_label(sections, baseline) if baseline and known else None
    blocks: list[str] = []
    for section in sections:
        if len(sections) > 1:
            blocks.append(f"## {plain(section.title)}")
        blocks += [_facts(section), *_overview(section, label, {*compared, baseline}), *_figures(section, n_bits)]
        if section.unfinished:
            blocks.append(
                f"Not finished, not counted: {len(section.unfinished)} of {len(section.runs) + len(section.unfinished)} runs."
            )
    return "\n\n".join(blocks) if blocks else "No run is finished."


def _overview(section: Section, baseline: str | None, compared: Collection[str | None]) -> Iterable[str]:
    lines = metric_lines(section, _MAP)
    if not lines:
        yield "No run is finished."
        return
    yield "### mAP, mean of image → text and text → image"
    yield _table(section, [line for line in lines if line.direction == "mean"], _MAP.digits, directed=False)
    differences = difference_lines(section, _MAP, baseline) if baseline else []
    shown = [line for line in differences if line.direction == "mean" and line.row.method in compared and any(line.stats.values())]
    if shown:
        yield f"### Difference to {plain(baseline or '')} in points, paired by seed"
        yield _table(section, shown, digits=1, signed=True, directed=False)
    yield "### mAP by direction"
    yield _table(section, [line for line in lines if line.direction != "mean"], _MAP.digits)


def _figures(section: Section, n_bits: int) -> Iterable[str]:
    """Yields a table with a column a figure, each the mean of both directions."""
    stats = {
        metric: {(line.row.noise_rate, line.row.label): line.stats.get(n_bits) for line in lines if line.direction == "mean"}
        for metric in _OTHERS
        if (lines := metric_lines(section, metric))
    }
    rows = [row for row in section.rows if n_bits in row.cells]
    if not (stats and rows):
        return
    yield f"### Other figures at {n_bits} bits, mean of both directions"
    chance = "; ".join(f"{name} {text}" for name, text in chance_facts(section, list(stats)).items())
    if chance:
        yield f"By chance: {chance}. Distances are those of dissimilar pairs of the query split and the database, in bits."
    table = [f"| noise | method | {' | '.join(metric.title for metric in stats)} |", f"|---|---|{'---|' * len(stats)}"]
    full = most_values(section)
    for row in rows:
        cells = (_cell(found[row.noise_rate, row.label], metric.digits, full, signed=False) for metric, found in stats.items())
        table.append(f"| {row.noise_rate:g} | {plain(row.label)} | {' | '.join(cells)} |")
    yield "\n".join(table)


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


def _table(section: Section, lines: Sequence[Line], digits: int, *, signed: bool = False, directed: bool = True) -> str:
    heads = columns(section)
    titles = ["noise", "method", *(["direction"] if directed else []), *map(column_title, heads)]
    rows = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    full = most_values(section)
    for line in lines:
        names = [f"{line.row.noise_rate:g}", plain(line.row.label), *([DIRECTIONS[line.direction]] if directed else [])]
        cells = [_cell(line.stats[column], digits, full, signed=signed) for column in heads]
        rows.append(f"| {' | '.join([*names, *cells])} |")
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
