"""The final figures of a run, for people.

Decides the words and the table. Does not know how the figures came about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
| {" | ".join(names)} |
|{"---|" * len(names)}
{rows}
"""


def render_summary(report: Mapping[str, Any]) -> str:
    """Writes the final figures without the epochs.

    Args:
        report: The final figures, as in ``report.json``.

    Returns:
        Markdown.
    """
    found = report["evaluation"]
    return f"""# {report["method"].upper()}, {found["n_bits"]} bits, on {report["data"]}

| | mAP@all |
|---|---|
| image → text | {found["i2t_map"]:.4f} |
| text → image | {found["t2i_map"]:.4f} |
| mean | {found["mean_map"]:.4f} |
| chance (share of relevant items) | {found["chance"]:.4f} |

{found["n_query"]} queries against {found["n_database"]} items, relevant = at least one shared true label, exact in expectation over
ties; {found["n_without_relevant"]} queries without anything relevant are left out. {_choice(report)}

Training: {report["n_train"]} pairs; noise rate {report["noise_rate"]} ({report["n_changed"]} samples changed,
{report["true_label_share"]:.1%} of the true labels survive); seed {report["seed"]}.
"""


def _choice(report: Mapping[str, Any]) -> str:
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
