"""The figures of an evaluation, and under which names they are reported.

Decides names: flat numbers for manifests and tables, nested lists for plots. Does not know how they are computed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class MapEvaluation:
    """Mean average precision of a ranking task.

    Attributes:
        i2t_map: mAP of image queries on database texts, in [0, 1].
        t2i_map: mAP of text queries on database images, in [0, 1].
        chance: Mean share of relevant items in the database, what a random ranking comes to.
        n_query: Queries with at least one relevant item; the mean is over these.
        n_without_relevant: Queries left out because nothing is relevant to them.
        n_database: Items ranked for each query.
        n_bits: Bits of a code.
    """

    i2t_map: float
    t2i_map: float
    chance: float
    n_query: int
    n_without_relevant: int
    n_database: int
    n_bits: int

    @property
    def mean_map(self) -> float:
        """Mean of both directions."""
        return (self.i2t_map + self.t2i_map) / 2

    def as_dict(self) -> dict[str, float | int]:
        """Returns all numbers by name, ``mean_map`` included."""
        return {field.name: getattr(self, field.name) for field in fields(MapEvaluation)} | {"mean_map": self.mean_map}


@dataclass(frozen=True, slots=True)
class DirectionFigures:
    """What one direction gave beside its mAP; means over the queries that count.

    Attributes:
        map_at_50: mAP of the first 50 places, in [0, 1].
        ndcg_at_50: NDCG of the first 50 places, gain = shared labels, in [0, 1].
        precision_radius_2: Precision of items within distance 2, 0 for a query with none, in [0, 1].
        empty_radius_2: Share of queries with no item within distance 2.
        recall_at_10: Probability that a query's own partner is among the first 10 of all queries' partners.
        precision: Precision of items within distance 0…n_bits, 0 for a query with none.
        recall: Recall of items within distance 0…n_bits.
        empty: Share of queries with no item within distance 0…n_bits.
        precision_at: Precision of the first N places, by N.
        per_label: mAP by label name: queries that bear it, items that bear it being the relevant ones.
    """

    map_at_50: float
    ndcg_at_50: float
    precision_radius_2: float
    empty_radius_2: float
    recall_at_10: float
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    empty: tuple[float, ...]
    precision_at: dict[int, float]
    per_label: dict[str, float]

    def scalars(self) -> dict[str, float]:
        """Returns the single numbers by name."""
        names = ("map_at_50", "ndcg_at_50", "precision_radius_2", "empty_radius_2", "recall_at_10")
        return {name: getattr(self, name) for name in names}

    def curves(self) -> dict[str, Any]:
        """Returns the rest, JSON-able."""
        return {
            "distance": list(range(len(self.precision))),
            "precision": list(self.precision),
            "recall": list(self.recall),
            "empty": list(self.empty),
            "precision_at": {"n": list(self.precision_at), "precision": list(self.precision_at.values())},
            "per_label": dict(self.per_label),
        }


@dataclass(frozen=True, slots=True)
class Separation:
    """How far apart an image and a text are that share no label.

    Attributes:
        counts: Such pairs by distance 0…n_bits.
    """

    counts: tuple[int, ...]

    @property
    def n_pairs(self) -> int:
        """Number of such pairs."""
        return sum(self.counts)

    def percentile(self, share: float) -> int:
        """Returns the least distance within which at least this share of the pairs lies.

        Args:
            share: In [0, 1]; 0 gives the least distance of all.

        Returns:
            In 0…n_bits.

        Raises:
            ValueError: If there is no such pair.
        """
        if not self.n_pairs:
            raise ValueError("every pair shares a label")
        return int(np.searchsorted(np.cumsum(self.counts), max(share * self.n_pairs, 1)))

    def as_dict(self) -> dict[str, float | int]:
        """Returns ``dissimilar_min`` and ``dissimilar_p1``, the 1st percentile; nothing if every pair shares a label."""
        return {"dissimilar_min": self.percentile(0.0), "dissimilar_p1": self.percentile(0.01)} if self.n_pairs else {}


@dataclass(frozen=True, slots=True)
class Evaluation(MapEvaluation):
    """Everything a ranking task gave.

    Attributes:
        i2t: The other figures of image queries.
        t2i: The other figures of text queries.
        chance_map_at_50: Expected mAP of the first 50 places of a random order.
        chance_ndcg_at_50: Expected NDCG of the first 50 places of a random order.
        chance_recall_at_10: Probability that the partner is among 10 random ones.
        separation: Distances of query–database pairs without a shared label, both directions together.
        label_share: Share of database items that bear a label, by its name: what per-label mAP comes to by chance.
    """

    i2t: DirectionFigures
    t2i: DirectionFigures
    chance_map_at_50: float
    chance_ndcg_at_50: float
    chance_recall_at_10: float
    separation: Separation
    label_share: dict[str, float]

    def as_dict(self) -> dict[str, float | int]:
        """Returns all single numbers by name, those of one direction behind ``i2t_`` and ``t2i_``."""
        by_direction = {
            f"{direction}_{name}": value
            for direction, figures in (("i2t", self.i2t), ("t2i", self.t2i))
            for name, value in figures.scalars().items()
        }
        chances = {name: getattr(self, name) for name in ("chance_map_at_50", "chance_ndcg_at_50", "chance_recall_at_10")}
        return MapEvaluation.as_dict(self) | by_direction | chances | self.separation.as_dict()

    def curves(self) -> dict[str, Any]:
        """Returns curves and per-label figures of both directions, and ``label_share``; JSON-able."""
        return {"i2t": self.i2t.curves(), "t2i": self.t2i.curves(), "label_share": dict(self.label_share)}
