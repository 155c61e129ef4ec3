"""The final figures of a run, for people.

Decides the words and the tables. Does not know how the figures came about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from training.health import render_health
from training.methods import METHODS

# Key behind i2t_ and t2i_, words, and the key of what a random order comes to ("" for none).
_MEASURES = (
    ("map", "mAP, whole database", "chance"),
    ("map_at_50", "mAP of the first 50", "chance_map_at_50"),
    ("ndcg_at_50", "NDCG of the first 50", "chance_ndcg_at_50"),
    ("precision_radius_2", "precision within distance 2", "chance"),
    ("empty_radius_2", "queries with nothing within distance 2", ""),
    ("recall_at_10", "true partner among the first 10", "chance_recall_at_10"),
)
_HEADER = ("", "image → text", "text → image", "mean", "chance")
_JUDGED = {"validation": "validation mAP (given labels)", "query": "query mAP (true labels)"}


def render_report(report: Mapping[str, Any], metrics: Sequence[Mapping[str, Any]]) -> str:
    """Writes a run's report as Markdown.

    Args:
        report: The final figures, as in ``report.json``.
        metrics: One entry an epoch, as in ``metrics.jsonl``.

    Returns:
        The text of ``report.md``.
    """
    selection = report["selection"]
    rows = "\n".join(_epoch_row(entry, selection, kept=entry["epoch"] == report["epoch"]) for entry in metrics)
    names = ["epoch", _JUDGED[selection], *(sorted(metrics[0]["losses"]) if metrics else [])]
    return f"""{render_summary(report)}
{render_labels(report.get("curves", {}))}
{_health(report)}| {" | ".join(names)} |
|{"---|" * len(names)}
{rows}
"""


def render_summary(report: Mapping[str, Any]) -> str:
    """Writes the final figures without single labels and epochs.

    Args:
        report: The final figures, as in ``report.json``.

    Returns:
        Markdown.
    """
    found = report["evaluation"]
    corrected = f"; labels of {n} pairs corrected by a file" if (n := report.get("n_corrected")) else ""
    words = f"; {n} words of captions learnt beside the labels" if (n := len(report.get("caption_words", ()))) else ""
    return f"""# {METHODS[report["method"]].title}, {found["n_bits"]} bits, on {report["data"]}

{render_figures(found, report.get("curves", {}))}
{found["n_query"]} queries against {found["n_database"]} items, relevant = at least one shared true label, exact in expectation over
ties; {found["n_without_relevant"]} queries without anything relevant are left out. {_choice(report)}

Training: {report["n_train"]} pairs; noise rate {report["noise_rate"]} ({report["n_changed"]} samples changed,
{report["true_label_share"]:.1%} of the true labels survive){corrected}{words}; seed {report["seed"]}.
"""


def render_figures(figures: Mapping[str, float], curves: Mapping[str, Any]) -> str:
    """Writes all measures of both directions, their mean, and chance.

    Args:
        figures: As in :meth:`Evaluation.as_dict`; measures that it lacks are passed over.
        curves: As in :meth:`Evaluation.curves`, or empty.

    Returns:
        Markdown, with a line break at its end.
    """
    rows = [
        _row(words, figures[f"i2t_{key}"], figures[f"t2i_{key}"], figures.get(chance))
        for key, words, chance in _MEASURES
        if f"i2t_{key}" in figures
    ]
    if curves:
        i2t, t2i = (curves[direction]["precision_at"]["precision"] for direction in ("i2t", "t2i"))
        lengths = curves["i2t"]["precision_at"]["n"]
        rows += [
            _row(f"precision of the first {n}", image, text, figures["chance"])
            for n, image, text in zip(lengths, i2t, t2i, strict=True)
        ]
    table = _table([_HEADER, *rows])
    if "dissimilar_min" in figures:
        table += (
            f"\nDistance of images and texts that share no label: at least {figures['dissimilar_min']} of {figures['n_bits']} "
            f"bits, 1st percentile {figures['dissimilar_p1']}.\n"
        )
    return table


def render_labels(curves: Mapping[str, Any]) -> str:
    """Writes mAP label by label; chance is the share of items that bear the label.

    Args:
        curves: As in :meth:`Evaluation.curves`, or empty.

    Returns:
        Markdown, with a line break at its end; nothing without curves.
    """
    if not curves:
        return ""
    i2t, t2i = (curves[direction]["per_label"] for direction in ("i2t", "t2i"))
    rows = [_row(name, value, t2i[name], curves["label_share"][name]) for name, value in i2t.items()]
    return _table([("mAP of a label's bearers", *_HEADER[1:]), *rows])


def _health(report: Mapping[str, Any]) -> str:
    """Returns the health of the database's codes; nothing of reports that have none."""
    return (
        f"""## Code health
{render_health(report["health"])}
"""
        if "health" in report
        else ""
    )


def _row(words: str, i2t: float, t2i: float, chance: float | None) -> tuple[str, ...]:
    return (words, *(f"{value:.4f}" for value in (i2t, t2i, (i2t + t2i) / 2)), "" if chance is None else f"{chance:.4f}")


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Pads the cells, so that the table can be read in a terminal as well."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines = [padded[0], "-|-".join("-" * width for width in widths), *padded[1:]]
    return "".join(f"| {line} |\n" for line in lines)


def _choice(report: Mapping[str, Any]) -> str:
    if report["epoch"] == 0:
        return "The method has no epochs: none was chosen, and the query split was used for these figures alone."
    if report.get("keep") == "last":
        used = "judged every epoch" if report["selection"] == "query" else "was used once, after the last epoch"
        return f"The query split {used}; the last epoch ({report['epoch']}) was kept, whatever {report['selection']} said."
    if report["selection"] == "query":
        return f"""

**Epoch {report["epoch"]} was chosen on the query split itself, by its true labels, as published tables do. These figures flatter:
they are for comparison with such tables only.**"""
    return f"""The query split was used once, after epoch
{report["epoch"]} had been chosen on {report["n_validation"]} validation pairs by given labels."""


def _epoch_row(entry: Mapping[str, Any], selection: str, *, kept: bool) -> str:
    losses = [f"{entry['losses'][name]:.4f}" for name in sorted(entry["losses"])]
    number = f"**{entry['epoch']}**" if kept else str(entry["epoch"])
    judged = f"{entry[selection + '_map']:.4f}"
    return f"| {' | '.join([number, judged, *losses])} |"
