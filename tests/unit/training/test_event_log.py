"""TensorBoard shows what stands in ``metrics.jsonl``, and a resumed run goes on where the record does."""

from __future__ import annotations

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.training_fixtures import ClusterData, open_run, small_config
from training.event_log import event_log
from training.experiment import run_experiment
from training.run_folder import RunFolder


def shown(folder: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(folder))
    events.Reload()
    return {name: [(each.step, each.value) for each in events.Scalars(name)] for name in events.Tags()["scalars"]}


def test_every_figure_of_an_epoch_is_shown_under_its_name(tmp_path: Path) -> None:
    with event_log(tmp_path, first_epoch=1) as add:
        add({"epoch": 1, "validation_map": 0.5, "losses": {"a": 2.0}, "constant_bits": 3})
        assert shown(tmp_path) == {"validation_map": [(1, 0.5)], "losses/a": [(1, 2.0)], "constant_bits": [(1, 3.0)]}


def test_epochs_that_are_taken_again_replace_what_a_killed_run_left(tmp_path: Path) -> None:
    for first, last, value in ((1, 3, 0.25), (3, 4, 0.5)):
        with event_log(tmp_path, first_epoch=first) as add:
            for epoch in range(first, last + 1):
                add({"epoch": epoch, "grad_norm": value})
    assert shown(tmp_path)["grad_norm"] == [(1, 0.25), (2, 0.25), (3, 0.5), (4, 0.5)]


def test_without_a_folder_nothing_is_written(tmp_path: Path) -> None:
    with event_log(None, first_epoch=1) as add:
        add({"epoch": 1, "grad_norm": 1.0})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wanted", ["true", "false"])
def test_a_run_leaves_event_files_if_they_are_wanted(tmp_path: Path, wanted: str) -> None:
    config = small_config("training.epochs=2", f"training.tensorboard={wanted}")
    run_experiment(config, ClusterData(), open_run(tmp_path, config))
    run = RunFolder(tmp_path)
    assert run.events.exists() == (wanted == "true")
    if wanted == "true":
        assert [step for step, _ in shown(run.events)["losses/contrastive"]] == [1, 2]
