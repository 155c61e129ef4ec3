"""A run folder holds one run, and survives being torn."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.errors import ConfigError
from tests.training_fixtures import open_run, small_config
from training.run_folder import RunFolder


def test_a_new_folder_holds_the_resolved_configuration_and_the_facts(tmp_path: Path) -> None:
    run = open_run(tmp_path / "new" / "run", small_config())
    assert run.read_config() == small_config()
    assert run.facts()["data"] == "clusters"
    assert (run.metrics(), run.report()) == ([], None)


def test_the_same_run_may_be_opened_again(tmp_path: Path) -> None:
    open_run(tmp_path, small_config()).add_metrics({"epoch": 1})
    assert open_run(tmp_path, small_config()).metrics() == [{"epoch": 1}]


def test_another_configuration_is_refused_and_every_difference_named(tmp_path: Path) -> None:
    open_run(tmp_path, small_config())
    with pytest.raises(ConfigError) as raised:
        open_run(tmp_path, small_config("training.n_bits=32", "method.options.margin=0.1"))
    assert raised.value.mistakes[1:] == ("method.options.margin: there 0.3, now 0.1", "training.n_bits: there 16, now 32")
    assert "holds another run; choose another --out" in raised.value.mistakes[0]


def test_other_data_are_refused(tmp_path: Path) -> None:
    open_run(tmp_path, small_config())
    with pytest.raises(ConfigError, match="data: there 'clusters', now 'others'"):
        RunFolder(tmp_path).open(small_config(), {"data": "others", "label_names": []})


@pytest.mark.parametrize("name", ["config.toml", "run.json"])
def test_a_damaged_record_is_named(tmp_path: Path, name: str) -> None:
    open_run(tmp_path, small_config())
    (tmp_path / name).write_text("{{{")
    with pytest.raises(ConfigError, match=f"{name} cannot be read"):
        open_run(tmp_path, small_config())


def test_a_place_where_no_folder_can_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"file/run: cannot be made: Not a directory"):
        open_run(tmp_path / "file" / "run", small_config())


def test_a_folder_whose_opening_was_interrupted_is_opened_anew(tmp_path: Path) -> None:
    """The configuration comes last: a folder without it is no run yet."""
    open_run(tmp_path, small_config())
    (tmp_path / "config.toml").unlink()
    (tmp_path / "run.json").write_text("{{{")
    assert open_run(tmp_path, small_config("training.n_bits=32")).read_config().training.n_bits == 32


def test_a_torn_line_of_metrics_is_passed_over_and_later_lines_stay_whole(tmp_path: Path) -> None:
    run = open_run(tmp_path, small_config())
    for epoch in (1, 2):
        run.add_metrics({"epoch": epoch, "validation_map": 0.5})
    with (tmp_path / "metrics.jsonl").open("ab") as file:
        file.write(b'{"epoch": 3, "validat')
    assert [entry["epoch"] for entry in run.metrics()] == [1, 2]
    run.keep_metrics_until(2)
    run.add_metrics({"epoch": 3, "validation_map": 0.6})
    assert [entry["epoch"] for entry in run.metrics()] == [1, 2, 3]


def test_epochs_that_are_taken_again_lose_their_lines(tmp_path: Path) -> None:
    run = open_run(tmp_path, small_config())
    for epoch in range(1, 6):
        run.add_metrics({"epoch": epoch})
    run.keep_metrics_until(3)
    assert [entry["epoch"] for entry in run.metrics()] == [1, 2, 3]


def test_a_report_finishes_a_run(tmp_path: Path) -> None:
    run = open_run(tmp_path, small_config())
    run.write_report({"epoch": 3}, "# words")
    assert run.report() == {"epoch": 3}
    assert (tmp_path / "report.md").read_text() == "# words"
    assert not list(tmp_path.rglob("*.partial"))


def test_a_folder_that_holds_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.toml: cannot be read"):
        RunFolder(tmp_path).read_config()
