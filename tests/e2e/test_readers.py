"""The readers of ``deploy/k8s/overlays/readers``: the manifests' own commands, run here beside a service in use."""

from __future__ import annotations

import subprocess
from pathlib import Path

import httpx
import pytest

from tests.e2e.processes import REPOSITORY, ServerProcess, command, environment
from tests.manifests import containers

pytestmark = pytest.mark.e2e


def of_manifest(name: str, places: dict[str, Path]) -> list[str]:
    """Returns a container's command with its mounts replaced by folders."""
    (given,) = (each["command"] for _, each in containers("overlays/readers") if each["name"] == name)
    assert given[:3] == ["python", "-m", "app"]
    for mount, folder in places.items():
        given = [each.replace(mount, str(folder), 1) if each.startswith(mount) else each for each in given]
    return command(*given[2:])


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, cwd=REPOSITORY, env=environment(), capture_output=True, text=True, timeout=60, check=False)


def test_a_reader_finds_what_the_backup_of_the_running_writer_holds_and_writes_nothing(tmp_path, bundle):
    writer, reader, backups = tmp_path / "writer", tmp_path / "reader", tmp_path / "backups"
    backups.mkdir()
    restore = of_manifest("restore", {"/backups": backups, "/data": reader})
    assert run(restore).returncode != 0  # there is no backup yet: the pod tries again
    serve = command("app", "serve", "--port", "0", "--bundle", bundle, "--data-dir")
    with ServerProcess([*serve, str(writer)], tmp_path / "log") as server:
        httpx.post(f"{server.url}/index", json={"items": [{"id": "red", "text": "a red square"}]}).raise_for_status()
        assert run(of_manifest("backup", {"/backups": backups, "/data": writer})).returncode == 0
    for _ in range(2):  # a container that was started again finds its folder full
        ended = run(restore)
        assert ended.returncode == 0, ended.stderr
    made = run(command("app", "key", "new", "--role", "read", "--name", "reader"))
    (tmp_path / "keys").write_text(made.stderr.splitlines()[-1])
    own = {"BITLENS_KEYS_FILE": str(tmp_path / "keys")}
    asks = httpx.Client(headers={"X-API-Key": made.stdout.strip()})
    with ServerProcess([*serve, str(reader)], tmp_path / "log", own) as server, asks:
        hits = asks.post(f"{server.url}/search/text", json={"query": "a red square", "target": "text"}).json()["hits"]
        assert [(hit["id"], hit["distance"]) for hit in hits] == [("red", 0)]
        assert asks.post(f"{server.url}/index", json={"items": [{"id": "lost", "text": "x"}]}).status_code == 403
        assert httpx.get(f"{server.url}/metrics").status_code == 401
        assert httpx.get(f"{server.url}/readyz").status_code == 200
