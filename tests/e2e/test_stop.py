"""SIGTERM while a request is under way: readiness turns first, what runs is finished, what was acknowledged is there."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.e2e.processes import ServerProcess, command

pytestmark = pytest.mark.e2e
ITEM = {"items": [{"id": "a", "text": "gated words"}]}


def until(is_so: Callable[[], bool]) -> None:
    for _ in range(100_000):
        if is_so():
            return
    raise AssertionError("it did not come to pass")


def refuses(url: str) -> bool:
    try:
        httpx.get(f"{url}/livez", timeout=5)
    except httpx.TransportError:
        return True
    return False


def test_a_stop_turns_readiness_first_and_finishes_what_runs(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    start = command("tests.e2e.fake_server", "--data-dir", tmp_path / "data", "--gate", gate, "--drain-s", "60")
    with ServerProcess(start, tmp_path / "log") as server, httpx.Client(base_url=server.url, timeout=60) as client:
        with ThreadPoolExecutor(1) as another:
            writing = another.submit(httpx.post, f"{server.url}/index", json=ITEM, timeout=60)
            with gate.open("w"):  # returns when the request has come to the encoder, and lets it go on when it is closed
                server.process.terminate()
                until(lambda: client.get("/readyz").status_code == 503)
                assert client.get("/readyz").json()["missing"] == ["service"]
                assert client.get("/index/count").json() == {"n_items": 0}  # still taken
                server.process.terminate()  # ends the draining
                until(lambda: refuses(server.url))
            answer = writing.result()
        assert answer.json()["n_added"] == 1
        server.process.communicate(timeout=30)
        assert server.process.returncode == 0
    with ServerProcess(start, tmp_path / "log") as server, httpx.Client(base_url=server.url, timeout=60) as client:
        assert client.get("/index/a").json()["text"] == "gated words"


def test_a_stop_closes_idle_connections_and_is_quick(tmp_path: Path) -> None:
    start = command("tests.e2e.fake_server", "--data-dir", tmp_path / "data")
    with ServerProcess(start, tmp_path / "log") as server, httpx.Client(base_url=server.url, timeout=60) as client:
        assert client.get("/livez").status_code == 200  # and stays connected
        assert server.stop() == 0
