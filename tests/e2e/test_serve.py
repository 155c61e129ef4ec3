"""``python -m app serve`` as its users have it: a real process, a real bundle, HTTP over a socket."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.builders import picture
from tests.e2e.processes import REPOSITORY, ServerProcess, command, environment

pytestmark = pytest.mark.e2e


def fails(*arguments: str | Path, status: int = 1, **more: str) -> str:
    """Runs a server that must not start and returns the last line it prints, after a check that there is no traceback."""
    ended = subprocess.run(
        command("app", "serve", "--port", "0", *arguments), cwd=REPOSITORY, env=environment(**more), capture_output=True, text=True
    )
    assert ended.returncode == status
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    return ended.stderr.splitlines()[-1]


def test_a_bundle_is_served_and_a_restart_keeps_its_items(tmp_path, bundle, another_bundle):
    start = command("app", "serve", "--port", "0", "--bundle", bundle, "--data-dir", tmp_path / "data")
    with ServerProcess(start, tmp_path / "log") as server, httpx.Client(base_url=server.url, timeout=60) as client:
        items = [{"id": "red", "text": "a red square", "image": "f"}]
        files = {"f": picture(colour="red", size=(64, 64), kind="JPEG")}
        assert client.post("/index", data={"items": json.dumps(items)}, files=files).json()["n_added"] == 1
        by_picture = client.post("/search/image", files={"image": files["f"]}, data={"target": "image"}).json()
        assert (by_picture["hits"][0]["distance"], by_picture["query"]["cached"]) == (0, True)
        assert "in use by another process" in fails("--bundle", bundle, "--data-dir", tmp_path / "data")
        assert client.get("/").status_code == 200
        assert server.stop() == 0
    assert "holds codes of bundle" in fails("--bundle", another_bundle, "--data-dir", tmp_path / "data")
    with ServerProcess(start, tmp_path / "log") as server, httpx.Client(base_url=server.url, timeout=60) as client:
        by_text = client.post("/search/text", json={"query": "a red  square", "target": "text"}).json()
        assert (by_text["hits"][0]["id"], by_text["hits"][0]["distance"]) == ("red", 0)
        assert client.get("/index/red/image").content == files["f"]


def test_a_huge_upload_is_answered_over_a_socket_and_the_service_goes_on(tmp_path):
    start = command("tests.e2e.fake_server", "--data-dir", tmp_path / "data")
    chunk = b"x" * 1_000_000
    with ServerProcess(start, tmp_path / "log") as server, httpx.Client(base_url=server.url, timeout=60) as client:
        for content in (chunk * 70, (chunk for _ in range(70))):
            answer = client.post("/index", content=content, headers={"content-type": "application/json"})
            assert (answer.status_code, answer.json()["type"]) == (413, "/problems/request-too-large")
        assert client.get("/readyz").status_code == 200


def test_a_damaged_bundle_is_told_in_one_line(tmp_path, bundle):
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for file in bundle.iterdir():
        content = file.read_bytes()
        (damaged / file.name).write_bytes(content[:-100] if file.suffix == ".safetensors" else content)
    assert "model.safetensors" in fails("--bundle", damaged, "--data-dir", tmp_path / "data")


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"BITLENS_MAX_K": "many"}, "bitlens: BITLENS_MAX_K: Input should be a valid integer"),
        ({"BITLENS_MAXK": "10"}, "bitlens: BITLENS_MAXK: there is no such setting; is BITLENS_MAX_K meant?"),
        ({"REDIS_URL": "localhost:6379"}, "bitlens: REDIS_URL: must start with redis://"),
        ({"BITLENS_KEYS_FILE": "nowhere"}, "bitlens: BITLENS_KEYS_FILE: "),
    ],
)
def test_a_bad_setting_is_told_in_one_line(tmp_path, bundle, setting, told):
    assert fails("--bundle", bundle, "--data-dir", tmp_path / "data", status=2, **setting).startswith(told)


def test_a_data_folder_that_cannot_be_is_told_in_one_line(tmp_path, bundle):
    (tmp_path / "file").touch()
    told = f"bitlens: the data folder {tmp_path}/file/data cannot be written: Not a directory"
    assert fails("--bundle", bundle, "--data-dir", tmp_path / "file" / "data") == told


def test_a_bundle_that_is_not_there_is_told_in_one_line(tmp_path):
    told = f"bitlens: there is no bundle at {tmp_path}/none; name one with --bundle or BITLENS_BUNDLE"
    assert fails("--bundle", tmp_path / "none", "--data-dir", tmp_path / "data") == told
