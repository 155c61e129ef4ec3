"""Times our evaluation against the loop that is usual in the field: one sort a query, mAP only.

    OMP_NUM_THREADS=1 python -m bench.evaluate [--n-query 2000] [--n-database 18000] [--n-bits 64] [--n-labels 24] [--rounds 5]

Random codes and labels, both directions. The three are called in turn, so that whatever else the machine does falls on all; the
last line gives ratios of medians. The loop's mAP depends on how its sort orders ties; the script fails if it is not near ours.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

import numpy as np

from model.codes import Float32, UInt8
from training.evaluation import LabelledCodes, evaluate
from training.ranking_histograms import ranking_histograms
from training.ranking_metrics import expected_average_precision

Evaluator = Callable[[LabelledCodes, LabelledCodes], object]
_NEAR = 0.005


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


def map_by_histograms(query: LabelledCodes, database: LabelledCodes) -> float:
    """Returns the mean mAP of both directions, and nothing else, as ours is computed."""
    found = ranking_histograms(query, database).values()
    return float(np.mean([expected_average_precision(each.everything, each.relevant).mean() for each in found]))


def map_by_sorting(query: LabelledCodes, database: LabelledCodes) -> float:
    """Returns the mean mAP of both directions from one sorted list a query, ties in whatever order the sort leaves them."""
    i2t = _sorted_map(query.image, database.text, query.labels, database.labels)
    return (i2t + _sorted_map(query.text, database.image, query.labels, database.labels)) / 2


def _sorted_map(queries: Float32, targets: Float32, query_labels: UInt8, labels: UInt8) -> float:
    borne, found = labels.astype(np.float32), []
    for code, wanted in zip(queries, query_labels.astype(np.float32), strict=True):
        distances = (targets.shape[1] - targets @ code) / 2
        ranked = (borne @ wanted > 0)[np.argsort(distances)]
        places = np.flatnonzero(ranked) + 1
        found.append(float(np.mean(np.arange(1, len(places) + 1) / places)) if len(places) else 0.0)
    return float(np.mean(found))


def seconds(function: Evaluator, query: LabelledCodes, database: LabelledCodes) -> float:
    """Returns how long one call takes, in seconds."""
    started = time.perf_counter()
    function(query, database)
    return time.perf_counter() - started


def main() -> None:
    """Reads the arguments and prints the medians.

    Raises:
        SystemExit: If numpy may use several threads, or the loop's mAP is far from ours.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("n-query", 2000), ("n-database", 18_000), ("n-bits", 64), ("n-labels", 24), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        raise SystemExit("set OMP_NUM_THREADS=1: the comparison is on one thread")
    sides = [random_codes(seed, n, given.n_bits, given.n_labels) for seed, n in enumerate((given.n_query, given.n_database))]
    functions: dict[str, Evaluator] = {"everything": evaluate, "mAP only": map_by_histograms, "sort loop, mAP only": map_by_sorting}
    if abs(map_by_histograms(*sides) - map_by_sorting(*sides)) > _NEAR:
        raise SystemExit("the loop's mAP is far from ours")
    rounds = [{name: seconds(function, *sides) for name, function in functions.items()} for _ in range(given.rounds)]
    medians = {name: statistics.median(each[name] for each in rounds) for name in functions}
    print(f"{given.n_query} queries, {given.n_database} items, {given.n_bits} bits, {given.n_labels} labels, one thread")
    print(", ".join(f"{name} {median:.3f} s" for name, median in medians.items()))
    ours, only, loop = medians.values()
    print(
        f"everything / mAP only {ours / only:.2f}, sort loop / mAP only {loop / only:.1f}, sort loop / everything {loop / ours:.1f}"
    )


if __name__ == "__main__":
    main()
