"""Times pages of one search, from the first to deep ones, on one thread: each costs one pass over all codes, however deep it is.

    OMP_NUM_THREADS=1 python -m bench.search_pages [--size check|bench|large] [--n-codes N] [--n-bits 64] [--k 100] [--rounds 21]

The pages of each query, put together, must be the beginning of the whole order, or the script fails.
"""

from __future__ import annotations

import argparse
import sys
from itertools import cycle

import numpy as np

from app.index import open_index
from app.index.base import CodeIndex, Window
from bench.machine import require_threads
from bench.result import Result, measure
from bench.timing import Turns, take_turns
from model.codes import UInt8

_SIZES = {"check": 100_000, "bench": 1_000_000, "large": 10_000_000}


def page(index: CodeIndex, query: UInt8, k: int, window: Window) -> list[tuple[int, int]]:
    """Searches once.

    Args:
        index: What is searched.
        query: (1, n_bits / 8) uint8.
        k: Hits asked for.
        window: The page.

    Returns:
        (distance, row_id) of each hit.
    """
    [hits] = index.search(query, k=k, window=window)
    return [(hit.distance, hit.row_id) for hit in hits]


def compare(n_codes: int, n_bits: int, k: int, rounds: int) -> Turns:
    """Fills an index with random codes and times pages of random queries in turns.

    Args:
        n_codes: Codes held; at least four pages.
        n_bits: Bits of one code.
        k: Hits a page.
        rounds: Turns.

    Returns:
        Seconds of the first, the second and a page half-way through all codes.

    Raises:
        SystemExit: If pages overlap or leave something out.
    """
    random = np.random.default_rng(0)
    index = open_index(n_bits)
    index.add(np.arange(1, n_codes + 1), random.integers(0, 256, (n_codes, n_bits // 8), dtype=np.uint8))
    queries = list(random.integers(0, 256, (rounds, 1, n_bits // 8), dtype=np.uint8))
    firsts = [page(index, query, k, Window()) for query in queries]
    seconds = [page(index, query, k, Window(after=first[-1])) for query, first in zip(queries, firsts, strict=True)]
    if any(page(index, q, 2 * k, Window()) != a + b for q, a, b in zip(queries, firsts, seconds, strict=True)):
        raise SystemExit("two pages are not the beginning of the whole")
    each, behind, deep = cycle(queries), cycle(zip(queries, firsts, strict=True)), cycle(queries)

    def second() -> None:
        query, first = next(behind)
        page(index, query, k, Window(after=first[-1]))

    return take_turns(
        {
            "first": lambda: page(index, next(each), k, Window()),
            "second": second,
            "half-way": lambda: page(index, next(deep), k, Window(after=(n_bits // 2, n_codes // 2))),
        },
        rounds=rounds,
    )


def run(given: argparse.Namespace) -> Result:
    """Measures.

    Args:
        given: Sizes.

    Returns:
        A table.
    """
    require_threads(1)
    n_codes = given.n_codes or _SIZES[given.size]
    turns = compare(n_codes, given.n_bits, given.k, given.rounds)
    result = Result("search_pages", "Pages of a search", {"n_codes": n_codes, "n_bits": given.n_bits, "k": given.k, "threads": 1})
    for name in turns.seconds:
        result.add("Pages", page=name, ms=turns.of(name).times(1e3), times_the_first=turns.ratio(name, "first"))
    return result


if __name__ == "__main__":
    own = argparse.ArgumentParser()
    own.add_argument("--n-codes", type=int)
    own.add_argument("--n-bits", type=int, default=64)
    own.add_argument("--k", type=int, default=100)
    own.add_argument("--rounds", type=int, default=21)
    sys.exit(measure(__doc__, run, own))
