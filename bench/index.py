"""Times how fast items come in: through ``POST /index`` and through a bulk job, beside inserting the same rows with SQLite alone.

    OMP_NUM_THREADS=1 python -m bench.index [--size check|bench|large] [--rounds 7]

The service is a process of its own on a fresh folder; its encoders cost next to nothing (:mod:`bench.stub_server`), or are the real
ones of the shipped bundle. Each turn sends new items from one client that waits for the answer; then they are on disk and found.
The raw insertion commits as durably, in batches as large, into a table with the same columns and indexes.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from hashlib import sha256
from io import BytesIO
from itertools import count
from pathlib import Path
from time import sleep
from typing import Any

import httpx
import numpy as np
from PIL import Image

from bench.limits import fsync_time
from bench.machine import require_threads
from bench.result import Result, measure
from bench.served import APP, STUB, Served, served
from bench.timing import Spread, take_turns

_SIZES = {"check": (256, 1_000, 4), "bench": (512, 5_000, 16), "large": (4_096, 50_000, 64)}
_TABLE = """CREATE TABLE items (row_id INTEGER PRIMARY KEY AUTOINCREMENT, item_id TEXT NOT NULL UNIQUE, text TEXT, text_sha256 TEXT,
payload TEXT, image_sha256 TEXT, image_media_type TEXT, image_width INT, image_height INT, text_code BLOB, image_code BLOB);
CREATE INDEX by_text ON items (text_sha256); CREATE INDEX by_image ON items (image_sha256)"""
_INSERT = "INSERT INTO items (item_id, text, text_sha256, payload, text_code) VALUES (?, ?, ?, ?, ?)"


class Items:
    """Makes items that were not there before, captions of eight words and a small payload."""

    def __init__(self) -> None:
        self._numbers = count()

    def take(self, n: int) -> list[dict[str, Any]]:
        """Returns the next items.

        Args:
            n: How many.

        Returns:
            As ``POST /index`` takes them.
        """
        numbers = [next(self._numbers) for _ in range(n)]
        return [
            {
                "id": f"item-{i:08d}",
                "text": f"a photo of thing {i} in place {i % 997}",
                "payload": {"year": 1990 + i % 30, "place": i % 997},
            }
            for i in numbers
        ]


class Posting:
    """A client of one service.

    Args:
        service: Which.
        client: Keeps its connection.
        items: Gives items.
        folder: The service's folder of manifests.
    """

    def __init__(self, service: Served, client: httpx.Client, items: Items, folder: Path) -> None:
        self.service, self._client, self._items, self._folder = service, client, items, folder
        self._seeds = count()

    def texts(self, n: int) -> None:
        """Indexes items with texts in one request.

        Args:
            n: How many.

        Raises:
            RuntimeError: If one is not added.
        """
        answer = self._client.post(f"{self.service.url}/index", json={"items": self._items.take(n)}).raise_for_status().json()
        _expect(answer["n_added"], n)

    def pictures(self, n: int) -> None:
        """Indexes items with JPEG pictures of 320 × 240, in one request.

        Args:
            n: How many.

        Raises:
            RuntimeError: If one is not added.
        """
        items = [{"id": item["id"], "image": f"p{i}"} for i, item in enumerate(self._items.take(n))]
        files = {f"p{i}": (f"p{i}", jpeg(next(self._seeds)), "image/jpeg") for i in range(n)}
        answer = self._client.post(f"{self.service.url}/index", data={"items": json.dumps(items)}, files=files)
        _expect(answer.raise_for_status().json()["n_added"], n)

    def job(self, n: int) -> None:
        """Indexes items with texts by a bulk job, and waits for its end.

        Args:
            n: How many.

        Raises:
            RuntimeError: If one is not added.
        """
        lines = "".join(json.dumps(item) + "\n" for item in self._items.take(n))
        (self._folder / "manifest.jsonl").write_text(lines, encoding="utf-8")
        job = self._client.post(f"{self.service.url}/index/jobs", json={"manifest": "manifest.jsonl"}).raise_for_status().json()
        while job["state"] in {"waiting", "running"}:
            sleep(0.01)
            job = self._client.get(f"{self.service.url}/index/jobs/{job['id']}").raise_for_status().json()
        _expect(job["n_added"], n)


class RawInsert:
    """SQLite alone, as durable as the catalogue.

    Args:
        path: Of the database.
        items: Gives items.
    """

    def __init__(self, path: Path, items: Items) -> None:
        self._items = items
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {_TABLE}")

    def insert(self, n: int, n_batch: int) -> None:
        """Inserts rows.

        Args:
            n: How many.
            n_batch: Rows of a transaction.
        """
        rows = [_row(item) for item in self._items.take(n)]
        for start in range(0, n, n_batch):
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(_INSERT, rows[start : start + n_batch])
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Closes the database."""
        self._connection.close()


def _row(item: dict[str, Any]) -> tuple[Any, ...]:
    digest = sha256(item["text"].encode())
    return item["id"], item["text"], digest.hexdigest(), json.dumps(item["payload"]), digest.digest()[:8]


def jpeg(seed: int) -> bytes:
    """Returns a picture of 320 × 240, another one for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
    buffer = BytesIO()
    Image.fromarray(coarse).resize((320, 240)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _expect(n_added: int, n: int) -> None:
    if n_added != n:
        raise RuntimeError(f"{n_added} of {n} items were added")


def add_turns(result: Result, encoders: str, posting: Posting, raw: RawInsert, sizes: tuple[int, int, int], *, rounds: int) -> None:
    """Times one service, and SQLite alone in turns with it.

    Args:
        result: Takes the rows.
        encoders: Name of the service's encoders.
        posting: Sends items to it.
        raw: SQLite alone.
        sizes: Items of a large request, of a job, of a request with pictures.
        rounds: Turns.
    """
    n_post, n_job, n_pictures = sizes
    one, many, job, pictures = "POST /index, one text", "POST /index, texts", "bulk job, texts", "POST /index, pictures"
    n_items = {one: 1, many: n_post, job: n_job, pictures: n_pictures}
    calls: dict[str, Callable[[], None]] = {
        one: lambda: posting.texts(1),
        many: lambda: posting.texts(n_post),
        job: lambda: posting.job(n_job),
        pictures: lambda: posting.pictures(n_pictures),
        f"alone/{one}": lambda: raw.insert(1, 1),
        f"alone/{many}": lambda: raw.insert(n_post, n_post),
        f"alone/{job}": lambda: raw.insert(n_job, n_post),
    }
    turns = take_turns(calls, rounds=rounds)
    for way, n in n_items.items():
        row = {"encoders": encoders, "way": way, "items": n, "items_a_second": _rate(turns.seconds[way], n)}
        if alone := turns.seconds.get(f"alone/{way}"):
            row |= {"SQLite_alone": _rate(alone, n), "times_SQLite_alone": turns.ratio(way, f"alone/{way}")}
            if encoders == "stub":
                result.beat(f"{way} ({n:,}), encoders that cost nothing", "SQLite alone", turns.ratio(f"alone/{way}", way))
        result.add("Items a second", **row)


def _rate(seconds: Sequence[float], n: int) -> Spread:
    return Spread.of([n / each for each in seconds])


def run(given: argparse.Namespace) -> Result:
    """Measures.

    Args:
        given: Sizes.

    Returns:
        A table and duels with SQLite.
    """
    require_threads(1)
    n_post, n_job, n_real = _SIZES[given.size]
    result = Result("index", "Indexing", {"clients": 1, "bundle": "photos-64"}, libraries=["httpx"])
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, items = Path(name), Items()
        result.limits["fsync of 4 KiB, ms"] = fsync_time(folder)
        (folder / "bulk").mkdir()
        raw = stack.enter_context(closing(RawInsert(folder / "raw.sqlite3", items)))
        client = stack.enter_context(httpx.Client(timeout=600))
        for encoders, module, sizes in (("stub", STUB, (n_post, n_job, 32)), ("real", APP, (n_real, 4 * n_real, n_real))):
            with served(module, folder / encoders, {"BITLENS_BULK_FOLDER": str(folder / "bulk")}) as service:
                add_turns(result, encoders, Posting(service, client, items, folder / "bulk"), raw, sizes, rounds=given.rounds)
    return result


if __name__ == "__main__":
    own = argparse.ArgumentParser()
    own.add_argument("--rounds", type=int, default=7)
    sys.exit(measure(__doc__, run, own))
