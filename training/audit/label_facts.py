"""What is wrong with each label: how often it was given without being true, how often it lacks, what it is confused with.

Decides these figures. Does not know how probabilities came about.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.audit.findings import Audit
from training.label_posterior import Float64

_N_CONFUSED, _LEAST_PAIRS, _LEAST_DEVIATIONS = 3, 3.0, 3.0
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Confusion:
    """A label that stands where another belongs.

    Attributes:
        label: The true one.
        n: Expected number of pairs.
        lift: How many times as many as if wrong labels stood for any others.
    """

    label: str
    n: float
    lift: float


@dataclass(frozen=True, slots=True)
class LabelFacts:
    """What is estimated of one label.

    Attributes:
        label: Its name.
        n_given: Pairs that it was given to.
        n_true: Pairs that it is true of, expected.
        wrong_share: Share of the pairs it was given to of which it is not true, in [0, 1].
        missing_share: Share of the pairs it is true of that it was not given to, in [0, 1].
        confused: What is true where it was given wrongly, more often than by chance by three standard deviations of a count; the
            largest excess first, at most three.
    """

    label: str
    n_given: int
    n_true: float
    wrong_share: float
    missing_share: float
    confused: list[Confusion]


def label_facts(audit: Audit) -> list[LabelFacts]:
    """Sums an audit up by label.

    Args:
        audit: What was found.

    Returns:
        (C) facts, in the order of the columns.
    """
    given, probability = audit.given_labels.astype(np.float64), audit.probability.astype(np.float64)
    n_given, n_true = given.sum(axis=0), probability.sum(axis=0)
    wrong = (given * (1 - probability)).sum(axis=0) / np.maximum(n_given, _TINY)
    missing = ((1 - given) * probability).sum(axis=0) / np.maximum(n_true, _TINY)
    by_chance = _by_chance(audit.mixed_up, probability)
    return [
        LabelFacts(
            label=name,
            n_given=int(n_given[c]),
            n_true=float(n_true[c]),
            wrong_share=float(np.clip(wrong[c], 0, 1)),
            missing_share=float(np.clip(missing[c], 0, 1)),
            confused=_confused(audit, c, by_chance[c]),
        )
        for c, name in enumerate(audit.label_names)
    ]


def _by_chance(mixed_up: Float64, probability: Float64) -> Float64:
    """Returns what numbers would be if a wrong label stood for any of a pair's true ones, in any pair that it is not true of."""
    weight = (1 - probability).T @ (probability / np.maximum(probability.sum(axis=1, keepdims=True), _TINY))
    np.fill_diagonal(weight, 0)
    by_chance: Float64 = mixed_up.sum(axis=1, keepdims=True) * weight / np.maximum(weight.sum(axis=1, keepdims=True), _TINY)
    return by_chance


def _confused(audit: Audit, row: int, by_chance: Float64) -> list[Confusion]:
    found = audit.mixed_up[row]
    lift = found / np.maximum(by_chance, _TINY)
    order = np.argsort(by_chance - found, kind="stable")
    deviations = (found - by_chance) / np.sqrt(np.maximum(by_chance, _TINY))
    kept = [c for c in order if found[c] >= _LEAST_PAIRS and deviations[c] >= _LEAST_DEVIATIONS]
    return [Confusion(audit.label_names[c], float(found[c]), float(lift[c])) for c in kept[:_N_CONFUSED]]
