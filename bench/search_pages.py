"""Times pages of one search, from the first to deep ones, on one thread: each costs one pass over all codes, however deep it is.

    python -m bench.search_pages [--n-codes 1000000] [--n-bits 64] [--k 100] [--rounds 21]

The pages of each query, put together, must be the beginning of the whole order, or the script fails.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from app.index import open_index
from app.index.base import CodeIndex, Window
from model.codes import UInt8


def timed(index: CodeIndex, query: UInt8, k: int, window: Window) -> tuple[list[tuple[int, int]], float]:
    """Searches once.

    Args:
        index: What is searched.
        query: (1, n_bits / 8) uint8.
        k: Hits asked for.
        window: The page.

    Returns:
        (distance, row_id) of each hit, and milliseconds.
    """
    started = time.perf_counter()
    [hits] = index.search(query, k=k, window=window)
    return [(hit.distance, hit.row_id) for hit in hits], (time.perf_counter() - started) * 1e3


def compare(n_codes: int, n_bits: int, k: int, rounds: int) -> dict[str, float]:
    """Fills an index with random codes and times pages of random queries.

    Args:
        n_codes: Codes held; at least four pages.
        n_bits: Bits of one code.
        k: Hits a page.
        rounds: Queries.

    Returns:
        Median milliseconds of the first, the second and a page half-way through all codes.

    Raises:
        SystemExit: If pages overlap or leave something out.
    """
    random = np.random.default_rng(0)
    index = open_index(n_bits)
    index.add(np.arange(1, n_codes + 1), random.integers(0, 256, (n_codes, n_bits // 8), dtype=np.uint8))
    times = []
    for query in random.integers(0, 256, (rounds, 1, n_bits // 8), dtype=np.uint8):
        first, first_ms = timed(index, query, k, Window())
        second, second_ms = timed(index, query, k, Window(after=first[-1]))
        if first + second != timed(index, query, 2 * k, Window())[0]:
            raise SystemExit("two pages are not the beginning of the whole")
        _, deep_ms = timed(index, query, k, Window(after=(n_bits // 2, n_codes // 2)))
        times.append((first_ms, second_ms, deep_ms))
    return dict(zip(("first", "second", "half-way"), np.median(times, axis=0).tolist(), strict=True))


def main() -> None:
    """Reads the arguments and prints the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("n-codes", 1_000_000), ("n-bits", 64), ("k", 100), ("rounds", 21)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    medians = compare(given.n_codes, given.n_bits, given.k, given.rounds)
    print(f"{given.n_codes} codes of {given.n_bits} bits, {given.k} hits a page, one thread")
    print(", ".join(f"{name} page {ms:.2f} ms" for name, ms in medians.items()))


if __name__ == "__main__":
    main()
