"""Whether distances that a service meets are still those that its calibration was measured on.

Decides the measure and from when on it is told in words. Compares distances of queries to items drawn at random, which do not
depend on the size of an index; the distances of hits do. Imports no torch.

The measure is the total variation Σ_d |p(d) − q(d)| / 2 of the two shares by distance: 0 the same, 1 nothing in common. Of n pairs
of n queries drawn from q itself it is about Σ_d √(q(d) (1 − q(d)) / (2 π n)), the mean deviation of a binomial share, halved; what
is beyond twice that and beyond a tenth is told. Pairs of one query count for less: give one or a few of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.calibration import DistanceCurve

_WORTH_TELLING, _TIMES_CHANCE = 0.1, 2.0


@dataclass(frozen=True, slots=True)
class Drift:
    """How far live distances are from those of a calibration.

    Attributes:
        n_pairs: Live pairs.
        total_variation: In [0, 1].
        by_chance: What it would be about without any drift.
        shift: Mean live distance minus mean calibrated distance, in bits.
    """

    n_pairs: int
    total_variation: float
    by_chance: float
    shift: float

    @property
    def threshold(self) -> float:
        """What the total variation must be above to be told."""
        return max(_WORTH_TELLING, _TIMES_CHANCE * self.by_chance)

    @property
    def is_drifting(self) -> bool:
        """Whether the calibration should not be trusted any more."""
        return self.total_variation > self.threshold

    def words(self, asks: str, found: str) -> str:
        """Says it in a sentence; empty if nothing drifts.

        Args:
            asks: Modality of the queries.
            found: Modality of the items.

        Returns:
            The sentence.
        """
        if not self.is_drifting:
            return ""
        way = "farther" if self.shift > 0 else "nearer"
        return (
            f"{asks} → {found}: {self.total_variation:.0%} of the distances lie elsewhere than when calibrated, "
            f"{abs(self.shift):.1f} bits {way} on average; recalibrate"
        )


def measure_drift(live: Sequence[int], curve: DistanceCurve) -> Drift:
    """Compares live distances with a calibration's.

    Args:
        live: (n_bits + 1) pairs of a live query and an item drawn at random, by distance; at least one pair.
        curve: Of the same direction.

    Returns:
        The comparison.

    Raises:
        ValueError: If there is no pair, or the number of distances is another.
    """
    counts, reference = np.asarray(live, np.float64), np.asarray(curve.n_pairs, np.float64)
    if len(counts) != len(reference) or counts.sum() <= 0:
        raise ValueError(f"{len(counts)} distances with {counts.sum():.0f} pairs; expected {len(reference)} distances and a pair")
    n = float(counts.sum())
    p, q = counts / n, reference / reference.sum()
    return Drift(
        n_pairs=int(n),
        total_variation=float(np.abs(p - q).sum() / 2),
        by_chance=float(np.sqrt(q * (1 - q) / (2 * np.pi * n)).sum()),
        shift=float((p - q) @ np.arange(len(p))),
    )
