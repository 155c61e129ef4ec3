"""The trainer's last line becomes figures; anything else becomes a clear error."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from demo.errors import DemoError
from demo.options import parse_options
from demo.trainer import finished_run, run_trainer, train_command

FOUND = {"i2t_map": 0.7, "t2i_map": 0.6, "chance": 0.1, "n_query": 3, "n_database": 9, "n_bits": 64}


def says(*lines: str, status: int = 0) -> list[str]:
    return [sys.executable, "-c", f"import sys; print({chr(10).join(lines)!r}); sys.exit({status})"]


def test_the_last_line_is_read(tmp_path: Path) -> None:
    figures = run_trainer(says("talk", json.dumps({**FOUND, "bundle": "there"})), default_bundle=tmp_path)
    assert (figures.i2t_map, figures.t2i_map, figures.n_bits, figures.bundle) == (0.7, 0.6, 64, Path("there"))


def test_without_a_word_about_the_bundle_it_lies_in_the_run(tmp_path: Path) -> None:
    assert run_trainer(says(json.dumps(FOUND)), default_bundle=tmp_path).bundle == tmp_path


@pytest.mark.parametrize("line", ["", "no JSON", "[1]", '{"i2t_map": 1}'])
def test_a_last_line_that_is_not_understood_is_shown(line: str, tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="last line is not understood"):
        run_trainer(says(line), default_bundle=tmp_path)


def test_a_failed_training_is_told(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="exit status 2"):
        run_trainer(says(json.dumps(FOUND), status=2), default_bundle=tmp_path)


def test_the_command_carries_data_run_cache_and_overrides() -> None:
    options = parse_options(["--set", "training.epochs=2", "--set", "training.n_bits=16"])
    words = train_command(options, Path("data"), Path("run"))
    assert words[1:4] == ["-m", "training", "train"]
    assert [words[i + 1] for i, word in enumerate(words) if word == "--set"] == ["training.epochs=2", "training.n_bits=16"]
    assert [words[words.index(name) + 1] for name in ("--data", "--out")] == ["data", "run"]


def test_a_finished_run_is_read_without_the_trainer(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "report.json").write_text(json.dumps({"evaluation": FOUND}))
    assert finished_run(tmp_path) == run_trainer(says(json.dumps(FOUND)), default_bundle=tmp_path / "bundle")


@pytest.mark.parametrize("report", [None, "torn {", "{}", '{"evaluation": {"i2t_map": 1}}'])
def test_a_run_without_a_whole_report_is_left_to_the_trainer(report: str | None, tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    if report is not None:
        (tmp_path / "report.json").write_text(report)
    assert finished_run(tmp_path) is None


def test_a_run_without_its_bundle_is_left_to_the_trainer(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps({"evaluation": FOUND}))
    assert finished_run(tmp_path) is None
