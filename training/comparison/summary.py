"""What stands beside every table: data, chance, seeds, and which runs are not in it.

Decides the words for them. Does not know HTML or Markdown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from training.comparison.groups import Section
from training.comparison.runs import RunRecord
from training.comparison.tables import AVERAGE, Metric, Stat


def section_facts(section: Section) -> dict[str, str]:
    """Returns what is to be known before reading a number.

    Args:
        section: Runs on the same data.

    Returns:
        Text by name.
    """
    runs = section.runs
    facts = {
        "queries": _range(runs, "n_query", ".0f"),
        "queries left out (nothing relevant)": _range(runs, "n_without_relevant", ".0f"),
        "database": _range(runs, "n_database", ".0f"),
        "chance": _range(runs, "chance", ".3f"),
        "seeds": ", ".join(seed_texts(runs)) or "—",
        "runs": str(len(runs)),
    }
    return {name: text for name, text in facts.items() if name != "queries left out (nothing relevant)" or text not in ("0", "—")}


def chance_facts(section: Section, metrics: Sequence[Metric]) -> dict[str, str]:
    """Returns what random codes reach.

    Args:
        section: Runs on the same data.
        metrics: Which figures; those whose chance no report gives are passed over.

    Returns:
        Text by the figure's title.
    """
    found = {metric.title: _range(section.runs, f"chance_{metric.key}", f".{metric.digits}f") for metric in metrics}
    return {title: text for title, text in found.items() if text != "—"}


def _range(runs: Iterable[RunRecord], name: str, form: str) -> str:
    found = [value for run in runs if (value := run.figure(name)) is not None]
    texts = sorted({format(value, form) for value in (min(found), max(found))}) if found else ["—"]
    return "–".join(texts)


def seed_texts(runs: Iterable[RunRecord]) -> list[str]:
    """Returns the seeds, each once; that of the noise beside it where it is another.

    Args:
        runs: Any.

    Returns:
        Text by seed, in order.
    """
    seeds = sorted({run.seed for run in runs})
    return [str(training) if training == noise else f"{training} (noise {noise})" for training, noise in seeds]


def unfinished_text(run: RunRecord) -> str:
    """Says how far an unfinished run is.

    Args:
        run: Without a report.

    Returns:
        Method, bits, noise, seed and epoch.
    """
    n_epochs = run.config.get("training.epochs", "?")
    done = run.metrics[-1].get("epoch", "?") if run.metrics else 0
    return f"{run.method}, {run.n_bits} bits, noise {run.noise_rate:g}, seed {seed_texts([run])[0]}: epoch {done} of {n_epochs}"


def column_title(column: int) -> str:
    """Returns the head of a column.

    Args:
        column: n_bits, or the average's mark.

    Returns:
        Such as ``64 bits``.
    """
    return "average" if column == AVERAGE else f"{column} bits"


def most_values(section: Section) -> int:
    """Returns the number of seeds of the fullest cell: cells with fewer say so.

    Args:
        section: Runs on the same data.

    Returns:
        At least 0.
    """
    return max((len(cell) for row in section.rows for cell in row.cells.values()), default=0)


def stat_texts(stat: Stat, digits: int, *, signed: bool = False) -> tuple[str, str]:
    """Writes mean and spread.

    Args:
        stat: What is written.
        digits: After the point.
        signed: Whether the mean carries its sign.

    Returns:
        The mean, and ``± spread``, empty for a single value.
    """
    mean = f"{round(stat.mean, digits) + 0.0:{'+' if signed else ''}.{digits}f}".replace("-", "−")  # + 0.0: no −0.0
    return mean, "" if stat.sd is None else f"± {stat.sd:.{digits}f}"
