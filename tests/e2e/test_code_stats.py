"""The health of the codes and the drift of distances, of a real process that is searched over a socket."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.processes import ServerProcess, command

pytestmark = pytest.mark.e2e


def gauges(client: httpx.Client, name: str) -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(client.get("/metrics").text)
    found = [one for family in families if family.name == name for one in family.samples]
    return {(one.labels["query"], one.labels["target"]): one.value for one in found}


def test_a_service_whose_distances_drift_says_so_everywhere_and_once_in_its_log(tmp_path: Path) -> None:
    start = command("tests.e2e.fake_server", "--data-dir", tmp_path / "data")
    with ServerProcess(start, tmp_path / "log") as server, httpx.Client(base_url=server.url, timeout=60) as client:
        assert client.get("/stats/codes").json()["codes"]["text"]["health"] is None
        items = [{"id": str(n), "text": f"word{n} and word{n // 2}"} for n in range(300)]
        assert client.post("/index", json={"items": items}).json()["n_added"] == 300
        codes = client.get("/stats/codes").json()["codes"]
        assert (codes["text"]["n_indexed"], codes["text"]["n_sampled"], codes["image"]["n_indexed"]) == (300, 300, 0)
        assert codes["text"]["health"]["n_informative"] == 64
        for start_at in range(0, 700, 100):
            queries = [{"query": f"question{n}", "target": "text", "k": 1} for n in range(start_at, start_at + 100)]
            assert client.post("/search/many", json={"queries": queries}).json()["n_failed"] == 0
        told = client.get("/stats").json()["drift"]
        assert {direction: one["n_pairs"] for direction, one in told.items() if one["n_pairs"]} == {"text-text": 700}
        assert told["text-text"]["is_drifting"]
        assert gauges(client, "bitlens_drifting") == {("text", "text"): 1}
        assert gauges(client, "bitlens_drift_pairs")["image", "text"] == 0
        assert server.stop() == 0
    assert (tmp_path / "log").read_text().count("distances drift away from the calibration: text → text: ") == 1
