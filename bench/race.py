"""Times single changes of a large index, and searches while others write; answers are compared with those of brute force.

    OMP_NUM_THREADS=1 python -m bench.race [--size check|bench|large] [--seconds 60] [--n-codes N] [--n-bits 64] [--kind auto]

One thread searches, alone and while another changes single rows; two search, alone, beside a busy core, and while many rows change;
all in turns. Now and then each of them also asks with a filter and a radius among rows that nobody writes, so that the whole answer
is known. A wrong answer ends it with an error. The longest wait is one search's among all; what it is without writes stands beside
it.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256

import faiss
import numpy as np

from app.index import INDEXES, open_index, warm_up
from app.index.base import CodeIndex
from bench.change_turns import N_CHANGES, change_turns
from bench.machine import require_threads
from bench.race_answers import Settled, nearest_staying, settled_searches
from bench.result import Result, measure
from bench.search_codes import clustered
from bench.timing import Spread, Turns
from model.codes import UInt8

_CALLS = ("search", "search with a filter", "add", "remove")
_SETTLED_EVERY = 500  # searches
_K, _N_QUERIES, _BLOCK = 10, 32, 16
_WORKS = {
    "search": ("search",),
    "search, single rows change": ("search", "change"),
    "two search": ("search", "search"),
    "two search, a core is busy": ("search", "search", "compute"),
    "two search, many rows change": ("search", "search", "write"),
}
_TURNS = 5
_SIZES = {"check": (200_000, 2.0), "bench": (10_000_000, 15.0), "large": (10_000_000, 60.0)}


@dataclass
class Race:
    """What all threads see.

    Attributes:
        index: Is searched and written.
        next_row: First row that may be added.
        queries: (Q, n_bits / 8).
        nearest: For each query the distance of the k-th row that stays: hits nearer than that which stay must be there.
        settled: Searches with a filter and a radius.
        ends_s: When it is over, by the clock.
        waits: Milliseconds of each call, by kind.
    """

    index: CodeIndex
    next_row: int
    queries: UInt8
    nearest: list[dict[int, int]]
    settled: list[Settled]
    ends_s: float = 0.0
    waits: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in _CALLS})

    def timed(self, kind: str, started_s: float) -> None:
        """Notes how long a call took."""
        self.waits[kind].append((time.perf_counter() - started_s) * 1e3)

    def search(self) -> None:
        """Searches until the end.

        Raises:
            SystemExit: If an answer is wrong.
        """
        n_asked = at = 0
        while time.perf_counter() < self.ends_s:
            n_asked, at = n_asked + 1, (at + 1) % len(self.queries)
            if n_asked % _SETTLED_EVERY == 0:
                self._search_settled(n_asked // _SETTLED_EVERY)
            started_s = time.perf_counter()
            [hits] = self.index.search(self.queries[at : at + 1], k=_K)
            self.timed("search", started_s)
            places = [(hit.distance, hit.row_id) for hit in hits]
            found, last = {hit.row_id: hit.distance for hit in hits}, places[-1]
            missing = [row for row, distance in self.nearest[at].items() if (distance, row) < last and found.get(row) != distance]
            if places != sorted(places) or len(hits) != _K or missing:
                raise SystemExit(f"a wrong answer: {hits}, missing {missing}")

    def _search_settled(self, turn: int) -> None:
        settled, at = self.settled[turn % len(self.settled)], turn // len(self.settled) % len(self.queries)
        started_s = time.perf_counter()
        [hits] = self.index.search(self.queries[at : at + 1], k=_K, max_distance=settled.radius, allowed=settled.allowed)
        self.timed("search with a filter", started_s)
        if [(hit.distance, hit.row_id) for hit in hits] != settled.places[at]:
            raise SystemExit(f"a wrong answer within {settled.radius} bits: {hits}, not {settled.places[at]}")

    def change(self) -> None:
        """Adds and removes single rows until the end."""
        self._write(1, 16)

    def write(self) -> None:
        """Adds and removes many rows until the end."""
        self._write(_BLOCK, 4096)

    def _write(self, n_together: int, n_held: int) -> None:
        random, row = np.random.default_rng(1), self.next_row
        held: list[int] = []
        while time.perf_counter() < self.ends_s:
            rows = np.arange(row, row + n_together)
            codes = self.queries[random.integers(0, len(self.queries), n_together)] ^ random.integers(
                0, 4, (n_together, 1), np.uint8
            )
            started_s = time.perf_counter()
            self.index.add(rows, codes)
            self.timed("add", started_s)
            row, held = row + n_together, held + rows.tolist()
            if len(held) > n_held:
                gone, held = held[: n_held // 2], held[n_held // 2 :]
                started_s = time.perf_counter()
                self.index.remove(np.array(gone[:1]))
                self.timed("remove", started_s)
                self.index.remove(np.array(gone[1:]))
            time.sleep(0.0005)
        self.next_row = row

    def compute(self) -> None:
        """Keeps a core busy until the end, without Python's lock."""
        block = bytes(1 << 18)
        while time.perf_counter() < self.ends_s:
            sha256(block).digest()

    def let(self, *works: str, seconds: float) -> None:
        """Lets threads work at the same time.

        Args:
            *works: ``search``, ``change``, ``write`` or ``compute``, one a thread.
            seconds: How long.

        Raises:
            SystemExit: If an answer is wrong.
        """
        self.waits, self.ends_s = {kind: [] for kind in _CALLS}, time.perf_counter() + seconds
        with ThreadPoolExecutor(len(works)) as pool:
            for ended in [pool.submit(getattr(self, work)) for work in works]:
                ended.result()


def made(kind: str, n_codes: int, n_bits: int) -> tuple[Race, Turns]:
    """Fills an index and times changes of it.

    Args:
        kind: Of the index.
        n_codes: Rows at first.
        n_bits: Bits of one code.

    Returns:
        The race, not begun, and the changes' times.
    """
    codes = clustered(n_codes + _N_QUERIES, n_bits)
    queries, codes = codes[:_N_QUERIES], np.ascontiguousarray(codes[_N_QUERIES:])
    known = next(name for name in INDEXES if name == kind)
    warm_up(n_bits, kind=known, n_codes=n_codes)
    index = open_index(n_bits, kind=known)
    index.load(np.arange(1, n_codes + 1), codes)
    getattr(getattr(index, "_index", index), "settle", lambda: None)()
    turns = change_turns(index, n_codes, queries)
    gone = N_CHANGES + 1
    nearest = nearest_staying(queries, codes, gone, _K)
    return Race(index, n_codes + gone + 3, queries, nearest, settled_searches(queries, codes, gone, _K)), turns


def in_turns(race: Race, seconds: float) -> dict[str, dict[str, list[float]]]:
    """Returns milliseconds of each call, by kind, by what threads did: so many seconds beside writes, a third of it otherwise."""
    waits: dict[str, dict[str, list[float]]] = {name: {} for name in _WORKS}
    for _ in range(_TURNS):
        for name, works in _WORKS.items():
            race.let(*works, seconds=seconds / _TURNS / (1 if {"write", "change"} & set(works) else 3))
            for call, waited in race.waits.items():
                waits[name].setdefault(call, []).extend(waited)
    return waits


def add_waits(result: Result, threads: str, waits: dict[str, list[float]]) -> float:
    """Adds a row for each kind of call.

    Args:
        result: Takes the rows.
        threads: What they did.
        waits: Milliseconds of each call, by kind.

    Returns:
        The longest search, ms.
    """
    for call, waited in waits.items():
        if waited:
            high = dict(zip(("99_%_ms", "99.9_%_ms"), np.quantile(waited, [0.99, 0.999]).tolist(), strict=True))
            result.add("Waits", threads=threads, call=call, calls=len(waited), ms=Spread.of(waited), **high, longest_ms=max(waited))
    return max(waits["search"])


def run(given: argparse.Namespace) -> Result:
    """Measures.

    Args:
        given: Sizes.

    Returns:
        Changes and waits.
    """
    require_threads(1)
    faiss.omp_set_num_threads(1)
    n_codes, seconds = _SIZES[given.size]
    n_codes, seconds = given.n_codes or n_codes, given.seconds or seconds
    facts = {"kind": given.kind, "n_codes": n_codes, "n_bits": given.n_bits, "seconds": seconds}
    result = Result("race", "Changes, and searches meanwhile", facts)
    race, turns = made(given.kind, n_codes, given.n_bits)
    for name in turns.seconds:
        result.add(f"Changing one row among {n_codes:,}", change=name, µs=turns.of(name).times(1e6))
    longest = {name: add_waits(result, name, waits) for name, waits in in_turns(race, seconds).items()}
    result.notes.append("No answer was wrong.")
    result.reach("change_one", max((turns.of(name).times(1e6) for name in turns.seconds), key=lambda spread: spread.value))
    result.reach("change_pause", Spread.exactly(longest["search, single rows change"]))
    return result


if __name__ == "__main__":
    own = argparse.ArgumentParser()
    own.add_argument("--seconds", type=float)
    own.add_argument("--n-codes", type=int)
    own.add_argument("--n-bits", type=int, default=64)
    own.add_argument("--kind", choices=sorted(INDEXES), default="auto")
    sys.exit(measure(__doc__, run, own))
