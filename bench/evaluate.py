"""Times our evaluation against loops that sort once a query, as is usual in the field, mAP only.

    OMP_NUM_THREADS=1 python -m bench.evaluate [--size check|bench|large] [--n-query 2000] [--n-database 18000] [--n-bits 64 ...]

Random codes and labels, both directions. A loop's mAP depends on how its sort orders ties; the script fails if it is not near ours,
or if the counts behind our mAP are not those behind all other figures. Loops take an eighth of the queries, and their time is
taken eight times.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from bench.limits import sgemm_rate
from bench.machine import require_threads
from bench.result import Result, measure
from bench.timing import Turns, take_turns
from model.codes import Float32, UInt8
from training.evaluation import LabelledCodes, evaluate, evaluate_map
from training.ranking_histograms import ranking_histograms
from training.relevance_histograms import relevance_histograms

Order = Callable[[Float32], npt.NDArray[np.int64]]
_NEAR, _PART = 0.005, 8
_SIZES = {"check": (400, 6000, [64]), "bench": (2000, 18_000, [64]), "large": (2000, 18_000, [16, 32, 64, 128, 256])}
_FIELD, _SIMD, _RADIX = "a sort a query, torch.sort", "numpy.argsort", "numpy.argsort of bytes, by radix"


def random_codes(seed: int, n: int, n_bits: int, n_labels: int) -> LabelledCodes:
    """Makes pairs with a fifth of the labels each, as MIRFlickr-25K has.

    Args:
        seed: Of the generator.
        n: Pairs.
        n_bits: Bits of a code.
        n_labels: Labels.

    Returns:
        Random signs and labels, at least one label a pair.
    """
    rng = np.random.default_rng(seed)
    image, text = (rng.choice(np.array([-1, 1], np.float32), (n, n_bits)) for _ in range(2))
    labels = (rng.random((n, n_labels)) < 0.2).astype(np.uint8)
    labels[np.arange(n), rng.integers(n_labels, size=n)] = 1
    return LabelledCodes(image, text, labels)


def map_by_sorting(query: LabelledCodes, database: LabelledCodes, order: Order) -> float:
    """Returns the mean mAP of both directions from one sorted list a query.

    Args:
        query: Q pairs.
        database: N pairs.
        order: Sorts one query's distances, ties in whatever order.

    Returns:
        In [0, 1].
    """
    i2t = _sorted_map(query.image, database.text, query.labels, database.labels, order=order)
    return (i2t + _sorted_map(query.text, database.image, query.labels, database.labels, order=order)) / 2


def _sorted_map(queries: Float32, targets: Float32, query_labels: UInt8, labels: UInt8, *, order: Order) -> float:
    borne, found = labels.astype(np.float32), []
    for code, wanted in zip(queries, query_labels.astype(np.float32), strict=True):
        distances = (targets.shape[1] - targets @ code) / 2
        ranked = (borne @ wanted > 0)[order(distances)]
        places = np.flatnonzero(ranked) + 1
        found.append(float(np.mean(np.arange(1, len(places) + 1) / places)) if len(places) else 0.0)
    return float(np.mean(found))


def map_in_torch(query: LabelledCodes, database: LabelledCodes) -> float:
    """Returns the mean mAP of both directions as the field's evaluation scripts compute it: tensors, and torch.sort a query.

    Args:
        query: Q pairs.
        database: N pairs.

    Returns:
        In [0, 1].
    """
    sides = [(query.image, database.text), (query.text, database.image)]
    wanted, borne = (torch.from_numpy(side.labels).float() for side in (query, database))
    total = 0.0
    for codes, targets in ((torch.from_numpy(a), torch.from_numpy(b)) for a, b in sides):
        for code, own in zip(codes, wanted, strict=True):
            relevant = (own @ borne.T > 0).float()
            order = torch.sort(0.5 * (targets.shape[1] - code @ targets.T)).indices
            places = torch.nonzero(relevant[order]).squeeze(1).float() + 1
            counted = torch.arange(1, len(places) + 1).float()
            total += float((counted / places).mean()) / len(codes)
    return total / 2


ORDERS: dict[str, Order] = {_SIMD: np.argsort, _RADIX: lambda distances: np.argsort(distances.astype(np.uint8), kind="stable")}


def compare(query: LabelledCodes, database: LabelledCodes, rounds: int) -> Turns:
    """Times everything in turns.

    Args:
        query: Q pairs.
        database: N pairs.
        rounds: Turns.

    Returns:
        Seconds for all queries.

    Raises:
        SystemExit: If anything disagrees.
    """
    few = slice(len(query.labels) // _PART)
    part = LabelledCodes(query.image[few], query.text[few], query.labels[few])
    loops: dict[str, Callable[[], float]] = {_FIELD: lambda: map_in_torch(part, database)}
    loops |= {name: lambda order=order: map_by_sorting(part, database, order) for name, order in ORDERS.items()}  # type: ignore[misc]
    wanted = evaluate_map(part, database)
    if far := [name for name, loop in loops.items() if abs(loop() - (wanted.i2t_map + wanted.t2i_map) / 2) > _NEAR]:
        raise SystemExit(f"far from our mAP: {', '.join(far)}")
    general, quick = ranking_histograms(part, database), relevance_histograms(part, database)
    if any((general[way].relevant != quick[way].relevant).any() for way in general):
        raise SystemExit("the counts behind mAP alone are not those behind the other figures")
    ours = {"mAP": lambda: evaluate_map(query, database), "every figure": lambda: evaluate(query, database)}
    seconds = dict(take_turns({**ours, **loops}, rounds=rounds).seconds)
    return Turns(seconds | {name: [each * _PART for each in seconds[name]] for name in loops})


def run(given: argparse.Namespace) -> Result:
    """Measures.

    Args:
        given: Sizes.

    Returns:
        Tables, and the target of mAP at 64 bits.
    """
    require_threads(1)
    n_query, n_database, lengths = _SIZES[given.size]
    n_query, n_database = given.n_query or n_query, given.n_database or n_database
    result = Result("evaluate", "Evaluation", {"n_query": n_query, "n_database": n_database, "n_labels": 24, "threads": 1})
    table = f"mAP@all of {n_query:,} queries × {n_database:,} items, both directions"
    for n_bits in given.n_bits or lengths:
        query, database = (random_codes(seed, n, n_bits, 24) for seed, n in enumerate((n_query, n_database)))
        turns = compare(query, database, given.rounds)
        for name in turns.seconds:
            result.add(table, n_bits=n_bits, way=name, seconds=turns.of(name), times_ours=turns.ratio(name, "mAP"))
        for name in (_FIELD, *ORDERS):
            result.beat(f"mAP@all, {n_bits} bits", name, turns.ratio(name, "mAP"))
        if n_bits == 64:
            result.reach("map_at_all", turns.ratio(_FIELD, "mAP"))
    result.limits["sgemm, GFLOP/s"] = sgemm_rate()
    return result


if __name__ == "__main__":
    own = argparse.ArgumentParser()
    own.add_argument("--n-query", type=int)
    own.add_argument("--n-database", type=int)
    own.add_argument("--n-bits", type=int, nargs="+")
    own.add_argument("--rounds", type=int, default=5)
    sys.exit(measure(__doc__, run, own))
