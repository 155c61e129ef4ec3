"""Every command and every program of ``docs/hub.md``, in its order, against a hub on the loopback."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import REPOSITORY, ServerProcess, command, environment
from tests.fake_hub import FakeHub, running_hub
from tests.pair_folders import rows_of, write_image_folder
from tests.tiny_checkpoints import save_tiny_clip

pytestmark = pytest.mark.e2e

PAGE = (REPOSITORY / "docs" / "hub.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(python|console)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
MODULES = {"bitlens": "app", "bitlens-train": "training"}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    with running_hub() as hub:
        hub.publish("openai/clip-vit-base-patch32", save_tiny_clip(tmp_path / "clip"))
        yield hub


@pytest.fixture
def around(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a reader's processes; also that of this one, for the server."""
    splits = {"train": rows_of("train", 40), "query": rows_of("query", 4), "gallery": rows_of("gallery", 4)}
    write_image_folder(tmp_path / "pairs", splits)
    (tmp_path / "bundles").symlink_to(REPOSITORY / "bundles")
    known = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_CACHE": str(tmp_path / "cache"), "HF_TOKEN": "hf_fake", "HF_HUB_DISABLE_XET": "1"}
    for name, value in {**known, "PYTHONPATH": str(REPOSITORY)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return environment()


def ran(words: list[str], folder: Path, around: dict[str, str]) -> str:
    ended = subprocess.run(words, cwd=folder, env=around, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 0, f"{words}\n{ended.stderr}"
    return ended.stdout


def words_of(line: str) -> list[str]:
    program, *arguments = shlex.split(line.removeprefix("$ "))
    return command(MODULES[program], *arguments)


def test_the_pages_commands_and_programs_run_in_their_order(hub: FakeHub, around: dict[str, str], tmp_path: Path) -> None:
    told, program = [], ""
    for kind, block in BLOCKS:
        if kind == "python":
            program += block  # a reader's session goes on
            told.append(ran([sys.executable, "-c", program], tmp_path, around))
            continue
        for line in block.splitlines():
            if " serve " in line:
                start = [*words_of(line.replace("--data-dir data", f"--data-dir {tmp_path / 'data'}")), "--port", "0"]
                with ServerProcess(start, tmp_path / "log") as server:
                    assert server.stop() == 0
            else:
                told.append(ran(words_of(line), tmp_path, around))
    bundles = {name for name in hub.history if name.startswith("ada/")}
    assert bundles == {"ada/photos-64", "ada/photos-64-again"}
    assert told[0].startswith("2ebc3ba6e641caab 64 [[")
    assert f"{hub.endpoint}/ada/photos-64/commit/" in told[1]
    assert (tmp_path / "runs" / "clip" / "bundle" / "image.onnx").exists()
    assert (tmp_path / "copies" / "photos-64" / "config.json").read_bytes() == (
        REPOSITORY / "bundles/photos-64/config.json"
    ).read_bytes()


def test_a_service_whose_address_leads_nowhere_says_so_in_one_line(around: dict[str, str]) -> None:
    start = command("app", "serve", "--port", "0", "--bundle", "hf://ada/none")
    ended = subprocess.run(start, cwd=REPOSITORY, env=dict(os.environ) | around, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "no bundle at hf://ada/none: no such folder, and no such repository on the hub" in ended.stderr.splitlines()[-1]
