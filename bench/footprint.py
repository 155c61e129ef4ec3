"""Measures what a service holds: bytes a code in the index, bytes an item on disk, memory of the process, seconds of a start.

    OMP_NUM_THREADS=1 python -m bench.footprint [--size check|bench|large] [--rounds 3]

Items come to disk through ``POST /index`` of a service whose encoders cost nothing (:mod:`bench.stub_server`); what one takes is
the difference of two folders by the difference of their numbers of items, so that what an empty folder takes does not count.
Memory and starts are the real service's, over an empty folder and over one that is filled with items of two learned codes
(:mod:`bench.serve_world`): when it is ready, and after seconds of cached texts, new texts and new pictures. :mod:`bench.sizing`
makes tables of it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import re
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import numpy as np

from app.cache.base import cache_key
from app.cache.memory_cache import MemoryCodeCache
from app.catalog.sql import SqlCatalog
from app.data_dir import CATALOGUE, MEDIA, DataFolder
from app.hits import parts_of
from app.kept_rows import KeptRows
from app.snapshots import MODALITIES, Snapshot, SnapshotFile
from bench.index import Items, jpeg
from bench.machine import require_threads
from bench.result import Result, measure
from bench.search_codes import clustered, learned, real_codes, uniform
from bench.search_peers import filled
from bench.serve_load import Kind, Loader, warm_up
from bench.serve_world import captions, fill
from bench.served import APP, BUNDLE, STUB, Served, served
from bench.timing import Spread
from model.served import ServedBundle

N_BITS = (16, 64, 128)
ASKED: tuple[Kind, ...] = ("cached text", "new text", "new image")
_SIZES = {"check": (50_000, 200, 1.0), "bench": (1_000_000, 2_000, 3.0), "large": (1_000_000, 10_000, 10.0)}
"""Codes and items in memory, items on disk, seconds of each kind of load."""
_EDGE, _N_CACHED = (320, 240), 20_000


def index_bytes(result: Result, n_codes: int) -> None:
    """Fills indexes of all code lengths, and writes their snapshots.

    Args:
        result: Takes the rows.
        n_codes: How many.
    """
    for n_bits in N_BITS:
        for kind, codes in (("uniform", uniform(n_codes, n_bits)), ("clustered", clustered(n_codes, n_bits))):
            scan, auto = (filled(variant, codes).figures() for variant in ("scan", "auto"))
            row = {"n_bits": n_bits, "codes": kind, "scan": scan.n_bytes / n_codes, "auto": auto.n_bytes / n_codes}
            result.add("Index, bytes a code", **row, auto_is=auto.engine, n_codes=n_codes)
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "snapshot"
            rows = np.arange(1, n_codes + 1)
            SnapshotFile(path).write(Snapshot("bench", n_bits, 1, n_codes, dict.fromkeys(MODALITIES, (rows, codes))))
            bytes_a_code = path.stat().st_size / (n_codes * len(MODALITIES))
            result.add("Snapshot, bytes a code", n_bits=n_bits, bytes=bytes_a_code)


def cache_bytes(result: Result, n_entries: int) -> None:
    """Fills what a process keeps in front of Redis and of the catalogue.

    Args:
        result: Takes the rows.
        n_entries: How many.
    """
    cache, numbers = MemoryCodeCache(n_entries), range(n_entries)

    def put() -> None:
        entries = {cache_key("0" * 64, "text", str(number).encode()): bytes(bytearray(8)) for number in numbers}
        asyncio.run(cache.put_many(entries))

    grown = _grown(put)
    result.add("Caches, bytes an entry", entry="code cache", bytes=grown / n_entries)
    with tempfile.TemporaryDirectory() as name:
        fill(Path(name), uniform(n_entries, 64), "bench")
        catalog = SqlCatalog(DataFolder(Path(name)).catalogue_url, bundle_id="bench", n_bits=64)
        kept = KeptRows(catalog, n_entries, parts_of)
        grown = _grown(lambda: [kept.get_rows(range(first, first + 100)) for first in range(1, n_entries, 100)])
        catalog.close()
    result.add("Caches, bytes an entry", entry="kept items", bytes=grown / n_entries)


def _grown(work: Callable[[], object]) -> int:
    """Returns how much more memory Python holds after some work."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    work()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return after - before


def disk_bytes(result: Result, n_items: int) -> None:
    """Has a service take items with and without pictures, and looks at its folder when it has stopped.

    Args:
        result: Takes the rows.
        n_items: Fewer ones; the larger folder has five times as many.
    """
    for kind, is_pictured in (("a caption, a payload", False), ("the same with a picture", True)):
        with tempfile.TemporaryDirectory() as name:
            small, large = (_stored(Path(name) / str(n), n, is_pictured=is_pictured) for n in (n_items, 5 * n_items))
        catalogue, media, beyond = ((after - before) / (4 * n_items) for before, after in zip(small, large, strict=True))
        row = {"item": kind, "catalogue": catalogue, "pictures": media, "pictures_beyond_their_bytes": beyond}
        result.add("On disk, bytes an item", **row, codes=2 if is_pictured else 1, n_bits=64)


def _stored(folder: Path, n_items: int, *, is_pictured: bool) -> tuple[int, int, int]:
    """Returns bytes of the catalogue, of the pictures' blocks, and of these beyond the pictures' own bytes."""
    items, n_together = Items(), 40 if is_pictured else 400
    with served(STUB, folder, {"BITLENS_RATE_LIMIT": "off"}) as service, httpx.Client(timeout=600) as client:
        for start in range(0, n_items, n_together):
            _post(client, service.url, items.take(min(n_together, n_items - start)), start if is_pictured else None)
    pictures = [path.stat() for path in (folder / MEDIA).rglob("*") if path.is_file()]
    blocks = sum(picture.st_blocks * 512 for picture in pictures)
    return (folder / CATALOGUE).stat().st_size, blocks, blocks - sum(picture.st_size for picture in pictures)


def _post(client: httpx.Client, url: str, items: list[dict[str, object]], first: int | None) -> None:
    if first is None:
        answer = client.post(f"{url}/index", json={"items": items})
    else:
        files = {f"p{i}": (f"p{i}", jpeg(first + i), "image/jpeg") for i in range(len(items))}
        pictured = [{**item, "image": name} for item, name in zip(items, files, strict=True)]
        answer = client.post(f"{url}/index", data={"items": json.dumps(pictured)}, files=files)
    if answer.raise_for_status().json()["n_added"] != len(items):
        raise RuntimeError(f"not all of {len(items)} items were added")


class Loading:
    """Asks a service for everything for a while.

    Args:
        texts: What is searched for.
        seconds: Of each kind of request.

    Attributes:
        index_bytes: What the indexes said they held afterwards.
    """

    def __init__(self, texts: list[str], seconds: float) -> None:
        self._texts, self._seconds, self.index_bytes = texts, seconds, 0.0

    def __call__(self, service: Served) -> None:
        """Puts the load on."""
        loader = Loader(self._texts)
        warm_up(loader, service.url)
        for kind in ASKED:
            loader.run(service.url, kind, 8, self._seconds)
        figures = httpx.get(f"{service.url}/metrics").text
        self.index_bytes = sum(map(float, re.findall(r"^bitlens_index_bytes\{[^}]*\} (\S+)$", figures, re.MULTILINE)))


def served_bytes(result: Result, n_items: int, *, seconds: float, rounds: int) -> None:
    """Starts the real service over folders with few and with many items, and puts load on it.

    Args:
        result: Takes the rows.
        n_items: Of the larger folder.
        seconds: Of each kind of load.
        rounds: Starts with a snapshot.
    """
    bundle = ServedBundle.open(BUNDLE)
    codes = learned(n_items, real_codes(BUNDLE, None))
    texts = captions(64)
    with tempfile.TemporaryDirectory() as name:
        for n in (0, n_items):
            data_dir = Path(name) / str(n)
            if n:
                fill(data_dir, codes, bundle.bundle_id)
            alone = _started(data_dir)
            again = [_started(data_dir) for _ in range(rounds)]
            loaded = Loading(texts, seconds)
            after = _started(data_dir, loaded)
            row: dict[str, Any] = {"items": n, "from_the_catalogue_s": alone.ready_s, "of_the_processor": alone.cpu_s}
            row |= {
                "with_a_snapshot_s": Spread.of([each.ready_s for each in again]),
                "of_the_processor_again": Spread.of([each.cpu_s for each in again]),
            }
            row |= {"ready_MiB": Spread.of([each.mib for each in again]), "after_load_MiB": after.mib, "peak_MiB": after.peak_mib}
            result.add("The service", **row, index_MiB=loaded.index_bytes / 2**20, codes=2, n_bits=64)


@dataclass(frozen=True, slots=True)
class _Start:
    ready_s: float
    cpu_s: float
    mib: float
    peak_mib: float


def _started(data_dir: Path, use: Callable[[Served], None] | None = None) -> _Start:
    """Returns seconds from exec to ready, by the clock and of the processor; memory after the use, and the most there was."""
    started = perf_counter()
    with served(APP, data_dir, {"BITLENS_MIN_FREE_BYTES": "0", "BITLENS_RATE_LIMIT": "off"}) as service:
        while httpx.get(f"{service.url}/readyz").status_code != 200:
            pass
        ready_s, cpu_s = perf_counter() - started, service.cpu_s()
        if use is not None:
            use(service)
        status = Path(f"/proc/{service.pid}/status").read_text(encoding="utf-8")
        peak = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
        return _Start(ready_s, cpu_s, service.resident_mib(), int(peak[1]) / 1024 if peak else service.resident_mib())


def run(given: argparse.Namespace) -> Result:
    """Measures.

    Args:
        given: Sizes.

    Returns:
        Tables.
    """
    require_threads(1)
    n_codes, n_stored, seconds = _SIZES[given.size]
    picture = f"JPEG of {_EDGE[0]} × {_EDGE[1]}"
    result = Result("footprint", "What a service holds", {"bundle": BUNDLE.name, "threads": 1, "picture": picture})
    index_bytes(result, n_codes)
    cache_bytes(result, _N_CACHED)
    disk_bytes(result, n_stored)
    served_bytes(result, n_codes, seconds=seconds, rounds=given.rounds)
    return result


if __name__ == "__main__":
    own = argparse.ArgumentParser()
    own.add_argument("--rounds", type=int, default=3)
    sys.exit(measure(__doc__, run, own))
