"""``kill -9`` while a bulk job runs: after the restart it goes on, counts nothing twice and ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.builders import picture
from tests.e2e.processes import ServerProcess, command
from tests.job_fixtures import manifest, tarred

pytestmark = pytest.mark.e2e
N_ITEMS = 1_500


def until(client: httpx.Client, job_id: str, is_enough: Any) -> dict[str, Any]:
    while True:
        job: dict[str, Any] = client.get(f"/index/jobs/{job_id}").json()
        if is_enough(job):
            return job


def test_a_job_survives_kills(tmp_path: Path) -> None:
    start = command("tests.e2e.fake_server", "--data-dir", tmp_path / "data")
    items = [{"id": str(n), "text": f"word{n}", "image": f"{n % 7}.png"} for n in range(N_ITEMS)]
    files = {"manifest.jsonl": manifest(*items, "nonsense"), **{f"{n}.png": picture(f"word{n}") for n in range(7)}}
    with ServerProcess(start, tmp_path / "log") as server, httpx.Client(base_url=server.url, timeout=30) as client:
        answer = client.post("/index/jobs", content=tarred(files), headers={"content-type": "application/x-tar"})
        assert answer.status_code == 202, answer.text
        job_id = answer.json()["id"]
        server.kill()  # at once
    seen = 0
    for _ in range(3):
        with ServerProcess(start, tmp_path / "log") as server, httpx.Client(base_url=server.url, timeout=30) as client:
            seen = until(client, job_id, lambda job: job["n_added"] > seen)["n_added"]  # noqa: B023
            server.kill()
    with ServerProcess(start, tmp_path / "log") as server, httpx.Client(base_url=server.url, timeout=30) as client:
        job = until(client, job_id, lambda job: job["state"] == "done")
        assert [job[name] for name in ("n_asked", "n_added", "n_replaced", "n_failed")] == [N_ITEMS + 1, N_ITEMS, 0, 1]
        assert client.get("/index/count").json() == {"n_items": N_ITEMS}
        assert client.get("/readyz").json()["checks"]["index"] == "ok"
        assert server.stop() == 0
