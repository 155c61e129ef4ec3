"""Mistakes on the command line: everything wrong is told on standard error, nothing on standard output, and the exit code is 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training_fixtures import open_run, small_config
from training.__main__ import main


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "config.toml"
    file.write_text("[training]\nepochs = 2\n")
    return str(file)


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Runs a command that must be refused as the caller's mistake; returns what it says."""
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert "Traceback" not in told.err
    return told.err


def test_every_mistake_of_a_configuration_is_listed(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overrides = ["--set", "training.n_bits=12", "--set", "noise.rate=2", "--set", "training.typo=1"]
    told = refused(["train", "--config", config, "--data", str(tmp_path), "--out", str(tmp_path / "run"), *overrides], capsys)
    assert len(told.splitlines()) == 3
    for key in ("training.n_bits: ", "noise.rate: ", "training.typo: "):
        assert key in told
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", ["features", "train"])
def test_a_missing_configuration_is_named(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [command, "--config", str(tmp_path / "gone.toml"), "--data", str(tmp_path)]
    assert "gone.toml: cannot be read" in refused([*arguments, *(["--out", "run"] if command == "train" else [])], capsys)


def test_missing_data_are_named(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = str(tmp_path / "no-data")
    told = refused(["features", "--config", config, "--data", data, "--cache-dir", str(tmp_path / "cache")], capsys)
    assert "no-data: is not a folder" in told


def test_a_missing_bundle_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = str(tmp_path / "no-bundle")
    assert f"no bundle at {bundle}" in refused(["evaluate", "--bundle", bundle, "--data", str(tmp_path), "--json"], capsys)


def test_a_damaged_bundle_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = refused(["evaluate", "--bundle", str(tmp_path), "--data", str(tmp_path), "--json"], capsys)
    assert "config.json of the bundle" in told


def test_a_folder_without_a_finished_run_is_not_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "holds no finished run" in refused(["export", str(tmp_path), "--out", str(tmp_path / "bundle")], capsys)


@pytest.mark.parametrize("arguments", [[], ["dance"], ["train"], ["evaluate", "--data", "x"], ["export", "run"]])
def test_words_that_are_no_command_are_refused_with_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: python -m training" in capsys.readouterr().err.replace("Usage", "usage")


@pytest.mark.parametrize(
    "command", ["features", "train", "evaluate", "calibrate", "health", "budget", "export", "compare", "sweep"]
)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"Usage: python -m training {command}" in capsys.readouterr().out


def test_an_audit_needs_a_run_that_has_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = open_run(tmp_path / "run", small_config())
    assert "has no labels yet" in refused(["audit", str(run.path), "--data", str(tmp_path)], capsys)
    assert "config.toml: cannot be read" in refused(["audit", str(tmp_path), "--data", str(tmp_path)], capsys)


@pytest.mark.parametrize("share", ["1.5", "nan", "much"])
def test_an_audits_threshold_is_a_share(share: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["audit", "run", "--data", "data", "--accept", share])
    assert ended.value.code == 2
    assert "expected a number from 0 to 1" in capsys.readouterr().err


def test_a_shell_is_offered_the_shipped_configurations(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["bitlens-train"])
    for name, value in {
        "_BITLENS_TRAIN_COMPLETE": "complete_bash",
        "COMP_WORDS": "bitlens-train train --config ph",
        "COMP_CWORD": "3",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main([])
    assert (ended.value.code, capsys.readouterr().out.split()) == (0, ["photos"])


def test_a_calibrated_bundle_has_one_place(capsys: pytest.CaptureFixture[str]) -> None:
    for places in ([], ["--in-place", "--out", "there"]):
        with pytest.raises(SystemExit) as ended:
            main(["calibrate", "--bundle", "b", "--data", "d", *places])
        assert ended.value.code == 2
        assert "error: give either --out DIR or --in-place" in capsys.readouterr().err
