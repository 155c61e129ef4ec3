"""An ingest that is broken off again and again, for tests of a few hundred and of ten thousand pictures."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from app.client import Client
from tests.builders import picture
from tests.e2e.processes import REPOSITORY, ServerProcess, command, environment

SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGKILL)


def make_pictures(folder: Path, n: int) -> None:
    """Writes pictures that mean different words, some with a caption beside them, in folders of a thousand."""
    for number in range(n):
        path = folder / f"{number // 1000:03d}" / f"{number:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(f"word{number} seen", size=(32, 24)))
        if number % 3 == 0:
            path.with_suffix(".txt").write_text(f"word{number} told")


@dataclass
class Broken:
    """What the runs did.

    Attributes:
        held: Items that the service held after each run that was broken off.
        statuses: Exit statuses of all runs.
        last: What the last run said.
        seconds: How long all runs together took.
    """

    held: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    last: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


def ingest_broken_off(folder: Path, server: ServerProcess, n: int, log: Path) -> Broken:
    """Ingests a folder; breaks off after a quarter, a half and three quarters, and then lets it come to its end."""
    done, began_s = Broken(), time.monotonic()
    words = command("app", "ingest", folder, "--url", server.url, "--json", "--batch", "16", "--parallel", "2")
    with Client(server.url) as client:
        for part, number in enumerate(SIGNALS, 1):
            process = start(words, log)
            wait_until(client, process, n * part // (len(SIGNALS) + 1))
            process.send_signal(number)
            process.communicate(timeout=120)
            done.statuses.append(process.returncode)
            done.held.append(client.count_items()["n_items"])
        process = start(words, log)
        done.last = json.loads(process.communicate(timeout=3600)[0])
        done.statuses.append(process.returncode)
    done.seconds = time.monotonic() - began_s
    return done


def start(words: list[str], log: Path) -> subprocess.Popen[str]:
    with log.open("a") as errors:
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=REPOSITORY, env=environment())


def wait_until(client: Client, process: subprocess.Popen[str], n_items: int) -> None:
    """Asks how many items there are until there are enough; each answer is one that the service has to find the time for."""
    while client.count_items()["n_items"] < n_items:
        assert process.poll() is None, "the ingest ended before it was broken off"


def check_all_are_there_once(url: str, folder: Path, n: int) -> None:
    """Compares every item with its picture; nothing is missing, doubled or left over."""
    with Client(url) as client:
        found = {item["id"]: item for item in client.all_items()}
        assert client.count_items()["n_items"] == len(found) == n
        for number in range(n):
            item = found[f"{number // 1000:03d}/{number:06d}.png"]
            assert item["text"] == (f"word{number} told" if number % 3 == 0 else None)
            assert item["codes"]["image"] is not None
        last = client.search_text(f"word{n - 1} seen", k=1)["hits"][0]
        assert (last["id"], last["distance"]) == (f"{(n - 1) // 1000:03d}/{n - 1:06d}.png", 0)
        assert httpx.get(url + str(last["image_url"])).content == (folder / last["id"]).read_bytes()
