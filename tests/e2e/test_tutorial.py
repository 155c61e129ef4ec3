"""The tutorial is walked from top to bottom, from the shipped bundle to one that is trained on the demonstration's drawings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.processes import REPOSITORY, ServerProcess, command
from tests.page_commands import matches, run, shown

PAGE = "docs/tutorial.md"
SERVE = "bitlens serve --data-dir data/first"


def walk(folder: Path, marks: set[str]) -> list[str]:
    """Runs the commands with one of these marks, while the service that the page starts is running; returns their lines."""
    (folder / "bundles").symlink_to(REPOSITORY / "bundles")
    walked = []
    with ServerProcess(command("app", "serve", "--data-dir", folder / "data" / "first", "--port", "0"), folder / "log") as server:
        for each in shown(PAGE):
            if each.mark in marks and each.line != SERVE:
                ended = run(each.line, folder, BITLENS_URL=server.url)
                assert ended.returncode == 0, f"{each.line}\n{ended.stdout}{ended.stderr}"
                assert matches(each.said, ended.stdout or ended.stderr), f"{each.line}\n{ended.stdout}{ended.stderr}"
                walked.append(each.line)
    return walked


def test_every_command_has_its_tier_and_every_exception_its_reason() -> None:
    commands = list(shown(PAGE))
    assert SERVE in [each.line for each in commands]
    assert {each.mark for each in commands} == {"", "slow", "not run"}
    assert all(each.reason for each in commands if each.mark)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_all_goes_as_the_tutorial_says(tmp_path: Path) -> None:
    assert len(walk(tmp_path, {"", "slow"})) >= 11
