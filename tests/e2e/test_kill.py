"""``kill -9`` while items stream in: what was acknowledged is found after the restart, and nothing is half there."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.builders import picture
from tests.e2e.processes import ServerProcess, command

pytestmark = pytest.mark.e2e
KILL_AFTER = (1, 6, 15)  # requests acknowledged to all senders together since the last start
N_SENDERS = 2
N_ITEMS = 3  # a request


@dataclass
class Sender:
    """Sends one request after the other: some new items, and one that each request replaces."""

    name: str
    n_sent: int = 0
    acknowledged: list[int] = field(default_factory=list)

    def words(self, request: int, item: int) -> str:
        return f"{self.name}{request}x{item} seen"

    def items(self, request: int) -> list[dict[str, Any]]:
        new = [{"id": f"{self.name}/{request}/{n}", "text": self.words(request, n), "image": f"f{n}"} for n in range(N_ITEMS)]
        rolling = {"id": f"{self.name}/rolling", "text": "rolling", "image": "f0", "payload": {"request": request}}
        return [*new, rolling]

    def run(self, url: str, on_acknowledged: threading.Semaphore) -> None:
        """Sends until the server is gone."""
        with httpx.Client(base_url=url, timeout=30) as client:
            while True:
                request, self.n_sent = self.n_sent, self.n_sent + 1
                files = {f"f{n}": picture(self.words(request, n)) for n in range(N_ITEMS)}
                try:
                    answer = client.post("/index", data={"items": json.dumps(self.items(request))}, files=files)
                except httpx.TransportError:
                    return
                assert answer.json()["n_failed"] == 0, answer.text
                self.acknowledged.append(request)
                on_acknowledged.release()


def stream_and_kill(server: ServerProcess, senders: list[Sender], n_acknowledged: int) -> None:
    """Kills the server when so many requests are acknowledged: by then the next ones are on their way."""
    acknowledged = threading.Semaphore(0)
    with ThreadPoolExecutor(N_SENDERS) as threads:
        running = [threads.submit(sender.run, server.url, acknowledged) for sender in senders]
        for _ in range(n_acknowledged):
            assert acknowledged.acquire(timeout=60)
        server.kill()
        for one in running:
            one.result(timeout=60)


def check(client: httpx.Client, sender: Sender) -> int:
    """Asserts that every request of a sender is wholly there, or wholly absent and not acknowledged; returns its items."""
    n_items = 0
    for request in range(sender.n_sent):
        found = [is_whole(client, item["id"], sender.words(request, n)) for n, item in enumerate(sender.items(request)[:N_ITEMS])]
        assert all(found) or (not any(found) and request not in sender.acknowledged), (sender.name, request, found)
        n_items += sum(found)
    last = client.get(f"/index/{sender.name}%2Frolling")
    if sender.acknowledged:
        assert last.json()["payload"]["request"] >= sender.acknowledged[-1]
    return n_items + (last.status_code == 200)


def is_whole(client: httpx.Client, item_id: str, words: str) -> bool:
    """Tells whether an item is there; asserts that it then has all its parts and is found by them."""
    answer = client.get("/index/" + item_id.replace("/", "%2F"))
    if answer.status_code == 404:
        return False
    item = answer.json()
    assert item["text"] == words
    assert item["codes"]["image"] == item["codes"]["text"] is not None
    assert client.get(item["image_url"]).content == picture(words)
    hits = client.post("/search/text", json={"query": words, "k": 1}).json()["hits"]
    assert (hits[0]["id"], hits[0]["distance"]) == (item_id, 0)
    return True


def test_what_was_acknowledged_survives_kills_and_nothing_is_half_there(tmp_path: Path):
    start = command("tests.e2e.fake_server", "--data-dir", tmp_path / "data")
    senders = [Sender(f"s{n}") for n in range(N_SENDERS)]
    for n_acknowledged in KILL_AFTER:
        with ServerProcess(start, tmp_path / "log") as server:
            stream_and_kill(server, senders, n_acknowledged)
    with ServerProcess(start, tmp_path / "log") as server, httpx.Client(base_url=server.url, timeout=30) as client:
        n_items = sum(check(client, sender) for sender in senders)
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["n_items"], ready.json()["checks"]["index"]) == (200, n_items, "ok")
        assert server.stop() == 0
    kept = {path.name for path in (tmp_path / "data" / "media").glob("??/*")}
    assert len(kept) >= sum(len(sender.acknowledged) for sender in senders) * N_ITEMS
    assert sum(len(sender.acknowledged) for sender in senders) >= sum(KILL_AFTER)
