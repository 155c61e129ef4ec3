"""The health of a data set's codes: each modality's bits, and how far apart relevant and irrelevant pairs lie.

Decides how many pairs are looked at, and how the findings are written. The measures are ``model.code_health``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from model.code_health import all_alarms, measure_codes, modality_gap, nearer_share
from model.codes import pack_codes, sign_codes
from training.calibration_counts import JudgedPairs, count_pairs
from training.ranking_histograms import LabelledCodes

_MOST_QUERIES, _MOST_ITEMS = 500, 4000
_ROWS = (
    ("n_codes", "codes", "d"),
    ("n_informative", "bits that carry information", "d"),
    ("n_constant", "bits that hardly ever change", "d"),
    ("n_copies", "bits that repeat another one", "d"),
    ("effective_bits", "effective bits", ".1f"),
    ("entropy", "mean entropy of a bit", ".3f"),
    ("correlation", "mean correlation of two bits", ".3f"),
    ("largest_correlation", "largest correlation of two bits", ".3f"),
    ("n_distinct", "different codes", "d"),
    ("largest_bucket", "codes equal to the most frequent one", "d"),
    ("collision", "probability that two codes are equal", ".5f"),
)


def measure_health(codes: LabelledCodes) -> dict[str, Any]:
    """Measures the codes of a data set.

    Args:
        codes: Of pairs with labels, at least two.

    Returns:
        JSON-able: ``image`` and ``text`` (:class:`model.code_health.CodeHealth`), ``modality_gap``, ``alarms``, and ``distances``:
        relevant and irrelevant pairs by distance within and across modalities, their means, and the probability that a relevant
        pair is the nearer one.
    """
    found = {name: measure_codes(pack_codes(sign_codes(getattr(codes, name)))) for name in ("image", "text")}
    order = np.random.default_rng(0).permutation(len(codes.labels))[:_MOST_ITEMS]
    labels = codes.labels[order].astype(np.float32)
    items = JudgedPairs(codes.image[order], codes.text[order], labels, np.arange(len(order)))
    counted = count_pairs(items.rows(np.arange(min(_MOST_QUERIES, len(order)))), items)
    return {
        "image": found["image"].as_dict(),
        "text": found["text"].as_dict(),
        "modality_gap": modality_gap(found["image"], found["text"]),
        "distances": {"-".join(pair): _distances(counts.n_relevant, counts.n_pairs) for pair, counts in counted.items()},
        "alarms": list(all_alarms(found["image"], found["text"])),
    }


def _distances(n_relevant: Any, n_pairs: Any) -> dict[str, Any]:
    sides = {"relevant": n_relevant, "irrelevant": n_pairs - n_relevant}
    steps = np.arange(len(n_pairs))
    means = {f"mean_{name}": float(counts @ steps / counts.sum()) for name, counts in sides.items() if counts.sum()}
    both = len(means) == len(sides)
    return {
        **{name: np.rint(counts).astype(int).tolist() for name, counts in sides.items()},
        **means,
        "nearer_share": nearer_share(*sides.values()) if both else None,
    }


def render_health(health: Mapping[str, Any]) -> str:
    """Writes the findings as Markdown, what is wrong first.

    Args:
        health: As of :func:`measure_health`.

    Returns:
        Markdown, with a line break at its end.
    """
    n_bits = health["image"]["n_bits"]
    told = [f"- **{sentence}**" for sentence in health["alarms"]] or ["No alarm."]
    lines = [*told, "", f"| {n_bits} bits | images | texts |", "|---|---|---|"]
    lines += [f"| {words} | {health['image'][key]:{form}} | {health['text'][key]:{form}} |" for key, words, form in _ROWS]
    lines += ["", f"Modality gap: {health['modality_gap']:.3f} (0 none, 2 at most).", ""]
    lines += ["| distance of pairs | relevant, mean | irrelevant, mean | a relevant pair is the nearer one |", "|---|---|---|---|"]
    for pair, found in health["distances"].items():
        cells = (_number(found.get(key)) for key in ("mean_relevant", "mean_irrelevant", "nearer_share"))
        lines.append(f"| {pair.replace('-', ' → ')} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
