"""The README's commands do what it says, against a real server process; its figures are those of the tables they come from."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.builders import picture
from tests.e2e.processes import REPOSITORY, ServerProcess, command
from tests.ingest_world import put
from tests.page_commands import matches, run, shown

PAGE = "README.md"


@pytest.mark.e2e
@pytest.mark.skipif(shutil.which("curl") is None, reason="the README shows curl, which is not installed here")
def test_its_commands_print_what_it_says(tmp_path: Path) -> None:
    put(tmp_path / "photos", dog_jpg=picture("a dog on the grass"), cat_png=picture("a cat"))
    walked = 0
    with ServerProcess(command("tests.e2e.fake_server", "--data-dir", tmp_path / "data"), tmp_path / "log") as server:
        for each in (each for each in shown(PAGE) if not each.mark):
            printed = said_by(each.line, tmp_path, server.url)
            assert matches(each.said, printed), f"{each.line}\n{printed}"
            walked += 1
    assert walked >= 5


def said_by(line: str, folder: Path, url: str) -> str:
    if not line.startswith("curl "):
        return run(line, folder, BITLENS_URL=url).stdout
    words = shlex.split(line.replace("localhost:8000", url.removeprefix("http://")))
    return subprocess.run([*words, "--silent"], cwd=folder, capture_output=True, text=True, check=True).stdout + "\n"


def test_every_command_that_is_not_run_has_a_reason() -> None:
    assert {each.mark for each in shown(PAGE)} == {"", "not run"}
    assert all(each.reason for each in shown(PAGE) if each.mark)


def test_its_figures_are_those_of_the_results() -> None:
    results = (REPOSITORY / "docs" / "results.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (HERO|SCBCH|supervised contrast|CCA[^|]+) \|((?: 0\.\d+ \|){4})$", readme(), flags=re.MULTILINE)
    names = dict(zip(("HERO", "SCBCH", "supervised contrast"), ("hero", "scbch", "supcon"), strict=True))
    assert len(rows) == 4
    for title, figures in rows:
        table = [
            re.search(rf"^\| {rate} \| {names.get(title, 'itq')} \|[^|]+\|[^|]+\| \**(0\.\d+)", results, flags=re.MULTILINE)
            for rate in ("0", "0.2", "0.5", "0.8")
        ]
        assert re.findall(r"0\.\d+", figures) == [found and found[1] for found in table]
    assert f"chance {re.findall(r'a random order [|] (0[.][0-9]+)', readme())[0]};" in results


def readme() -> str:
    return (REPOSITORY / PAGE).read_text(encoding="utf-8")
