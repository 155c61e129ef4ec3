"""What docs/client.md and docs/ingest.md show is run, against a real server process, in the order in which it stands there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import picture
from tests.e2e.processes import ServerProcess, command
from tests.ingest_world import put, shard
from tests.page_commands import blocks, matches, run, shown

pytestmark = pytest.mark.e2e
CAT, DOG = picture("a cat"), picture("a dog on the grass")


@pytest.fixture
def server(tmp_path):
    with ServerProcess(command("tests.e2e.fake_server", "--data-dir", tmp_path / "data"), tmp_path / "log") as running:
        yield running


def what_the_page_reads(folder: Path) -> None:
    put(folder / "photos", dog_jpg=DOG, dog_txt="a dog", cat_png=CAT, sub__cat_png=CAT)
    put(folder / "mixed", broken_jpg="no picture", odd_jpg=CAT, odd_txt=b"\xe9", fine_jpg=DOG, phone_heic="x")
    table = "id,image,text\n007,photos/dog.jpg,one\n,photos/cat.png,two\n"
    german = "bild;worte;jahr\nphotos/dog.jpg;ein Hund;1999\nphotos/cat.png;eine Katze;2005\n"
    lines = '{"id": "l1", "text": "three"}\n{"text": "four", "payload": {"n": 1}}\n'
    put(folder, table_csv=table, german_csv=german, lines_jsonl=lines)
    shard(folder / "shard-000.tar", {"000.png": CAT, "000.txt": "five"})
    put(folder / "pairs", train_csv="id,text\np1,a pair\np2,another\n")


def test_the_examples_of_the_client_run(tmp_path, server, monkeypatch, capsys):
    (tmp_path / "dog.jpg").write_bytes(DOG)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks("docs/client.md", "python"):
        exec(compile(block.replace("http://localhost:8000", server.url), "docs/client.md", "exec"), names)  # noqa: S102
    printed = capsys.readouterr().out
    assert printed.splitlines()[0] == "rex 0 {'album': 7}"
    assert "404 unknown-item there is no item 'nobody'" in printed
    assert "['body', 'k']" in printed


def test_the_examples_of_ingesting_print_what_they_are_said_to(tmp_path, server):
    what_the_page_reads(tmp_path)
    for each in shown("docs/ingest.md"):
        ended = run(each.line, tmp_path, BITLENS_URL=server.url)
        assert matches(each.said, ended.stdout), f"{each.line}\n{ended.stdout}{ended.stderr}"
        assert ended.returncode == ("failed:" in each.said)
    assert (tmp_path / "codes.ids.txt").read_text().splitlines()[:3] == ["cat.png", "dog.jpg", "sub/cat.png"]
    assert len((tmp_path / "failures.jsonl").read_text().splitlines()) == 2
