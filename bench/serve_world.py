"""What a load is put on: a data folder full of items, and servers as processes of their own whose processor time is read.

Decides what the items are. Their codes lie around those that the served encoder gives to made-up captions, in heaps of very
different sizes, as encoding a million captions takes hours.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from app.catalog.sql import SqlCatalog
from app.catalog.sql_payload_filter import add_leaves
from app.catalog.sql_tables import items, meta, open_engine
from app.data_dir import DataFolder
from model.codes import UInt8

_BLOCK = 10_000
_HOW = ("small", "old", "bright", "wooden", "sleeping", "running")
_WHAT = ("dogs", "cats", "buses", "boats", "horses", "pizzas", "clocks", "people")
_WHERE = ("on a beach", "in a kitchen", "near the road", "under trees", "at night")
_TICKS = os.sysconf("SC_CLK_TCK")


def captions(n_captions: int) -> list[str]:
    """Makes up captions that all differ.

    Args:
        n_captions: How many.

    Returns:
        The captions; the first are also what is searched for.
    """
    made = (f"{number} {how} {what} {where}" for number, how, what, where in product(range(1, 1000), _HOW, _WHAT, _WHERE))
    return list(islice(made, n_captions))


def codes_around(centres: UInt8, n_codes: int, seed: int = 0) -> UInt8:
    """Makes codes up around real ones: centres of Zipf sizes, each bit flipped with probability 1/16.

    Args:
        centres: (M, n_bits / 8) uint8.
        n_codes: How many.
        seed: Decides them.

    Returns:
        (n_codes, n_bits / 8) uint8.
    """
    random = np.random.default_rng(seed)
    bits = np.unpackbits(random.permutation(centres), axis=1)
    weights = 1.0 / np.arange(1, len(centres) + 1)
    chosen = random.choice(len(centres), n_codes, p=weights / weights.sum())
    blocks = []
    for start in range(0, n_codes, _BLOCK):
        block = bits[chosen[start : start + _BLOCK]]
        blocks.append(np.packbits(block ^ (random.random(block.shape) < 1 / 16), axis=1))
    return np.concatenate(blocks)


def item_of(number: int) -> dict[str, Any]:
    """Makes an item up.

    Args:
        number: Which.

    Returns:
        Its id, text and payload.
    """
    return {
        "id": f"item-{number}",
        "text": f"a caption of item {number}, as long as captions are",
        "payload": {"album": number % 97},
    }


def fill(folder: Path, codes: UInt8, bundle_id: str) -> None:
    """Makes a data folder whose catalogue holds an item a code; one that is there already with as many items is left alone.

    Args:
        folder: The data folder.
        codes: (N, n_bits / 8) uint8, the code of text and image of each item.
        bundle_id: Whose codes they are said to be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    url = DataFolder(folder).catalogue_url
    catalog = SqlCatalog(url, bundle_id=bundle_id, n_bits=codes.shape[1] * 8)
    n_items = catalog.count()
    catalog.close()
    if n_items == len(codes):
        return
    engine = open_engine(url)
    with engine.execution_options(writes=True).begin() as connection:
        numbered = iter(enumerate(codes))
        while block := list(islice(numbered, _BLOCK)):
            rows = [_row(number, code.tobytes()) for number, code in block]
            connection.execute(sa.insert(items), rows)
            add_leaves(connection, [(row["row_id"], row["payload"]) for row in rows])
        connection.execute(sa.update(meta).values(revision=1))
    engine.dispose()


def _row(number: int, code: bytes) -> dict[str, Any]:
    item = item_of(number)
    payload = f'{{"album":{number % 97}}}'
    codes = {"text_code": code, "image_code": code}
    return {"row_id": number + 1, "item_id": item["id"], "text": item["text"], "payload": payload, **codes}


class Server:
    """A server as a process of its own.

    Args:
        name: For tables.
        process: The process, which has said where it listens.
        url: Where.
    """

    def __init__(self, name: str, process: subprocess.Popen[str], url: str) -> None:
        self.name = name
        self.url = url
        self._process = process

    def cpu_s(self) -> float:
        """Returns the processor time that it has used so far, seconds, all threads, user and system."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def rss_bytes(self) -> int:
        """Returns its resident memory, bytes."""
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def started(name: str, command: Sequence[str], **environment: str) -> Iterator[Server]:
    """Runs a server until the block ends.

    Args:
        name: For tables.
        command: Arguments for this Python; it must say on standard output ``… at http://host:port`` when it is ready.
        **environment: Further variables.

    Yields:
        The server.

    Raises:
        RuntimeError: If it does not become ready.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith("BITLENS_")}
    own = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, *command], stdout=subprocess.PIPE, stderr=errors, text=True, env={**kept, **own, **environment}
        )
        try:
            said = process.stdout.readline() if process.stdout else ""
            if " at http" not in said:
                errors.seek(0)
                raise RuntimeError(f"{name} did not start: {errors.read()[-2000:]}")
            yield Server(name, process, said.rpartition(" at ")[2].strip())
        finally:
            process.terminate()
            process.communicate(timeout=120)
