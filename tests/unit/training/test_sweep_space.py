"""Spaces are read as written; every mistake is told at once, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.errors import ConfigError
from training.__main__ import main
from training.sweep_space import Choice, Range, Space, read_spaces


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text("[training]\nepochs = 2\n")
    return file


@pytest.mark.parametrize(
    ("text", "space"),
    [
        ("training.learning_rate=1e-5..1e-3:log", Range("training.learning_rate", 1e-5, 1e-3, log=True)),
        ("method.options.margin=0..1", Range("method.options.margin", 0, 1)),
        ("method.options.margin=0..1:0.25", Range("method.options.margin", 0, 1, step=0.25)),
        ("method.options.n_neighbours=5..50:int", Range("method.options.n_neighbours", 5, 50, whole=True)),
        ("method.options.n_neighbours=5..50:int:log", Range("method.options.n_neighbours", 5, 50, whole=True, log=True)),
        ("training.n_bits=16..128:int:8", Range("training.n_bits", 16, 128, whole=True, step=8)),
        ("training.batch_size=64,128", Choice("training.batch_size", ("64", "128"))),
        ("method.options.text_hidden=[512],[1024, 64]", Choice("method.options.text_hidden", ("[512]", "[1024, 64]"))),
        ("bundle.origin=here, there", Choice("bundle.origin", ('"here"', '"there"'))),
    ],
)
def test_spaces_are_read_as_written(config: Path, text: str, space: Space) -> None:
    assert read_spaces(config, [], [text]) == [space]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("training.typo=1..2", "training.typo: no such setting (there are n_bits, epochs, "),
        ("nonsense", "expected section.key=low..high"),
        ("epochs=1,2", "expected section.key=low..high"),
        ("training.learning_rate=-1..1", "training.learning_rate: Input should be greater than 0 (at -1.0)"),
        ("noise.rate=0..0.5", "changes what is measured"),
        ("training.seed=1,2", "changes what is measured"),
        ("training.learning_rate=2..1", "the lower bound must be below the upper one"),
        ("training.learning_rate=0..1:log", "a logarithmic range starts above 0"),
        ("training.learning_rate=a..1", "'a' is neither a number nor log or int"),
        ("training.learning_rate=0.1..1:0.2:0.3", "gives a mark twice"),
        ("training.learning_rate=0.1..nan", "'nan' is not finite"),
        ("training.learning_rate=0.1..1:2", "the step must be positive and no wider than the range"),
        ("training.epochs=1.5..3:int", "whole bounds"),
        ("training.epochs=1..30", "training.epochs: Input should be a valid integer"),
        ("training.n_bits=16..128:int", "training.n_bits: Input should be a multiple of 8 (at 17)"),
        ("training.batch_size=64", "expected two values or more"),
        ("training.batch_size=64,64", "expected two values or more, all different"),
        ("method.name=scbch,dance", "method.name: no such method"),
        ("method.options.margin=-1..1", "margin: Input should be greater than or equal to 0 (at -1.0)"),
    ],
)
def test_a_space_that_cannot_be_swept_is_refused_with_the_reason(config: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_spaces(config, [], [text])
    assert any(mistake.startswith("--space ") and told in mistake for mistake in refused.value.mistakes), refused.value.mistakes


def test_all_mistakes_are_told_at_once_and_nothing_runs(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spaces = ["training.typo=1,2", "training.n_bits=7..9:int", "training.patience=1,2", "training.patience=2,3"]
    arguments = ["sweep", "--config", str(config), "--data", str(tmp_path), "--out", str(tmp_path / "sweep"), "--trials", "3"]
    assert main([*arguments, *(word for space in spaces for word in ("--space", space))]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    for part in ("training.typo: no such setting", "training.n_bits: Input", "training.patience: is given more than once"):
        assert part in told.err
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--trials", "0"], "expected a whole number from 1 on, not '0'"),
        (["--trials", "x"], "expected a whole number from 1 on, not 'x'"),
        (["--trials", "1", "--seeds", "one"], "expected whole numbers between commas, not 'one'"),
    ],
)
def test_numbers_that_are_none_are_refused_in_words(words: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sweep", "--config", "c", "--data", "d", "--out", "o", "--space", "training.epochs=1,2", *words])
    assert ended.value.code == 2
    assert expected in capsys.readouterr().err
