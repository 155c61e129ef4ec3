"""What one run's calibration promises, beside what the query split finds, which the fit did not see.

Decides the measures. Expected calibration error: with p(d) the expected precision, n(d) the hits at distance d and r(d) the
relevant ones among them, ECE = Σ_d n(d)/N · |p(d) − r(d)/n(d)|, over all queries of a direction together; hits are all items, or
each query's first ten in expectation over ties. Beside it stand two others. ``by promise`` puts all distances of which the same is
promised together, as the usual definition does (C. Guo et al., On Calibration of Modern Neural Networks, 2017,
https://arxiv.org/abs/1706.04599, there in 15 bins). The least one is the ECE by distance of the best curve that never rises: codes
have it of their own, however they are calibrated. The precision with ``min_precision`` is that of all hits within its radius.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from model.calibration import MODALITY_PAIRS, Calibration
from training.evaluation import LabelledCodes
from training.ranking_histograms import ranking_histograms

Float64 = npt.NDArray[np.float64]
Pair = tuple[str, str]
WANTED = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
FIRST = 10


@dataclass(frozen=True, slots=True)
class Hits:
    """What queries find in one direction.

    Attributes:
        everything: (Q, n_bits + 1) float64, items by distance from each query.
        relevant: (Q, n_bits + 1) float64, those that share a true label with it.
    """

    everything: Float64
    relevant: Float64

    def __add__(self, other: Hits) -> Hits:
        """Returns what they find in two indexes together."""
        return Hits(self.everything + other.everything, self.relevant + other.relevant)

    def times(self, n: int) -> Hits:
        """Returns what they find where every item is there so many times.

        Args:
            n: How many times.

        Returns:
            Multiples.
        """
        return Hits(self.everything * n, self.relevant * n)

    def first(self, n: int) -> Hits:
        """Returns each query's first hits, the mean over all orders of ties.

        Args:
            n: How many.

        Returns:
            Expected numbers.
        """
        before = np.cumsum(self.everything, axis=1) - self.everything
        taken = np.clip(n - before, 0, self.everything)
        return Hits(taken, taken * self.relevant / np.maximum(self.everything, 1))

    def within(self, radius: int | None) -> Hits:
        """Returns what lies within a distance.

        Args:
            radius: Inclusive; None for nothing at all.

        Returns:
            The rest is 0.
        """
        kept = np.arange(self.everything.shape[1]) <= (-1 if radius is None else radius)
        return Hits(self.everything * kept, self.relevant * kept)


@dataclass(frozen=True, slots=True)
class Promise:
    """What a wanted precision came to.

    Attributes:
        wanted: The ``min_precision``.
        radius: What it stands for; None if nothing reaches it.
        precision: Of all hits within it; None if there are none.
        precision_first: Of each query's first ten of them.
        n_hits: How many there are.
        share_answered: Share of queries that find any.
    """

    wanted: float
    radius: int | None
    precision: float | None
    precision_first: float | None
    n_hits: int
    share_answered: float

    @property
    def shortfall(self) -> float:
        """By how much the precision falls short of what was wanted; 0 or less if it does not."""
        return self.wanted - self.precision if self.precision is not None else 0.0


@dataclass(frozen=True, slots=True)
class Reliability:
    """One direction of one calibration on one index.

    Attributes:
        ece: Over all hits.
        ece_first: Over each query's first ten.
        ece_by_promise: Over all hits, those of the same promise together.
        ece_least: That of the falling curve that fits these very hits best.
        base_rate: Share of relevant items among all.
        promises: By wanted precision.
        curve: Promised, ends of the interval, measured, hits: by distance; empty to save room.
    """

    ece: float
    ece_first: float
    ece_by_promise: float
    ece_least: float
    base_rate: float
    promises: list[Promise]
    curve: dict[str, list[float]] = field(default_factory=dict)


def find_hits(query: LabelledCodes, index: LabelledCodes) -> dict[Pair, Hits]:
    """Counts what queries find, in all four directions.

    Args:
        query: With true labels.
        index: Likewise.

    Returns:
        By (query modality, target modality).
    """
    across = ranking_histograms(query, index)
    within = ranking_histograms(query, LabelledCodes(image=index.text, text=index.image, labels=index.labels))
    found = (across["i2t"], across["t2i"], within["i2t"], within["t2i"])
    return {
        pair: Hits(each.everything.astype(np.float64), each.relevant.astype(np.float64))
        for pair, each in zip(MODALITY_PAIRS, found, strict=True)
    }


def calibration_error(promised: Float64, hits: Hits) -> float:
    """Returns ECE of the module's docstring.

    Args:
        promised: (n_bits + 1) float64.
        hits: What was found.

    Returns:
        In [0, 1].
    """
    n, relevant = hits.everything.sum(axis=0), hits.relevant.sum(axis=0)
    return float(np.abs(promised * n - relevant).sum() / n.sum())


def error_by_promise(promised: Float64, hits: Hits) -> float:
    """Returns ECE where hits of one promise count together, whatever their distances.

    Args:
        promised: (n_bits + 1) float64.
        hits: What was found.

    Returns:
        In [0, 1], at most :func:`calibration_error`.
    """
    values, places = np.unique(promised, return_inverse=True)
    n, relevant = (np.bincount(places, each.sum(axis=0)) for each in (hits.everything, hits.relevant))
    return float(np.abs(values * n - relevant).sum() / n.sum())


def least_error(hits: Hits) -> float:
    """Returns the least ECE that a curve can have that never rises with distance.

    Such a curve is best with values among the measured shares; the best one is found distance by distance.

    Args:
        hits: What was found.

    Returns:
        In [0, 1].
    """
    n, relevant = hits.everything.sum(axis=0), hits.relevant.sum(axis=0)
    seen = n > 0
    n, relevant = n[seen], relevant[seen]
    values = np.unique(relevant / n)[::-1]
    costs = np.zeros(len(values))  # so far, by the value at the last distance
    for everything, found in zip(n, relevant, strict=True):
        costs = np.minimum.accumulate(costs) + np.abs(values * everything - found)
    return float(costs.min() / n.sum())


def judge(calibration: Calibration, found: dict[Pair, Hits], *, with_curve: bool = False) -> dict[str, Any]:
    """Puts what a calibration promises beside what was found.

    Args:
        calibration: Fitted without these queries.
        found: Their hits.
        with_curve: Whether to keep what plots need.

    Returns:
        A :class:`Reliability` by direction, JSON-able.
    """
    judged = {}
    for pair, hits in found.items():
        curve = calibration.curves[pair]
        promised = np.array(curve.value)
        n, relevant = hits.everything.sum(axis=0), hits.relevant.sum(axis=0)
        drawn = {
            "promised": list(curve.value),
            "low": list(curve.low),
            "high": list(curve.high),
            "measured": (relevant / np.maximum(n, 1)).tolist(),
            "n": n.tolist(),
        }
        reliability = Reliability(
            ece=calibration_error(promised, hits),
            ece_first=calibration_error(promised, hits.first(FIRST)),
            ece_by_promise=error_by_promise(promised, hits),
            ece_least=least_error(hits),
            base_rate=float(relevant.sum() / n.sum()),
            promises=[_promise(calibration.max_distance(wanted, *pair), wanted, hits) for wanted in WANTED],
            curve=drawn if with_curve else {},
        )
        judged["-".join(pair)] = asdict(reliability)
    return judged


def _promise(radius: int | None, wanted: float, hits: Hits) -> Promise:
    within = hits.within(radius)
    n = float(within.everything.sum())
    first = within.first(FIRST)
    return Promise(
        wanted=wanted,
        radius=radius,
        precision=float(within.relevant.sum() / n) if n else None,
        precision_first=float(first.relevant.sum() / first.everything.sum()) if n else None,
        n_hits=int(n),
        share_answered=float((within.everything.sum(axis=1) > 0).mean()),
    )
