"""``docs/command-line.md``: its blocks hold what ``--help`` says, written anew by ``python -m tests.command_line_page``.

Decides which blocks there must be: one a program and one a command. The words around them are written by hand.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import typer
from typer.main import get_command

import app.__main__ as service
import training.__main__ as trainer
from model.command_line import run

PAGE = Path(__file__).resolve().parents[1] / "docs" / "command-line.md"
PROGRAMS = {"bitlens": service.commands, "bitlens-train": trainer.commands}
_BLOCK = re.compile(r"(?<=^```console\n)\$ ([^\n]+ --help)\n.*?(?=^```$)", flags=re.MULTILINE | re.DOTALL)


def current(page: str) -> str:
    """Returns the page with every block as the programs would print it."""
    return _BLOCK.sub(lambda found: f"$ {found[1]}\n{printed(found[1])}", page)


def shown(page: str) -> list[str]:
    """Returns the commands that the page has a block for, in order."""
    return [found[1] for found in _BLOCK.finditer(page)]


def asked() -> Iterator[str]:
    """Yields every command that answers to ``--help``."""
    for program, commands in PROGRAMS.items():
        yield from _below(program, get_command(commands(program)))


def printed(line: str) -> str:
    """Returns what a command prints into a pipe of 100 columns."""
    program, *words = line.split()
    before, out = os.environ.get("COLUMNS"), io.StringIO()
    os.environ["COLUMNS"] = "100"
    try:
        with redirect_stdout(out):
            run(PROGRAMS[program](program), words, program, prefix=program)
    finally:
        os.environ.pop("COLUMNS")
        os.environ.update({} if before is None else {"COLUMNS": before})
    return out.getvalue()


def _below(path: str, command: typer.core.TyperCommand | typer.core.TyperGroup) -> Iterator[str]:
    yield f"{path} --help"
    for name, inner in getattr(command, "commands", {}).items():
        yield from _below(f"{path} {name}", inner)


if __name__ == "__main__":
    PAGE.write_text(current(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
