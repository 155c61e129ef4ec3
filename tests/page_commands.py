"""The commands that a page shows, with what they are said to print: read from its ``console`` blocks.

A comment right above a block marks its commands: ``<!-- slow: why -->`` for the slow tier, ``<!-- not run: why -->`` for none.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.processes import REPOSITORY, command, environment

PROGRAMS = {"bitlens": "app", "bitlens-train": "training"}
_BLOCK = re.compile(r"(?:^<!-- (slow|not run): ([^\n]+) -->\n)?^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ ((?:[^\n]*\\\n)*[^\n]+)\n((?:(?!\$ )[^\n]*\n)*)", flags=re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Shown:
    """A command: its line, what it is said to print ("" if nothing is said), how it is marked and why."""

    line: str
    said: str
    mark: str
    reason: str


def blocks(page: str, language: str) -> list[str]:
    """Returns the contents of a page's blocks in one language; all are read, or an end would pass for a beginning."""
    return [content for _, _, name, content in _BLOCK.findall(_text(page)) if name == language]


def shown(page: str) -> Iterator[Shown]:
    for mark, reason, name, content in _BLOCK.findall(_text(page)):
        for line, said in _COMMAND.findall(content) if name == "console" else ():
            yield Shown(line.replace("\\\n", " "), said, mark, reason)


def words_of(line: str) -> list[str]:
    """Returns the words that run a program of ours from the sources, whichever way it is written."""
    words = shlex.split(line, comments=True)
    program, rest = (
        (words[2], words[3:]) if words[:2] == ["python", "-m"] else (PROGRAMS[words[0].removeprefix(".venv/bin/")], words[1:])
    )
    return command(program, *rest)


def run(line: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of a page in a folder."""
    paths = {"PYTHONPATH": str(REPOSITORY), "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hub")}
    where = environment(**paths, **variables)
    return subprocess.run(words_of(line), cwd=folder, env=where, capture_output=True, text=True, timeout=900, check=False)


def matches(said: str, printed: str) -> bool:
    """Compares output; ``…`` stands for whatever may change on a line, alone on a line for any number of lines."""
    lines = ["(?:.*\n)*?" if line == "…\n" else _line(line) for line in said.splitlines(keepends=True)]
    return re.fullmatch("".join(lines), printed) is not None


def _line(said: str) -> str:
    return "".join(".*?" if piece == "…" else re.escape(piece) for piece in re.split("(…)", said))


def _text(page: str) -> str:
    return (REPOSITORY / page).read_text(encoding="utf-8")
