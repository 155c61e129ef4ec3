"""An audit as one page that needs nothing but itself, on which labels are looked at, mended and taken away as a file.

Decides what is on it. Names, texts and labels are data: the template escapes them. Does not know how anything was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from training.audit.findings import Audit
from training.audit.label_facts import label_facts
from training.audit.thumbnails import Thumbnails

_N_LIKELY = 6  # labels with a tick box from the start, unless more were given or are suggested; the others unfold
_EVENT_WORDS = {
    "unchanged": "all labels true",
    "lost": "one label lost",
    "added": "one label added",
    "exchanged": "one label exchanged for another",
    "replaced": "all labels another pair's",
}


def render_page(audit: Audit, facts: Mapping[str, Any], pictures: Thumbnails, *, n_shown: int) -> str:
    """Writes the page; equal audits give equal text.

    Args:
        audit: What was found.
        facts: What was audited.
        pictures: Pictures and texts of the pairs.
        n_shown: How many of the most suspicious pairs are on it.

    Returns:
        HTML.

    Raises:
        DatasetError: If a picture cannot be decoded.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja").render(
        facts=facts,
        events=[(_EVENT_WORDS[name], share) for name, share in audit.shares.items()],
        labels=label_facts(audit),
        names=list(audit.label_names),
        cards=[_card(audit, row, rank, pictures) for rank, row in enumerate(audit.ranking[:n_shown].tolist(), start=1)],
    )


def _card(audit: Audit, row: int, rank: int, pictures: Thumbnails) -> dict[str, Any]:
    given, suggested, probability = audit.given_labels[row], audit.suggested_labels[row], audit.probability[row]
    named = np.flatnonzero(given | suggested)
    likely = [c for c in np.argsort(-probability, kind="stable") if c not in named]
    first = [*named, *likely[: max(0, _N_LIKELY - len(named))]]
    first.sort(key=lambda c: -probability[c])
    return {
        "rank": rank,
        "id": audit.ids[row],
        "picture": pictures.picture(row),
        "text": pictures.text(row),
        "suspicion": float(audit.suspicion[row]),
        "boxes": [_box(audit, row, c) for c in first],
        "rest": [_box(audit, row, c) for c in range(len(given)) if c not in first],
        "given": audit.names(given),
        "suggested": audit.names(suggested),
        "differs": bool((given != suggested).any()),
    }


def _box(audit: Audit, row: int, column: int) -> dict[str, Any]:
    return {
        "column": int(column),
        "name": audit.label_names[column],
        "probability": float(audit.probability[row, column]),
        "given": bool(audit.given_labels[row, column]),
        "suggested": bool(audit.suggested_labels[row, column]),
    }
