"""Times one search of our exact index against faiss's own IndexBinaryFlat on the same codes, on one thread.

    python -m bench.search_flat [--n-codes 1000000] [--n-bits 64] [--k 10] [--rounds 101]

The two are called in turn, so that whatever else the machine does falls on both; the last line is the ratio of their medians.
Both must find the same rows, or the script fails.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import faiss
import numpy as np

from app.index import open_index
from model.codes import UInt8


def seconds(search: Callable[..., object], query: UInt8, k: int) -> float:
    """Returns how long one search takes.

    Args:
        search: What is timed.
        query: (1, n_bits / 8) uint8.
        k: Hits asked for.

    Returns:
        Seconds.
    """
    started = time.perf_counter()
    search(query, k=k)
    return time.perf_counter() - started


def compare(n_codes: int, n_bits: int, k: int, rounds: int) -> dict[str, Any]:
    """Fills both indexes with the same random codes and times them in turn.

    Args:
        n_codes: Codes held.
        n_bits: Bits of one code.
        k: Hits asked for.
        rounds: Searches timed of each.

    Returns:
        Median milliseconds of each and their ratio.

    Raises:
        SystemExit: If the two find different rows.
    """
    faiss.omp_set_num_threads(1)
    random = np.random.default_rng(0)
    codes = random.integers(0, 256, (n_codes, n_bits // 8), dtype=np.uint8)
    queries = random.integers(0, 256, (rounds, 1, n_bits // 8), dtype=np.uint8)
    ours, raw = open_index(n_bits), faiss.IndexBinaryFlat(n_bits)
    ours.add(np.arange(n_codes), codes)
    raw.add(codes)
    times: list[tuple[float, float]] = []
    for query in queries:
        if [hit.row_id for hit in ours.search(query, k=k)[0]] != raw.search(query, k)[1][0].tolist():
            raise SystemExit("the two indexes disagree")
        times.append((seconds(ours.search, query, k), seconds(raw.search, query, k)))
    ours_s, raw_s = np.median(times, axis=0).tolist()
    return {"ours_ms": ours_s * 1e3, "raw_ms": raw_s * 1e3, "ratio": ours_s / raw_s}


def main() -> None:
    """Reads the arguments and prints the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("n-codes", 1_000_000), ("n-bits", 64), ("k", 10), ("rounds", 101)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    medians = compare(given.n_codes, given.n_bits, given.k, given.rounds)
    print(f"{given.n_codes} codes of {given.n_bits} bits, k = {given.k}, one thread, faiss {faiss.__version__}")
    print(f"ours {medians['ours_ms']:.3f} ms, IndexBinaryFlat {medians['raw_ms']:.3f} ms, ratio {medians['ratio']:.3f}")


if __name__ == "__main__":
    main()
