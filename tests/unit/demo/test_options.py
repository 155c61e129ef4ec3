"""What the command line means, and which run it finds again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from demo.errors import DemoError
from demo.options import Options, data_settings, parse_options, run_folder
from training.datasets import ColumnNames, PairDataset, PairSplits


def options(tmp_path: Path, toml: str = "", sets: Sequence[str] = ()) -> Options:
    config = tmp_path / "demo.toml"
    config.write_text(toml)
    words = ["--config", str(config), "--work", str(tmp_path / "work")]
    return parse_options([*words, *(word for one in sets for word in ("--set", one))])


def splits(text: str = "a") -> PairSplits:
    part = PairDataset(["x"], [text], np.ones((1, 1), np.uint8), ("label",), lambda i: b"picture")
    return PairSplits(part, part, part, ("label",))


def test_by_default_everything_is_indexed_and_served_on_8000() -> None:
    given = parse_options([])
    assert (given.data, given.port, given.limit, given.once) == (None, 8000, None, False)


def test_column_names_come_from_the_configuration_and_its_overrides(tmp_path: Path) -> None:
    given = options(
        tmp_path, '[data]\ntext_column = "caption"\nsplit_seed = 3\n', ["data.labels_column='tags'", "training.epochs=2"]
    )
    assert data_settings(given) == (ColumnNames(text="caption", labels="tags"), 3)


def test_the_same_configuration_and_pairs_find_the_same_run(tmp_path: Path) -> None:
    found = run_folder(options(tmp_path), splits())
    assert found == run_folder(options(tmp_path), splits())
    assert found.parent == tmp_path / "work" / "runs"


def test_other_pairs_configurations_or_overrides_are_other_runs(tmp_path: Path) -> None:
    folders = {
        run_folder(options(tmp_path), splits()),
        run_folder(options(tmp_path), splits("b")),
        run_folder(options(tmp_path, "[training]\n"), splits()),
        run_folder(options(tmp_path, sets=["training.epochs=2"]), splits()),
    }
    assert len(folders) == 4


@pytest.mark.parametrize("words", [["--port", "70000"], ["--limit", "0"], ["--nonsense"]])
def test_a_wrong_word_ends_with_status_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_options(words)
    assert caught.value.code == 2
    assert words[0] in capsys.readouterr().err


def test_a_configuration_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"demo.toml: cannot be read"):
        data_settings(options(tmp_path, "not toml"))
    with pytest.raises(DemoError, match="split_seed must be a whole number"):
        data_settings(options(tmp_path, sets=["data.split_seed=soon"]))
