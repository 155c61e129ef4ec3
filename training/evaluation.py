"""How good codes are: Hamming rankings in both directions, every figure exact in expectation over ties.

Decides relevance (at least one shared label), which queries count, and chance. Does not know how codes came about.

Distances are small integers, so ties are the rule and a sorted list would reward one arbitrary order. The numbers reported here
are means over all orders of tied items, in closed form, from histograms of distances: no sorting, no sampling.
``docs/evaluation.md`` defines each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from model.errors import DatasetError
from training.evaluation_figures import DirectionFigures, Evaluation, MapEvaluation, Separation
from training.ranking_histograms import LabelledCodes, RankingHistograms, label_histograms, partner_places, ranking_histograms
from training.ranking_metrics import (
    expected_average_precision,
    expected_ndcg,
    expected_partner_recall,
    expected_precision_at,
    precision_and_recall_within,
)
from training.relevance_histograms import RelevanceHistograms, relevance_histograms

__all__ = [
    "Evaluation",
    "LabelledCodes",
    "MapEvaluation",
    "Separation",
    "evaluate",
    "evaluate_map",
    "evaluate_separation",
    "evaluate_within",
]

_Histograms = RankingHistograms | RelevanceHistograms
_FIRST, _FIRST_PARTNERS, _RADIUS = 50, 10, 2
_LIST_LENGTHS = (1, 5, 10, 20, 50, 100, 200, 500, 1000)


def evaluate(query: LabelledCodes, database: LabelledCodes, *, label_names: Sequence[str] = ()) -> Evaluation:
    """Ranks the database for every query in both directions.

    Args:
        query: Q pairs.
        database: N pairs, none of them among the queries.
        label_names: (C) names for the figures of single labels; their numbers if empty.

    Returns:
        All figures.

    Raises:
        DatasetError: If nothing is relevant to any query: there is no mean over no queries.
    """
    names = label_names or [str(label) for label in range(query.labels.shape[1])]
    histograms = ranking_histograms(query, database)
    kept = _with_relevant(histograms["i2t"])
    maps = _maps(histograms, kept, n_database=len(database.labels))
    return Evaluation(
        **asdict(maps),
        i2t=_figures(query, database, "i2t", histograms["i2t"], names=names),
        t2i=_figures(query, database, "t2i", histograms["t2i"], names=names),
        **_chances(histograms["i2t"], kept),
        separation=_separation(histograms),
        label_share={names[label]: share for label, share in enumerate(database.labels.mean(axis=0).tolist())},
    )


def evaluate_map(query: LabelledCodes, database: LabelledCodes) -> MapEvaluation:
    """Ranks the database for every query in both directions, for mAP alone: a small part of the time of :func:`evaluate`.

    Args:
        query: Q pairs.
        database: N pairs, none of them among the queries.

    Returns:
        mAP over the whole database, chance and counts.

    Raises:
        DatasetError: If nothing is relevant to any query.
    """
    histograms = relevance_histograms(query, database)
    return _maps(histograms, _with_relevant(histograms["i2t"]), n_database=len(database.labels))


def evaluate_within(pairs: LabelledCodes) -> MapEvaluation:
    """Ranks all other pairs for each pair; a query's own partner is left out, as an unseen query has none.

    Args:
        pairs: N pairs.

    Returns:
        mAP over the other N − 1, chance and counts.

    Raises:
        DatasetError: If no two pairs share a label.
    """
    histograms = relevance_histograms(pairs, pairs, exclude_own=True)
    return _maps(histograms, _with_relevant(histograms["i2t"]), n_database=len(pairs.labels) - 1)


def evaluate_separation(pairs: LabelledCodes) -> Separation:
    """Measures how far apart the images and texts of a split are that share no label.

    Args:
        pairs: N pairs; all N (N − 1) combinations of one's image and another's text are looked at.

    Returns:
        Their distances.
    """
    return _separation(ranking_histograms(pairs, pairs, exclude_own=True, directions=("i2t",)))


def _separation(histograms: Mapping[str, RankingHistograms]) -> Separation:
    counts = sum((found.everything - found.relevant).sum(axis=0) for found in histograms.values())
    return Separation(tuple(np.asarray(counts).tolist()))


def _with_relevant(found: _Histograms) -> npt.NDArray[np.bool_]:
    """Says for which queries something is relevant; labels decide, so it is the same in both directions."""
    has_relevant: npt.NDArray[np.bool_] = found.relevant.sum(axis=1) > 0
    if not has_relevant.any():
        raise DatasetError("no query shares a label with any item of the database: there is nothing to evaluate")
    return has_relevant


def _maps(histograms: Mapping[str, _Histograms], kept: npt.NDArray[np.bool_], *, n_database: int) -> MapEvaluation:
    maps = {
        name: float(expected_average_precision(found.everything[kept], found.relevant[kept]).mean())
        for name, found in histograms.items()
    }
    return MapEvaluation(
        i2t_map=maps["i2t"],
        t2i_map=maps["t2i"],
        chance=float((histograms["i2t"].relevant[kept].sum(axis=1) / max(n_database, 1)).mean()),
        n_query=int(kept.sum()),
        n_without_relevant=int((~kept).sum()),
        n_database=n_database,
        n_bits=histograms["i2t"].everything.shape[1] - 1,
    )


def _figures(
    query: LabelledCodes, database: LabelledCodes, direction: str, found: RankingHistograms, *, names: Sequence[str]
) -> DirectionFigures:
    kept = _with_relevant(found)
    everything, relevant = found.everything[kept], found.relevant[kept]
    precision, recall = precision_and_recall_within(everything, relevant)
    empty = (np.cumsum(everything, axis=1) == 0).mean(axis=0)
    radius = min(_RADIUS, everything.shape[1] - 1)
    nearer, tied = partner_places(query, direction)
    lengths = [n for n in _LIST_LENGTHS if n <= len(database.labels)]
    return DirectionFigures(
        map_at_50=float(expected_average_precision(everything, relevant, _FIRST).mean()),
        ndcg_at_50=float(expected_ndcg(everything, found.gain[kept], found.levels[kept], _FIRST).mean()),
        precision_radius_2=float(precision[:, radius].mean()),
        empty_radius_2=float(empty[radius]),
        recall_at_10=float(expected_partner_recall(nearer, tied, _FIRST_PARTNERS).mean()),
        precision=tuple(precision.mean(axis=0).tolist()),
        recall=tuple(recall.mean(axis=0).tolist()),
        empty=tuple(empty.tolist()),
        precision_at={n: float(expected_precision_at(everything, relevant, n).mean()) for n in lengths},
        per_label={
            names[label]: float(expected_average_precision(found.everything[rows], bearers).mean())
            for label, rows, bearers in label_histograms(query, database, direction)
        },
    )


def _chances(found: RankingHistograms, kept: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Takes all items for one group of ties, which is a random order."""
    everything, relevant, gain = (
        counts[kept].sum(axis=1, keepdims=True) for counts in (found.everything, found.relevant, found.gain)
    )
    return {
        "chance_map_at_50": float(expected_average_precision(everything, relevant, _FIRST).mean()),
        "chance_ndcg_at_50": float(expected_ndcg(everything, gain, found.levels[kept], _FIRST).mean()),
        "chance_recall_at_10": min(1.0, _FIRST_PARTNERS / len(kept)),
    }
