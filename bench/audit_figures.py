"""How well wrong labels are found in one draw of noise, and what suggestions are worth.

Decides the figures. True labels are looked at for them only. Does not know which draws there are, or how tables look.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from bench.cleanlab_scores import cleanlab_scores
from model.codes import Float32, UInt8
from training.audit import audit_labels
from training.methods.base import LabelledFeatures
from training.true_labels import held_out_scores

OWN, LARGEST, PRODUCT = (
    "the audit's suspicion",
    "largest difference of prediction and given label",
    "least likelihood of given labels",
)
THRESHOLDS = (0.5, 0.7, 0.9)
Figures = dict[str, float]


def areas(features: LabelledFeatures, true: UInt8, given: UInt8) -> tuple[Figures, Figures]:
    """Measures one draw of noise.

    Args:
        features: Of the training split; their labels are not looked at.
        true: (N, C) true labels.
        given: (N, C) noisy labels.

    Returns:
        Area under the ROC curve for telling pairs with a wrong label from others, by score; and what suspicion and suggestions are
        worth.
    """
    noisy = LabelledFeatures(features.image, features.text, torch.from_numpy(given.astype(np.float32)))
    is_wrong = (given != true).any(axis=1)
    audit = audit_labels(noisy, range(len(true)), range(true.shape[1]))  # type: ignore[arg-type]
    chance = predicted(held_out_scores(noisy), given)
    scores = {
        OWN: audit.suspicion,
        LARGEST: np.abs(chance - given).max(axis=1),
        PRODUCT: -np.log(np.where(given > 0, chance, 1 - chance)).sum(axis=1),
        **cleanlab_scores(given, chance),
    }
    found = {name: float(roc_auc_score(is_wrong, score)) for name, score in scores.items()}
    worth = {
        "wrong": float(is_wrong.mean()),
        "expected": float(audit.suspicion.mean()),
        "calibration": calibration_error(audit.suspicion, is_wrong),
        "entries": float((given != true).sum()),
    }
    for threshold in THRESHOLDS:
        corrected, rows = given.copy(), audit.accepted(threshold)
        corrected[rows] = audit.suggested_labels[rows]
        changed = corrected != given
        worth[f"right {threshold}"] = float((corrected == true)[changed].mean()) if changed.any() else 1.0
        worth[f"entries {threshold}"] = float((corrected != true).sum())
        worth[f"wrong {threshold}"] = float((corrected != true).any(axis=1).mean())
    return found, worth


def predicted(scores: Float32, given: UInt8) -> Float32:
    """Turns out-of-sample scores into probabilities that a label is given: a logistic regression a label (Platt, 1999).

    Args:
        scores: (N, C), each sample's by a regression without it.
        given: (N, C) of 0 and 1.

    Returns:
        (N, C) float32 in (0, 1).
    """
    columns = [
        LogisticRegression(C=1e4).fit(scores[:, [c]], given[:, c]).predict_proba(scores[:, [c]])[:, 1]
        for c in range(given.shape[1])
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def calibration_error(suspicion: Float32, is_wrong: np.ndarray) -> float:
    """Returns the expected calibration error over ten bins of equal width.

    Args:
        suspicion: (N,) in [0, 1].
        is_wrong: (N,) bool.

    Returns:
        Mean distance of a bin's mean suspicion and its share of wrong labels, weighed by size.
    """
    bins = np.minimum((suspicion * 10).astype(int), 9)
    sizes = np.bincount(bins, minlength=10)
    gaps = np.bincount(bins, suspicion, minlength=10) - np.bincount(bins, is_wrong, minlength=10)
    return float(np.abs(gaps).sum() / sizes.sum())


def best_of_cleanlab(found: Sequence[Figures]) -> str:
    """Names cleanlab's best options, in the mean over draws: chosen with the truth in hand, which favours it.

    Args:
        found: Areas by score, a draw each.

    Returns:
        The name of a score.
    """
    return max(
        (name for name in found[0] if name.startswith("cleanlab")), key=lambda name: statistics.fmean(f[name] for f in found)
    )


def confuse(true: UInt8, pairs: Sequence[tuple[int, int]], share: float, rng: np.random.Generator) -> UInt8:
    """Takes one label for another, always the same two, as annotators do.

    Args:
        true: (N, C) of 0 and 1.
        pairs: A true label and what is given in its place, unless that is true as well.
        share: Of the samples in which that may happen.
        rng: Random numbers.

    Returns:
        Noisy labels.
    """
    given = true.copy()
    for right, wrong in pairs:
        struck = (true[:, right] > 0) & (true[:, wrong] == 0) & (rng.random(len(true)) < share)
        given[struck, right], given[struck, wrong] = 0, 1
    return given
