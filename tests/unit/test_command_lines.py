"""Both command lines together: what installation makes, how soon they answer, and that their page is true."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import import_module

from tests.command_line_page import PAGE, asked, current, shown

ROOT = PAGE.parents[1]
HEAVY = {"fastapi", "numpy", "onnxruntime", "sqlalchemy", "faiss", "pydantic", "rich", "httpx", "torch"}


def test_the_page_shows_the_help_of_every_command_as_it_is() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert sorted(shown(page)) == sorted(asked())
    assert page == current(page)  # python -m tests.command_line_page


def test_the_programs_that_installation_makes_are_there() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert scripts.keys() == {"bitlens", "bitlens-train"}
    for place in scripts.values():
        module, _, name = place.partition(":")
        assert callable(getattr(import_module(module), name))


def test_help_waits_for_nothing_that_takes_time() -> None:
    for module in ("app.__main__", "training.__main__"):
        program = (
            f"import sys, {module} as m\nm.main(['--help'])\nassert not {HEAVY} & sys.modules.keys(), {HEAVY} & sys.modules.keys()"
        )
        ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 0, ended.stderr
