"""Which given labels are suspicious, what they should be, and which labels are mixed up.

Decides what counts as suspicion and as a suggestion. Does not know files, pages or pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from model.codes import Float32, Int64, UInt8
from training.audit.noise import estimate_noise
from training.label_posterior import Float64
from training.methods.base import LabelledFeatures
from training.noise_by_pair import PairNoise
from training.noise_by_sample import SampleNoise


@dataclass(frozen=True, eq=False, kw_only=True)
class Audit:
    """What is found out about the given labels of N pairs.

    Attributes:
        ids: (N) ids of the pairs.
        label_names: (C) names.
        given_labels: (N, C) uint8, multi-hot.
        probability: (N, C) float32 in [0, 1], how likely each label is true.
        suspicion: (N,) float32 in [0, 1], how likely a pair's given labels are not all true.
        mixed_up: (C, C) float64, expected number of pairs that were given the row's label where the column's is true.
        shares: Share of pairs by what befell their labels; empty where labels were judged one by one.
        noise_model: The one that was taken: ``sample``, ``pair`` (by sample, with odds for pairs of labels) or ``label``.
    """

    ids: Sequence[str]
    label_names: Sequence[str]
    given_labels: UInt8
    probability: Float32
    suspicion: Float32
    mixed_up: Float64
    shares: dict[str, float]
    noise_model: str = "sample"

    @cached_property
    def ranking(self) -> Int64:
        """(N,) int64, rows of the pairs, the most suspicious first; equally suspicious ones in the order of the split."""
        return np.argsort(-self.suspicion, kind="stable")

    @cached_property
    def suggested_labels(self) -> UInt8:
        """(N, C) uint8: what is likelier true than not; where nothing is, the likeliest label, as no pair is left without one."""
        suggested = (self.probability > 0.5).astype(np.uint8)
        bare = np.flatnonzero(suggested.sum(axis=1) == 0)
        suggested[bare, self.probability[bare].argmax(axis=1)] = 1
        return suggested

    def accepted(self, threshold: float) -> Int64:
        """Returns the pairs whose suggested labels are taken without looking.

        Args:
            threshold: Suspicion from which on that is done, in [0, 1].

        Returns:
            (M,) int64, rows, the most suspicious first; only such whose suggested labels differ from the given ones.
        """
        differs = (self.suggested_labels != self.given_labels).any(axis=1)
        return np.array([row for row in self.ranking if differs[row] and self.suspicion[row] >= threshold], np.int64)

    def names(self, labels: npt.NDArray[np.integer]) -> list[str]:
        """Returns the names of a row of labels.

        Args:
            labels: (C,) multi-hot.

        Returns:
            Names, in the order of the columns.
        """
        return [self.label_names[column] for column in np.flatnonzero(labels).tolist()]


def audit_labels(train: LabelledFeatures, ids: Sequence[str], label_names: Sequence[str]) -> Audit:
    """Judges given labels by predictions from both modalities together, each pair by a regression without it.

    Suspicion is P(given labels are not all true | predictions, given labels), under the noise model that explains the given labels
    best (``training.audit.noise``).

    Args:
        train: Features and given labels of N pairs.
        ids: (N) ids of the pairs.
        label_names: (C) names.

    Returns:
        What was found.
    """
    given = train.given_labels.cpu().numpy()
    noise = estimate_noise(train)
    return Audit(
        ids=ids,
        label_names=label_names,
        given_labels=given.astype(np.uint8),
        probability=noise.probability,
        suspicion=noise.changed_probability(given),
        mixed_up=noise.mixed_up(given),
        shares=noise.shares if isinstance(noise, SampleNoise) else {},
        noise_model="pair" if isinstance(noise, PairNoise) else "sample" if isinstance(noise, SampleNoise) else "label",
    )
