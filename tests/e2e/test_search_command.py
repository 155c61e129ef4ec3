"""``python -m app search`` beside a service that runs, as a script has it: a pipe, and JSON."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from app.client import Client
from tests.builders import picture
from tests.e2e.processes import REPOSITORY, ServerProcess, command, environment

pytestmark = pytest.mark.e2e


def said(url: str, *words: str | Path) -> str:
    return heard(url, *words).stdout


def heard(url: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    asked = command("app", "search", *words)
    return subprocess.run(asked, capture_output=True, text=True, check=True, cwd=REPOSITORY, env=environment(BITLENS_URL=url))


def test_a_script_searches_by_words_and_by_a_picture(tmp_path: Path) -> None:
    start = command("tests.e2e.fake_server", "--data-dir", tmp_path / "data")
    with ServerProcess(start, tmp_path / "log") as server, Client(server.url) as client:
        client.index([{"id": "cat", "text": "red cat", "image": picture("red cat")}, {"id": "dog", "image": picture("blue dog")}])
        assert said(server.url, "red cat", "-k", "1").split("\t")[0] == "cat"
        (tmp_path / "query.png").write_bytes(picture("blue dog"))
        found = json.loads(said(server.url, tmp_path / "query.png", "--target", "image", "--json"))
    assert [hit["id"] for hit in found["hits"]] == ["dog", "cat"]


def test_a_strange_query_is_told_from_one_that_nothing_is_near_to(tmp_path: Path) -> None:
    start = command("tests.e2e.fake_server", "--data-dir", tmp_path / "data")
    with ServerProcess(start, tmp_path / "log") as server, Client(server.url) as client:
        client.index([{"id": "cat", "image": picture("red cat")}])
        asked = command("app", "search", "strange cat", "--min-familiarity", "0.02")
        done = subprocess.run(asked, capture_output=True, text=True, cwd=REPOSITORY, env=environment(BITLENS_URL=server.url))
        far = command("app", "search", "red cat", "--min-precision", "0.99")
        missed = subprocess.run(far, capture_output=True, text=True, cwd=REPOSITORY, env=environment(BITLENS_URL=server.url))
    assert (done.returncode, done.stdout) == (missed.returncode, missed.stdout) == (0, "")
    assert "nothing like this was in what the bundle learnt from" in done.stderr
    assert "nothing comes up to --min-precision" in missed.stderr


def test_a_picture_finds_pictures_where_no_texts_are_indexed_and_says_so(tmp_path: Path) -> None:
    start = command("tests.e2e.fake_server", "--data-dir", tmp_path / "data")
    (tmp_path / "query.png").write_bytes(picture("blue dog"))
    with ServerProcess(start, tmp_path / "log") as server, Client(server.url) as client:
        empty = heard(server.url, "red cat")
        client.index([{"id": "cat", "image": picture("red cat")}, {"id": "dog", "image": picture("blue dog")}])
        instead = heard(server.url, tmp_path / "query.png")
        named = heard(server.url, tmp_path / "query.png", "--target", "text")
        strange = heard(server.url, "strange cat")
    assert empty.stderr == "nothing is indexed yet: 'bitlens ingest FOLDER' does that\n"
    assert instead.stdout.split("\t")[0] == "dog"
    assert instead.stderr == "no texts are indexed: pictures are searched instead\n"
    assert (named.stdout, named.stderr) == ("", "no texts are indexed: with --target image the pictures are searched\n")
    assert [line.split("\t")[2] for line in strange.stdout.splitlines()] == ["-", "-"]
    assert strange.stderr.startswith("nothing like this was in what the bundle learnt from: hits may be unrelated")
