"""``python -m app reindex`` beside a service that runs: real bundles, real processes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx
import pytest

from model.bundle import EncoderBundle
from tests.builders import picture
from tests.e2e.processes import REPOSITORY, ServerProcess, command, environment

pytestmark = pytest.mark.e2e


def reindexed(bundle: Path, data_dir: Path, *options: str) -> dict[str, object]:
    started = command("app", "reindex", "--bundle", bundle, "--data-dir", data_dir, "--json", *options)
    ended = subprocess.run(started, cwd=REPOSITORY, env=environment(), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    done: dict[str, object] = json.loads(ended.stdout)
    return done


def served(client: httpx.Client) -> str:
    bundle_id: str = client.get("/readyz").json()["bundle_id"]
    return bundle_id


def test_a_service_changes_over_while_it_runs_and_a_start_with_the_old_setting_serves_the_new_bundle(
    tmp_path: Path, bundle: Path, another_bundle: Path
) -> None:
    old_id, new_id = (EncoderBundle.from_pretrained(folder).bundle_id for folder in (bundle, another_bundle))
    start = command("app", "serve", "--port", "0", "--bundle", bundle, "--data-dir", tmp_path / "data")
    query = {"query": "a red square", "target": "text"}
    with ServerProcess(start, tmp_path / "log") as server, httpx.Client(base_url=server.url, timeout=60) as client:
        items = [{"id": "red", "text": "a red square", "image": "f"}, {"id": "sea", "text": "a ship at sea"}]
        files = {"f": picture(colour="red", size=(64, 64), kind="JPEG")}
        assert client.post("/index", data={"items": json.dumps(items)}, files=files).json()["n_added"] == 2
        assert reindexed(another_bundle, tmp_path / "data", "--no-switch")["switched"] is False
        assert served(client) == old_id
        done = reindexed(another_bundle, tmp_path / "data")
        assert (done["n_encoded"], done["switched"], done["served"]) == (0, True, "new")  # all was encoded the first time
        assert served(client) == new_id
        hits = client.post("/search/text", json=query).json()["hits"]
        assert (hits[0]["id"], hits[0]["distance"]) == ("red", 0)
        assert server.stop() == 0
    with ServerProcess(start, tmp_path / "log") as server, httpx.Client(base_url=server.url, timeout=60) as client:
        assert served(client) == new_id
        assert client.post("/search/text", json=query).json()["hits"][0]["distance"] == 0
    assert "was re-indexed" in (tmp_path / "log").read_text()
