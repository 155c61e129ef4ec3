"""Times starts of the service: what importing takes, and how long from exec to the first yes of ``/readyz``, with many codes.

    OMP_NUM_THREADS=1 python -m bench.startup [--size check|bench|large] [--rounds 3]

The catalogue is filled by SQLite alone. The first start reads it item by item, as after a loss of the snapshot, and leaves a
snapshot when it stops; the further ones start with that. Of ten million items the snapshot is written without such a start. Half of
the items have a text, half a picture. Memory is the process's at that moment, beside what it is with an empty folder.
"""

from __future__ import annotations

import argparse
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import perf_counter, sleep

import httpx
import numpy as np

from app.data_dir import CATALOGUE, SNAPSHOT
from app.index import open_index
from app.snapshots import MODALITIES, Codes, Snapshot, SnapshotFile
from bench.limits import MIB, read_rate
from bench.machine import environment, require_threads
from bench.result import Result, measure
from bench.search_worlds import TENS
from bench.served import APP, BUNDLE, Served, served
from bench.timing import Spread, take_turns
from model.bundle import EncoderBundle

_SIZES = {"check": (20_000,), "bench": (100_000, TENS), "large": (100_000, 1_000_000, TENS)}
_REBUILT_AT_MOST = 1_000_000  # items; with more, reading them one by one takes minutes
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s*([\w.]+)")
_BLOCK = 100_000
_INSERT = """INSERT INTO items (row_id, item_id, text, text_sha256, payload, image_sha256, image_media_type, image_width,
image_height, text_code, image_code) VALUES (?, ?, ?, ?, '{}', ?, ?, ?, ?, ?, ?)"""


def import_seconds(rounds: int) -> tuple[Spread, dict[str, float]]:
    """Times importing what the service imports before it reads its settings' bundle.

    Args:
        rounds: Processes that are timed.

    Returns:
        Seconds of a process that does nothing else; of one with the imports listed, seconds by topmost package, without what it
        imports from others.
    """
    command = [sys.executable, "-c", "import app.__main__, app.main, uvicorn"]
    taken = []
    for _ in range(rounds):
        started = perf_counter()
        subprocess.run(command, check=True, env=environment(1))
        taken.append(perf_counter() - started)
    listed = subprocess.run(
        [command[0], "-X", "importtime", *command[1:]], check=True, env=environment(1), capture_output=True, text=True
    )
    parts: dict[str, float] = defaultdict(float)
    for microseconds, module in _IMPORT.findall(listed.stderr):
        parts[module.partition(".")[0]] += int(microseconds) / 1e6
    return Spread.of(taken), dict(sorted(parts.items(), key=lambda part: -part[1]))


def fill(catalogue: Path, n_items: int, n_bits: int) -> Codes:
    """Writes items into a catalogue that the service has made and left.

    Args:
        catalogue: SQLite database.
        n_items: How many.
        n_bits: Bits of a code.

    Returns:
        What the indexes will hold.
    """
    random, blocks = np.random.default_rng(0), []
    with closing(sqlite3.connect(catalogue, isolation_level=None)) as connection:
        connection.executescript("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF")
        for start in range(1, n_items + 1, _BLOCK):
            blocks.append(random.bytes(min(_BLOCK, n_items + 1 - start) * n_bits // 8))
            connection.execute("BEGIN")
            connection.executemany(_INSERT, _rows(start, blocks[-1], n_bits // 8))
            connection.execute("COMMIT")
        connection.execute("UPDATE meta SET revision = 1")
        connection.executescript("PRAGMA journal_mode = WAL")
    codes, rows = np.frombuffer(b"".join(blocks), np.uint8).reshape(-1, n_bits // 8), np.arange(1, n_items + 1)
    sides = {"text": slice(0, None, 2), "image": slice(1, None, 2)}
    return {
        modality: (np.ascontiguousarray(rows[sides[modality]]), np.ascontiguousarray(codes[sides[modality]]))
        for modality in MODALITIES
    }


def _rows(first: int, codes: bytes, n_bytes: int) -> Iterator[tuple[object, ...]]:
    for i in range(len(codes) // n_bytes):
        row, code = first + i, codes[i * n_bytes : (i + 1) * n_bytes]
        text = (f"thing {row}", f"{row:064x}", None, None, None, None, code, None)
        picture = (None, None, f"{row:064x}", "image/jpeg", 320, 240, None, code)
        yield (row, f"item-{row}", *(text if row % 2 else picture))


def seconds_to_ready(data_dir: Path) -> tuple[float, float]:
    """Starts the real service and asks until it is ready.

    Args:
        data_dir: Its data folder.

    Returns:
        Seconds from exec to the first yes of ``/readyz``, and MiB of memory then.
    """
    started = perf_counter()
    with served(APP, data_dir, {"BITLENS_MIN_FREE_BYTES": "0"}) as service:
        _wait(service)
        return perf_counter() - started, service.resident_mib()


def _wait(service: Served) -> None:
    while httpx.get(f"{service.url}/readyz").status_code != 200:
        sleep(0.005)


def opening(snapshot: Path, n_bits: int) -> Spread:
    """Times opening a snapshot: every byte compared with its sums, both indexes loaded and asked once.

    Args:
        snapshot: Its file.
        n_bits: Bits of a code.

    Returns:
        Seconds.
    """
    query = np.zeros((1, n_bits // 8), np.uint8)

    def opened() -> None:
        codes = SnapshotFile(snapshot).read().codes
        for modality in MODALITIES:
            index = open_index(n_bits, kind="scan")
            index.load(*codes[modality])
            index.search(query, k=10)

    return take_turns({"open": opened}, rounds=7).of("open")


def starts(result: Result, folder: Path, n_items: int, rounds: int, empty_mib: float) -> None:
    """Times starts with a number of items.

    Args:
        result: Takes the rows.
        folder: Empty.
        n_items: How many.
        rounds: Starts with a snapshot.
        empty_mib: Memory with no item.
    """
    data_dir, bundle = folder / f"data-{n_items}", EncoderBundle.from_pretrained(BUNDLE)
    seconds_to_ready(data_dir)
    codes = fill(data_dir / CATALOGUE, n_items, bundle.n_bits)
    if n_items <= _REBUILT_AT_MOST:
        rebuilt, _ = seconds_to_ready(data_dir)
        result.add("From exec to ready", items=n_items, start="from the catalogue alone", seconds=rebuilt)
    else:  # what such a start would leave behind
        SnapshotFile(data_dir / SNAPSHOT).write(Snapshot(bundle.bundle_id, bundle.n_bits, 1, n_items, codes))
    again = [seconds_to_ready(data_dir) for _ in range(rounds)]
    ready, memory = Spread.of([seconds for seconds, _ in again]), Spread.of([mib for _, mib in again])
    more = {"memory_MiB": memory, "bytes_an_item_above_empty": (memory.value - empty_mib) * MIB / n_items}
    result.add("From exec to ready", items=n_items, start="with a snapshot", seconds=ready, **more)
    opened = opening(data_dir / SNAPSHOT, bundle.n_bits)
    result.add("Opening the snapshot", codes=n_items, ms=opened.times(1e3))
    if n_items == TENS:
        result.reach("ready_10m", ready)
        result.reach("open_10m", opened)


def run(given: argparse.Namespace) -> Result:
    """Measures.

    Args:
        given: Sizes.

    Returns:
        Tables.
    """
    require_threads(1)
    result = Result("startup", "Start", {"bundle": "photos-64", "n_bits": 64, "threads": 1})
    whole, parts = import_seconds(given.rounds)
    result.add("Imports", package="all, with the interpreter", seconds=whole)
    for name, seconds in list(parts.items())[:10]:
        result.add("Imports", package=name, seconds=seconds)
    result.add("Imports", package=f"{len(parts) - 10} others", seconds=sum(list(parts.values())[10:]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        empty = [seconds_to_ready(folder / "empty") for _ in range(given.rounds)]
        empty_mib = Spread.of([mib for _, mib in empty])
        result.add("From exec to ready", items=0, start="empty", seconds=Spread.of([s for s, _ in empty]), memory_MiB=empty_mib)
        for n_items in given.items or _SIZES[given.size]:
            starts(result, folder, n_items, given.rounds, empty_mib.value)
    result.limits["reading memory, GB/s"] = read_rate(64 * MIB)
    return result


if __name__ == "__main__":
    own = argparse.ArgumentParser()
    own.add_argument("--rounds", type=int, default=3)
    own.add_argument("--items", type=int, nargs="+", metavar="N")
    sys.exit(measure(__doc__, run, own))
