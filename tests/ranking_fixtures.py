"""Small rankings: items with a distance and a gain, their histograms, and what a sorted list of gains is worth by definition."""

from __future__ import annotations

from itertools import permutations
from math import log2

import numpy as np

from model.codes import hamming_distances, pack_codes, sign_codes
from tests.training_fixtures import random_labels
from training.ranking_histograms import LabelledCodes

Items = list[tuple[int, int]]
"""Distance and gain of each item; a gain above 0 makes it relevant."""


def random_pairs(seed: int, n: int, n_bits: int = 8, n_labels: int = 4) -> LabelledCodes:
    rng = np.random.default_rng(seed)
    image, text = (rng.choice([-1.0, 1.0], (n, n_bits)).astype(np.float32) for _ in range(2))
    return LabelledCodes(image, text, random_labels(seed, n, n_labels))


def ranked_items(queries: np.ndarray, targets: np.ndarray, query_labels: np.ndarray, labels: np.ndarray) -> list[Items]:
    """Returns each query's items, from counted bits and sets of labels."""
    distances = hamming_distances(pack_codes(sign_codes(queries)), pack_codes(sign_codes(targets))).tolist()
    borne, wanted = ([set(np.flatnonzero(row)) for row in side] for side in (labels, query_labels))
    return [
        [(distance, len(want & have)) for distance, have in zip(row, borne, strict=True)]
        for row, want in zip(distances, wanted, strict=True)
    ]


def histograms(items: Items, n_bits: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns what RankingHistograms holds of one query: everything, relevant, gain, levels; each with one row."""
    distances, gains = np.array([d for d, _ in items]), np.array([g for _, g in items])
    by_distance = [np.bincount(distances, weights=w, minlength=n_bits + 1) for w in (gains >= 0, gains > 0, gains)]
    everything, relevant, gain = (counts.astype(np.int64)[None] for counts in by_distance)
    return everything, relevant, gain, np.bincount(gains)[None]


def average_precision(gains: list[int], k: int) -> float:
    found = [sum(g > 0 for g in gains[: place + 1]) / (place + 1) for place, gain in enumerate(gains[:k]) if gain > 0]
    return sum(found) / min(k, sum(g > 0 for g in gains))


def ndcg(gains: list[int], k: int) -> float:
    found, ideal = (sum(g / log2(i + 2) for i, g in enumerate(order[:k])) for order in (gains, sorted(gains, reverse=True)))
    return found / ideal


def precision_at(gains: list[int], k: int) -> float:
    shown = gains[:k]
    return sum(g > 0 for g in shown) / len(shown)


SLOW = {"ap": average_precision, "ndcg": ndcg, "precision": precision_at}


def average_over_all_orders(items: Items, k: int) -> dict[str, float]:
    """Sorts every permutation by distance, which keeps each order of tied items equally often."""
    rankings = [[gain for _, gain in sorted(order, key=lambda item: item[0])] for order in permutations(items)]
    return {name: float(np.mean([measure(gains, k) for gains in rankings])) for name, measure in SLOW.items()}


def average_over_shuffles(items: Items, k: int, rng: np.random.Generator, n: int) -> dict[str, float]:
    distances, gains = np.array([d for d, _ in items]), np.array([g for _, g in items])
    orders = [rng.permutation(len(items)) for _ in range(n)]
    rankings = [gains[order][np.argsort(distances[order], kind="stable")] for order in orders]
    discounts, ideal = 1 / np.log2(np.arange(2, k + 2)), np.sort(gains)[::-1][:k]
    precisions = [np.cumsum(ranked > 0)[:k] / np.arange(1, k + 1) for ranked in rankings]
    pairs = list(zip(precisions, rankings, strict=True))
    return {
        "ap": float(np.mean([precision[ranked[:k] > 0].sum() for precision, ranked in pairs])) / min(k, (gains > 0).sum()),
        "ndcg": float(np.mean([ranked[:k] @ discounts for ranked in rankings]) / (ideal @ discounts)),
        "precision": float(np.mean([precision[-1] for precision in precisions])),
    }
