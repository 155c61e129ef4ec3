"""An audit as files: CSV and JSON for programs, and the suggestions that are taken, as ``train`` takes them.

Decides their forms. Does not know how anything was found.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from training.audit.findings import Audit
from training.audit.label_facts import label_facts

_COLUMNS = ("rank", "id", "suspicion", "given", "suggested", "accepted", "probabilities")


def sample_entries(audit: Audit, threshold: float) -> list[dict[str, Any]]:
    """Lists all pairs, the most suspicious first.

    Args:
        audit: What was found.
        threshold: Suspicion from which on suggestions are accepted.

    Returns:
        For each pair ``rank`` (from 1 on), ``id``, ``suspicion``, ``given`` and ``suggested`` labels, whether the suggestion is
        ``accepted``, and how likely each label is true that was given or is suggested (``probabilities``).
    """
    accepted = set(audit.accepted(threshold).tolist())
    entries = []
    for rank, row in enumerate(audit.ranking.tolist(), start=1):
        given, suggested = audit.given_labels[row], audit.suggested_labels[row]
        entries.append(
            {
                "rank": rank,
                "id": audit.ids[row],
                "suspicion": _rounded(audit.suspicion[row]),
                "given": audit.names(given),
                "suggested": audit.names(suggested),
                "accepted": row in accepted,
                "probabilities": {
                    audit.label_names[c]: _rounded(audit.probability[row, c]) for c in np.flatnonzero(given | suggested).tolist()
                },
            }
        )
    return entries


def to_csv(audit: Audit, threshold: float) -> str:
    """Writes all pairs as a table; labels stand apart by ``;``.

    Args:
        audit: What was found.
        threshold: Suspicion from which on suggestions are accepted.

    Returns:
        CSV with a header.
    """
    file = io.StringIO()
    writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for entry in sample_entries(audit, threshold):
        likely = "; ".join(f"{name} {value:.3f}" for name, value in entry["probabilities"].items())
        names = {key: "; ".join(entry[key]) for key in ("given", "suggested")}
        writer.writerow({**entry, **names, "accepted": int(entry["accepted"]), "probabilities": likely})
    return file.getvalue()


def to_json(audit: Audit, threshold: float, facts: Mapping[str, Any]) -> str:
    """Writes everything.

    Args:
        audit: What was found.
        threshold: Suspicion from which on suggestions are accepted.
        facts: JSON-able; what was audited.

    Returns:
        JSON: ``facts``, ``labels`` (by label) and ``samples`` (most suspicious first).
    """
    labels = [asdict(each) for each in label_facts(audit)]
    content = {"facts": dict(facts), "labels": labels, "samples": sample_entries(audit, threshold)}
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def accepted_corrections(audit: Audit, threshold: float) -> list[tuple[str, list[str]]]:
    """Returns the suggestions that are taken without looking.

    Args:
        audit: What was found.
        threshold: Suspicion from which on.

    Returns:
        Id and suggested labels, the most suspicious pair first.
    """
    return [(audit.ids[row], audit.names(audit.suggested_labels[row])) for row in audit.accepted(threshold).tolist()]


def _rounded(value: Any) -> float:
    return round(float(value), 4)
