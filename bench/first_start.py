"""Measures what a start costs that has to compile: the first one with a large index where nothing was compiled before.

    OMP_NUM_THREADS=1 python -m bench.first_start [--size check|bench|large] [--rounds 3]

The compiled searches lie in ``NUMBA_CACHE_DIR``; a new pod's is empty. The real service starts over a folder with items of two
codes (:mod:`bench.serve_world`) and without a snapshot, in turns with an empty cache and with what the start before has left.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import httpx

from app.data_dir import SNAPSHOT
from bench.machine import require_threads
from bench.result import Result, measure
from bench.search_codes import learned, real_codes
from bench.serve_world import fill
from bench.served import APP, BUNDLE, served
from bench.timing import Spread
from model.served import ServedBundle

_SIZES = {"check": 30_000, "bench": 100_000, "large": 100_000}
EMPTY, FILLED = "empty", "filled by the start before"


def run(given: argparse.Namespace) -> Result:
    """Measures.

    Args:
        given: Sizes.

    Returns:
        A table.
    """
    require_threads(1)
    n_items = _SIZES[given.size]
    result = Result("first_start", "The first start", {"bundle": BUNDLE.name, "n_items": n_items, "n_bits": 64, "threads": 1})
    found: dict[str, list[tuple[float, float, float]]] = {EMPTY: [], FILLED: []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder / "data", learned(n_items, real_codes(BUNDLE, None)), ServedBundle.open(BUNDLE).bundle_id)

        for turn in range(given.rounds):
            for starts in found.values():  # the second finds what the first has compiled
                starts.append(_start(folder / "data", folder / f"compiled-{turn}"))
    for cache, starts in found.items():
        seconds, cpu, mib = (Spread.of(column) for column in zip(*starts, strict=True))
        result.add("Start without a snapshot", compiled=cache, seconds=seconds, of_the_processor=cpu, ready_MiB=mib)
    return result


def _start(data_dir: Path, compiled: Path) -> tuple[float, float, float]:
    """Returns seconds from exec to ready by the clock and of the processor, and MiB of memory then."""
    (data_dir / SNAPSHOT).unlink(missing_ok=True)
    started = perf_counter()
    with served(APP, data_dir, {"BITLENS_MIN_FREE_BYTES": "0", "NUMBA_CACHE_DIR": str(compiled)}) as service:
        while httpx.get(f"{service.url}/readyz").status_code != 200:
            pass
        return perf_counter() - started, service.cpu_s(), service.resident_mib()


if __name__ == "__main__":
    own = argparse.ArgumentParser()
    own.add_argument("--rounds", type=int, default=3)
    sys.exit(measure(__doc__, run, own))
