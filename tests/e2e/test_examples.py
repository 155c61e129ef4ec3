"""What docs/client.md and docs/ingest.md show is run, against a real server process, in the order in which it stands there."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.builders import picture
from tests.e2e.processes import REPOSITORY, ServerProcess, command, environment
from tests.ingest_world import put, shard

pytestmark = pytest.mark.e2e
CAT, DOG = picture("a cat"), picture("a dog on the grass")


@pytest.fixture
def server(tmp_path):
    with ServerProcess(command("tests.e2e.fake_server", "--data-dir", tmp_path / "data"), tmp_path / "log") as running:
        yield running


def blocks(page: str, language: str) -> list[str]:
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def shown(page: str) -> list[tuple[str, str]]:
    """Returns each command of a page with what it is said to print."""
    return re.findall(r"^\$ ([^\n]+)\n((?:(?!\$ )[^\n]*\n)*)", "".join(blocks(page, "console")), flags=re.MULTILINE)


def matches(said: str, printed: str) -> bool:
    """Compares output; ``…`` stands for whatever may change, to the end of the line or up to the next words."""
    pattern = "".join(".*?" if piece == "…" else re.escape(piece) for piece in re.split("(…)", said))
    return re.fullmatch(pattern, printed) is not None


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
    for block in blocks("client.md", "python"):
        exec(compile(block.replace("http://localhost:8000", server.url), "docs/client.md", "exec"), names)  # noqa: S102
    printed = capsys.readouterr().out
    assert printed.splitlines()[0] == "rex 0 {'album': 7}"
    assert "404 unknown-item there is no item 'nobody'" in printed
    assert "['body', 'k']" in printed


def test_the_examples_of_ingesting_print_what_they_are_said_to(tmp_path, server):
    what_the_page_reads(tmp_path)
    paths = {"PYTHONPATH": str(REPOSITORY), "BITLENS_URL": server.url, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")}
    for line, said in shown("ingest.md"):
        program, *words = shlex.split(line)
        assert program == "bitlens"
        ended = subprocess.run(
            command("app", *words), cwd=tmp_path, env=environment(**paths), capture_output=True, text=True, timeout=120
        )
        assert matches(said, ended.stdout), f"{line}\n{ended.stdout}{ended.stderr}"
        assert ended.returncode == ("failed:" in said)
    assert (tmp_path / "codes.ids.txt").read_text().splitlines()[:3] == ["cat.png", "dog.jpg", "sub/cat.png"]
    assert len((tmp_path / "failures.jsonl").read_text().splitlines()) == 2
