"""Many runs: finished and locked ones are left alone, mistakes are told, and the time left is the mean of runs of the same name."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from bench.run_grid import Source, Task, left_text, run_task, run_tasks, time_left
from tests.run_records import made_up_report, run_config, write_run
from training.run_folder import RunFolder


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return Task("scbch", tmp_path / "runs" / "one", run_config())


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path / "no-data", tmp_path / "cache")


def finish(task: Task) -> None:
    write_run(task.path, task.config, made_up_report(task.config, 0.7))


def test_a_run_is_finished_once_it_has_a_report(task: Task) -> None:
    assert not task.is_finished
    write_run(task.path, task.config, None)
    assert not task.is_finished
    RunFolder(task.path).write_report({}, "")
    assert task.is_finished


def test_a_run_of_other_settings_is_not_this_one(task: Task) -> None:
    finish(task)
    assert not Task(task.name, task.path, run_config("training.epochs=3")).is_finished


def test_finished_runs_are_skipped_without_a_look_at_the_data(task: Task, source: Source) -> None:
    finish(task)
    told: list[str] = []
    assert run_tasks([task], source, n_workers=2, told=told.append) == []
    assert told == ["1 of 1 runs are finished; 0 min left"]


def test_a_run_that_another_process_is_at_is_left_to_it(task: Task, source: Source) -> None:
    task.path.mkdir(parents=True)
    with FileLock(task.path / "run.lock"):
        outcome = run_task(task, source)
    assert (outcome.text, outcome.seconds, outcome.failed) == ("left to the process that is at it", None, False)
    assert not (task.path / "config.toml").exists()


def test_a_run_that_was_finished_meanwhile_is_not_done_again(task: Task, source: Source) -> None:
    finish(task)
    assert run_task(task, source).text == "finished by another process"


def test_mistakes_are_told_and_no_reason_to_stop(task: Task, source: Source) -> None:
    outcome = run_task(task, source)
    assert outcome.failed
    assert "failed: " in outcome.text
    assert "no-data" in outcome.text


def test_time_left_is_the_mean_of_runs_of_the_same_name_over_the_processes(task: Task) -> None:
    quick, unknown = (Task(name, task.path, task.config) for name in ("itq", "rmsh"))
    seconds = {"scbch": [100.0, 200.0], "itq": [3.0], "rmsh": []}
    assert time_left([task, task, quick], seconds, 2) == pytest.approx((150 + 150 + 3) / 2)
    assert time_left([unknown], seconds, 1) == pytest.approx(101)
    assert time_left([task], {}, 2) is None
    assert time_left([], {}, 2) == 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "time left unknown"), (61, "1 min left"), (3599, "1 h 00 min left"), (7500, "2 h 05 min left")]
)
def test_time_left_is_told_in_minutes_and_hours(seconds: float | None, text: str) -> None:
    assert left_text(seconds) == text
