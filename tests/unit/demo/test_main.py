"""Exit codes and one clear line when the demonstration cannot begin."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.__main__ import main


@pytest.fixture(autouse=True)
def keep_signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_taken_port_ends_with_status_1(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["--work", str(tmp_path), "--port", str(taken.getsockname()[1])]) == 1
    assert capsys.readouterr().err.startswith("error: port ")
    assert list(tmp_path.iterdir()) == []


def test_data_that_cannot_be_read_ends_with_status_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--work", str(tmp_path), "--port", "0", "--data", str(tmp_path / "nothing")]) == 2
    assert "is not a folder" in capsys.readouterr().err


def test_a_missing_configuration_ends_with_status_1(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--work", str(tmp_path), "--port", "0", "--config", str(tmp_path / "no.toml")]) == 1
    assert "no.toml: cannot be read" in capsys.readouterr().err
