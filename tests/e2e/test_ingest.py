"""``bitlens ingest`` as its users have it: real processes, killed on the way."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from app.client import Client
from tests.builders import picture
from tests.e2e.processes import REPOSITORY, ServerProcess, command, environment
from tests.ingest_kills import check_all_are_there_once, ingest_broken_off, make_pictures, start, wait_until

pytestmark = pytest.mark.e2e
N = 300


@pytest.fixture
def server(tmp_path):
    with ServerProcess(command("tests.e2e.fake_server", "--data-dir", tmp_path / "data"), tmp_path / "log") as running:
        yield running


def ran(*words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("app", *words), cwd=REPOSITORY, env=environment(**more), capture_output=True, text=True, timeout=120
    )


def test_an_ingest_that_is_broken_off_three_times_ends_with_all_items_once_each(tmp_path, server):
    make_pictures(tmp_path / "pictures", N)
    done = ingest_broken_off(tmp_path / "pictures", server, N, tmp_path / "log")
    assert done.statuses == [-9, 130, -9, 0]
    assert 0 < done.held[0] <= done.held[1] <= done.held[2] < N
    assert (done.last["n_done"], done.last["n_failed"], done.last["n_present"] >= done.held[2]) == (N, 0, True)
    check_all_are_there_once(server.url, tmp_path / "pictures", N)


def test_a_service_that_is_killed_and_comes_back_is_waited_for(tmp_path):
    make_pictures(tmp_path / "pictures", N)
    serve = command("tests.e2e.fake_server", "--data-dir", tmp_path / "data")
    with ServerProcess(serve, tmp_path / "log") as first, Client(first.url) as client:
        process = start(command("app", "ingest", tmp_path / "pictures", "--url", first.url, "--batch", "16"), tmp_path / "log")
        wait_until(client, process, N // 3)
        first.kill()
        with ServerProcess([*serve, "--port", first.url.rpartition(":")[2]], tmp_path / "log") as second:
            said, _ = process.communicate(timeout=120)
            assert (process.returncode, f"{N} items: " in said, ", 0 failed" in said) == (0, True, True)
            check_all_are_there_once(second.url, tmp_path / "pictures", N)


def test_failures_are_listed_and_the_address_may_stand_in_the_environment(tmp_path, server):
    make_pictures(tmp_path / "pictures", 3)
    (tmp_path / "pictures" / "bad.jpg").write_text("no picture")
    ended = ran("ingest", tmp_path / "pictures", "--failures", tmp_path / "f.jsonl", BITLENS_URL=server.url)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "4 items: 3 added, 0 replaced, 0 held already, 1 failed" in ended.stdout
    failure = json.loads((tmp_path / "f.jsonl").read_text())
    assert (failure["id"], failure["type"]) == ("bad.jpg", "/problems/undecodable-image")


def test_a_terminal_shows_a_bar_with_rate_and_time(tmp_path, server):
    make_pictures(tmp_path / "pictures", 40)
    ours, theirs = pty.openpty()
    words = command("app", "ingest", tmp_path / "pictures", "--url", server.url, "--batch", "8")
    ended = subprocess.run(words, cwd=REPOSITORY, env=environment(TERM="xterm"), stdout=subprocess.PIPE, stderr=theirs, timeout=120)
    shown = os.read(ours, 1_000_000).decode()
    assert ended.returncode == 0
    assert "40/40" in shown
    assert "0:00:0" in shown


def test_codes_are_exported_from_a_running_service(tmp_path, server):
    with Client(server.url) as client:
        client.index([{"id": "a", "image": picture("cat")}, {"id": "b", "text": "dog"}])
    ended = ran("export-codes", tmp_path / "codes.npy", "--url", server.url, "--json")
    assert (json.loads(ended.stdout)["n_items"], json.loads(ended.stdout)["n_without"]) == (1, 1)
    assert (tmp_path / "codes.npy").stat().st_size == 128 + 8
    ended = ran("export-codes", tmp_path / "codes.parquet", "--url", server.url)
    assert "codes of 2 items" in ended.stdout
