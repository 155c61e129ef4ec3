"""The demonstration on a handful of one's own pairs: the real trainer, the real service, twice."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.pair_folders import rows_of, write_shards

REPOSITORY = Path(__file__).resolve().parents[2]


def command(folder: Path, words: Sequence[str]) -> list[str]:
    settings = ["--set", "training.epochs=2", "--set", "training.n_bits=16"]
    return [
        sys.executable,
        "-u",
        "-m",
        "demo",
        "--data",
        str(folder / "data"),
        "--work",
        str(folder / "work"),
        "--port",
        "0",
        *settings,
        *words,
    ]


@contextmanager
def demonstration(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Starts it; kills it at the end if a failed test left it running."""
    environment = os.environ | {"BITLENS_CACHE_DIR": str(folder / "cache"), "OMP_NUM_THREADS": "1", "COLUMNS": "160"}
    with (folder / "errors.txt").open("a") as errors:
        process = subprocess.Popen(
            command(folder, words), cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.e2e
def test_a_second_run_reuses_everything_and_serves_until_ctrl_c(tmp_path: Path) -> None:
    write_shards(tmp_path / "data", {"pairs": rows_of("pair", 60)})
    with demonstration(tmp_path, "--once") as first:
        said, _ = first.communicate(timeout=240)
    assert first.returncode == 0, (tmp_path / "errors.txt").read_text()
    assert "54 items indexed, 0 were there already, 0 refused" in said
    assert said.count("finds images") == 2
    assert said.count("finds texts") == 1
    assert "text → image" in said
    with demonstration(tmp_path) as second:
        lines = read_until(second, "Serving until Ctrl-C")
        assert any("is finished and is taken as it is" in line for line in lines)
        assert any("0 items indexed, 54 were there already" in line for line in lines)
        address = re.search(r"Search page: (http://\S+)/", "".join(lines))
        assert address is not None
        assert httpx.get(f"{address[1]}/readyz", trust_env=False).json()["n_items"] == 54
        second.send_signal(signal.SIGINT)
        second.communicate(timeout=60)
    assert second.returncode == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address[1]}/readyz", trust_env=False)


def read_until(process: subprocess.Popen[str], words: str) -> list[str]:
    lines: list[str] = []
    for line in process.stdout or []:
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError(f"ended without saying {words!r}: {''.join(lines)}")
