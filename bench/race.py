"""Searches, adds and deletes at the same time; answers are compared with what brute force says of the rows that stay all the while.

    python -m bench.race [--seconds 60] [--n-codes 1000000] [--n-bits 64] [--kind auto]

A few thousand codes come and go beside those that stay. Prints how many searches and writes there were, and the longest of each; a
wrong answer ends it with an error.
"""

from __future__ import annotations

import argparse
import threading
import time
from dataclasses import dataclass, field

import numpy as np

from app.index import INDEXES, open_index, warm_up
from app.index.base import CodeIndex
from bench.search_codes import clustered
from model.codes import UInt8, hamming_distances

_K, _N_QUERIES, _BLOCK = 10, 32, 16


@dataclass
class Race:
    """What all threads see.

    Attributes:
        index: Is searched and written.
        codes: (N, n_bits / 8) of the rows that stay, rows 1…N.
        queries: (Q, n_bits / 8).
        nearest: For each query the distance of the k-th row that stays: hits nearer than that which stay must be there.
        ends_s: When it is over.
        waits: Milliseconds of each call, by kind.
    """

    index: CodeIndex
    codes: UInt8
    queries: UInt8
    nearest: list[dict[int, int]]
    ends_s: float
    waits: dict[str, list[float]] = field(default_factory=lambda: {"search": [], "add": [], "remove": []})

    def timed(self, kind: str, started_s: float) -> None:
        """Notes how long a call took."""
        self.waits[kind].append((time.perf_counter() - started_s) * 1e3)

    def search(self) -> None:
        """Searches until the end.

        Raises:
            SystemExit: If an answer is wrong.
        """
        at = 0
        while time.perf_counter() < self.ends_s:
            at = (at + 1) % len(self.queries)
            started_s = time.perf_counter()
            [hits] = self.index.search(self.queries[at : at + 1], k=_K)
            self.timed("search", started_s)
            places = [(hit.distance, hit.row_id) for hit in hits]
            found, last = {hit.row_id: hit.distance for hit in hits}, places[-1]
            missing = [row for row, distance in self.nearest[at].items() if (distance, row) < last and found.get(row) != distance]
            if places != sorted(places) or len(hits) != _K or missing:
                raise SystemExit(f"a wrong answer: {hits}, missing {missing}")

    def write(self) -> None:
        """Adds and removes rows until the end."""
        random, row = np.random.default_rng(1), len(self.codes)
        held: list[int] = []
        while time.perf_counter() < self.ends_s:
            rows = np.arange(row + 1, row + 1 + _BLOCK)
            codes = self.queries[random.integers(0, len(self.queries), _BLOCK)] ^ random.integers(0, 4, (_BLOCK, 1), np.uint8)
            started_s = time.perf_counter()
            self.index.add(rows, codes)
            self.timed("add", started_s)
            row, held = row + _BLOCK, held + rows.tolist()
            if len(held) > 4096:
                gone, held = held[:2048], held[2048:]
                started_s = time.perf_counter()
                self.index.remove(np.array(gone[:1]))
                self.timed("remove", started_s)
                self.index.remove(np.array(gone[1:]))
            time.sleep(0.0005)


def run(kind: str, n_codes: int, n_bits: int, seconds: float) -> dict[str, list[float]]:
    """Lets two threads search and one write.

    Args:
        kind: Of the index.
        n_codes: Rows that stay.
        n_bits: Bits of one code.
        seconds: How long.

    Returns:
        Milliseconds of each call, by kind.

    Raises:
        SystemExit: If an answer is wrong.
    """
    codes = clustered(n_codes + _N_QUERIES, n_bits)
    queries, codes = codes[:_N_QUERIES], np.ascontiguousarray(codes[_N_QUERIES:])
    nearest = []
    for query in queries:
        distances = hamming_distances(query[None, :], codes)[0]
        rows = np.argsort(distances, kind="stable")[:_K]
        nearest.append({int(row) + 1: int(distances[row]) for row in rows})
    known = next(name for name in INDEXES if name == kind)
    warm_up(n_bits, kind=known, n_codes=n_codes)
    index = open_index(n_bits, kind=known)
    index.load(np.arange(1, n_codes + 1), codes)
    race = Race(index, codes, queries, nearest, time.perf_counter() + seconds)
    failed: list[BaseException] = []

    def guarded(work: str) -> None:
        try:
            getattr(race, work)()
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=guarded, args=(work,)) for work in ("search", "search", "write")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise SystemExit(f"the race was lost: {failed[0]}")
    return race.waits


def main() -> None:
    """Reads the arguments and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--n-codes", type=int, default=1_000_000)
    parser.add_argument("--n-bits", type=int, default=64)
    parser.add_argument("--kind", choices=sorted(INDEXES), default="auto")
    given = parser.parse_args()
    waits = run(given.kind, given.n_codes, given.n_bits, given.seconds)
    print(f"{given.kind}, {given.n_codes} codes of {given.n_bits} bits, {given.seconds:g} s: no wrong answer")
    for kind, times in waits.items():
        middle, high = np.percentile(times, [50, 99.9]).tolist()
        print(f"{len(times)} × {kind}: median {middle:.3f} ms, 99.9 % {high:.2f} ms, longest {max(times):.2f} ms")


if __name__ == "__main__":
    main()
