"""A sweep tries what it is told, looks at nothing but train, resumes to the same trials, and hands on what it found."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from filelock import FileLock
from optuna.trial import TrialState

from model.errors import ConfigError, HashingError
from tests.training_fixtures import ClusterData, open_run, small_config
from training.config import RunConfig, load_config
from training.inputs import PairFeatures
from training.run_folder import RunFolder
from training.sweep import SweepData, sweep, validation_run
from training.sweep_plan import Limits, SweepPlan
from training.sweep_report import render_trials, write_sweep
from training.sweep_space import Choice, Range, Space
from training.sweep_study import done_trials

RATE = Range("training.learning_rate", 1e-4, 1e-1, log=True)
MARGIN = Choice("method.options.margin", ("0.1", "0.3"))


class Killed(Exception):
    """The process ends here."""


def plan(*spaces: Space, seeds: tuple[int, ...] = (), overrides: tuple[str, ...] = ()) -> SweepPlan:
    return SweepPlan(small_config("training.epochs=3", *overrides), spaces or (RATE, MARGIN), seeds)


def cluster_data(source: ClusterData) -> SweepData:
    return SweepData(lambda _: source("train"), {"data": "clusters"})


def run(
    folder: Path, n_trials: int, what: SweepPlan | None = None, *, kill_at: int = 0, data: ClusterData | None = None
) -> optuna.Study:
    told = 0

    def count(*_: Any) -> None:
        nonlocal told
        told += 1
        if told == kill_at:
            raise Killed

    return sweep(what or plan(), cluster_data(data or ClusterData()), folder, Limits(n_trials), told=count)


def outcome(study: optuna.Study) -> list[Any]:
    return [(trial.params, trial.value, trial.state, trial.intermediate_values) for trial in done_trials(study)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, optuna.Study]:
    folder: Path = tmp_path_factory.mktemp("sweep")
    return folder, run(folder, 7)


def test_a_sweep_never_asks_for_another_split_than_train(tmp_path: Path) -> None:
    data = ClusterData()
    run(tmp_path, 2, data=data)
    assert set(data.asked) == {"train"}
    assert list(tmp_path.rglob("report.json")) == []


def test_a_trials_value_is_the_best_validation_map_of_its_run(whole: tuple[Path, optuna.Study]) -> None:
    folder, study = whole
    for number, trial in enumerate(done_trials(study)):
        (run_dir,) = (folder / "trials").glob(f"{number:04d}-*")
        entries = RunFolder(run_dir).metrics()
        assert trial.value == max(entry["validation_map"] for entry in entries)
        assert RunFolder(run_dir).read_config().training.learning_rate == trial.params[RATE.key]


@pytest.mark.parametrize("kill_at", [2, 12])
def test_an_interrupted_sweep_resumes_to_the_same_trials(whole: tuple[Path, optuna.Study], tmp_path: Path, kill_at: int) -> None:
    with pytest.raises(Killed):
        run(tmp_path, 7, kill_at=kill_at)
    study = run(tmp_path, 7)
    assert outcome(study) == outcome(whole[1])
    assert render_trials(study, plan()) == render_trials(whole[1], plan())


def test_a_finished_sweep_does_nothing_again_and_a_longer_one_goes_on(tmp_path: Path) -> None:
    first, data = outcome(run(tmp_path, 1)), ClusterData()
    assert outcome(run(tmp_path, 1, data=data)) == first
    assert data.asked == []
    assert outcome(run(tmp_path, 2))[:1] == first


def test_a_journal_torn_by_a_crash_is_mended(tmp_path: Path) -> None:
    first = outcome(run(tmp_path, 1))
    with (tmp_path / "study.journal").open("ab") as file:
        file.write(b'{"op_code": 4, "tri')
    (tmp_path / "study.journal.lock").touch()
    assert outcome(run(tmp_path, 1)) == first


def test_trials_behind_the_median_are_pruned_and_their_runs_can_be_taken_further(tmp_path: Path) -> None:
    """Five trials that learn, then one that cannot move."""
    study = run(tmp_path, 6, plan(Choice("training.learning_rate", ("0.03", "1e-30")), overrides=("training.weight_decay=0",)))
    pruned = [(n, trial) for n, trial in enumerate(done_trials(study)) if trial.state == TrialState.PRUNED]
    assert pruned
    number, trial = pruned[0]
    (run_dir,) = (tmp_path / "trials").glob(f"{number:04d}-*")
    config = RunFolder(run_dir).read_config()
    assert len(RunFolder(run_dir).metrics()) == len(trial.intermediate_values) < 3
    found = validation_run(config, ClusterData()("train"), RunFolder(run_dir))
    assert found == validation_run(config, ClusterData()("train"), open_run(tmp_path / "fresh", config))
    assert len(RunFolder(run_dir).metrics()) == 3


def test_several_seeds_are_averaged_and_each_decides_noise_and_cut(tmp_path: Path) -> None:
    study = run(tmp_path, 1, plan(RATE, seeds=(1, 2)))
    runs = [RunFolder(path) for path in sorted((tmp_path / "trials").iterdir())]
    assert sorted((each.read_config().training.seed, each.read_config().noise.seed) for each in runs) == [(1, 1), (2, 2)]
    best = [max(entry["validation_map"] for entry in each.metrics()) for each in runs]
    assert done_trials(study)[0].value == pytest.approx(sum(best) / 2)
    assert sorted(done_trials(study)[0].intermediate_values) == [1, 2, 3, 4, 5, 6]


def test_time_that_is_up_stops_within_a_trial_which_goes_on_later(whole: tuple[Path, optuna.Study], tmp_path: Path) -> None:
    ticks = iter(range(100))
    limits = Limits(7, timeout_s=6, clock=lambda: float(next(ticks)))
    stopped = sweep(plan(), cluster_data(ClusterData()), tmp_path, limits)
    assert 0 < len(done_trials(stopped)) < 7
    assert outcome(run(tmp_path, 7)) == outcome(whole[1])


def test_a_trial_that_fails_by_an_error_of_ours_is_noted_and_the_sweep_goes_on(tmp_path: Path) -> None:
    def features(config: RunConfig) -> PairFeatures:
        if config.training.batch_size == 16:
            raise HashingError("half of all | codes are equal")
        return ClusterData()("train")

    what = plan(Choice("training.batch_size", ("16", "32")))
    study = sweep(what, SweepData(features, {"data": "clusters"}), tmp_path, Limits(4))
    assert {trial.state for trial in done_trials(study)} == {TrialState.FAIL, TrialState.COMPLETE}
    assert "| failed: half of all \\| codes are equal |" in render_trials(study, what)


def test_a_sweep_of_failures_ends_in_the_first_reason(tmp_path: Path) -> None:
    def features(_: RunConfig) -> PairFeatures:
        raise HashingError("all codes are equal")

    study = sweep(plan(), SweepData(features, {"data": "clusters"}), tmp_path, Limits(2))
    with pytest.raises(HashingError, match="every trial failed; the first because: all codes are equal"):
        write_sweep(study, plan(), tmp_path)


def test_the_best_configuration_can_be_trained(whole: tuple[Path, optuna.Study]) -> None:
    folder, study = whole
    found = write_sweep(study, plan(), folder)
    best = load_config(folder / "best.toml")
    assert best.training.learning_rate == study.best_params[RATE.key]
    assert found["best"] == {RATE.key: best.training.learning_rate, MARGIN.key: best.method.options["margin"]}
    assert best.training.seed == 123
    assert found["validation_map"] == study.best_value
    assert json.loads(json.dumps(found)) == found


def test_the_table_has_all_trials_best_first_and_what_mattered(whole: tuple[Path, optuna.Study]) -> None:
    text = render_trials(whole[1], plan())
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) \|.*\| (pruned; epochs: \d)? ?\|$", text, flags=re.MULTILINE)
    assert sorted(int(number) for number, *_ in rows) == list(range(7))
    values = [float(value) for _, value, end in rows if not end]
    assert values == sorted(values, reverse=True)
    assert ("setting explains" in text) == (len(values) >= 8)


def test_importances_come_with_eight_complete_trials(tmp_path: Path) -> None:
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
    for number in range(8):
        trial = study.ask()
        rate, margin = trial.suggest_float(RATE.key, 1e-4, 1e-1, log=True), trial.suggest_categorical(MARGIN.key, MARGIN.values)
        assert "setting explains" not in render_trials(study, plan())
        study.tell(trial, rate + (margin == "0.1") * 1e-4 + number * 1e-9)
    shares = dict(re.findall(r"^\| ([\w.]+) \| (\d\.\d\d) \|$", render_trials(study, plan()), flags=re.MULTILINE))
    assert float(shares[RATE.key]) > float(shares[MARGIN.key])


@pytest.mark.parametrize("change", [lambda: plan(RATE), lambda: plan(seeds=(1,)), lambda: plan(overrides=("noise.rate=0",))])
def test_a_folder_of_another_sweep_is_refused(tmp_path: Path, change: Callable[[], SweepPlan]) -> None:
    run(tmp_path, 1)
    with pytest.raises(ConfigError, match="holds another sweep"):
        run(tmp_path, 1, change())


def test_a_folder_that_another_process_works_in_is_refused(tmp_path: Path) -> None:
    with FileLock(tmp_path / "sweep.lock"), pytest.raises(ConfigError, match="another process"):
        run(tmp_path, 1)


def test_optuna_says_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    verbosity = optuna.logging.get_verbosity()
    run(tmp_path, 1)
    told = capfd.readouterr()
    assert (told.out, told.err) == ("", "")
    assert optuna.logging.get_verbosity() == verbosity
