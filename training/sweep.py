"""A sweep: trials of settings, judged among validation pairs by given labels alone.

Decides what a trial is, and that no split but train is ever looked at. Does not know notation, files of the study, or tables.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from model.errors import ConfigError, DatasetError, HashingError
from training.compute import torch_settings
from training.config import RunConfig
from training.experiment import judge_by_validation, make_trainer
from training.inputs import PairFeatures, select
from training.loop import Progress, train_epochs
from training.run_folder import RunFolder
from training.sweep_plan import Limits, SweepPlan
from training.sweep_space import Choice, Space
from training.sweep_study import REASON, done_trials, next_trial, open_study

TrainFeatures = Callable[[RunConfig], PairFeatures]
"""Gives the training split's features as a configuration wants them."""
Told = Callable[[int, int, str], None]
"""Called after each epoch with trials done, trials in all, and how it goes."""


@dataclass(frozen=True, slots=True)
class SweepData:
    """What is trained on.

    Attributes:
        train_features: Gives the training split's features.
        facts: For the run folders; JSON-able.
    """

    train_features: TrainFeatures
    facts: Mapping[str, Any]


class _TimeIsUp(Exception):
    """This call's time is over; the next one takes the trial up again."""


def validation_run(config: RunConfig, train: PairFeatures, run: RunFolder, *, progress: Progress = lambda *_: None) -> float:
    """Trains one run as far as its best epoch; takes an interrupted one up again.

    Args:
        config: Resolved configuration.
        train: Features of the training split; no other split is needed.
        run: Opened folder.
        progress: Told of every epoch.

    Returns:
        The best validation mAP, given labels counting as relevant.

    Raises:
        DatasetError: If the training split is too small.
    """
    with torch_settings(config.training):
        trainer, labels = make_trainer(config, train)
        judge = judge_by_validation(select(train, labels.given_labels, labels.validation_index))
        return train_epochs(trainer, judge, run, config.training, progress=progress).mean_map


def sweep(plan: SweepPlan, data: SweepData, out: Path, limits: Limits, *, told: Told = lambda *_: None) -> optuna.Study:
    """Runs trials up to the limits; finished ones are not done again, an interrupted one goes on where it stopped.

    Args:
        plan: What is tried.
        data: What is trained on.
        out: Folder of the sweep.
        limits: When to end.
        told: Told of every epoch.

    Returns:
        All trials, those of earlier calls included.

    Raises:
        ConfigError: If the folder holds another sweep, or another process is at work in it.
        DatasetError: If the training split is too small.
    """
    stop_at = limits.clock() + limits.timeout_s
    with open_study(out, plan.facts(), n_epochs=plan.base.training.epochs) as study:
        while (n_done := len(done_trials(study))) < limits.n_trials and limits.clock() < stop_at:

            def tick(text: str, n_done: int = n_done) -> None:
                told(n_done, limits.n_trials, text)
                if limits.clock() >= stop_at:
                    raise _TimeIsUp

            try:
                _run_trial(study, plan, data, out / "trials", tick)
            except _TimeIsUp:
                break
        told(len(done_trials(study)), limits.n_trials, "")
    return study


def _run_trial(study: optuna.Study, plan: SweepPlan, data: SweepData, folder: Path, tick: Callable[[str], None]) -> None:
    """Runs a trial and tells the study how it ended; errors that every trial would meet are passed on."""
    number = len(done_trials(study))
    trial = next_trial(study)
    configs = plan.configs({space.key: _suggest(trial, space) for space in plan.spaces})
    values: list[float] = []
    try:
        for config in configs:
            run = RunFolder(folder / f"{number:04d}-{hashlib.sha256(config.to_toml().encode()).hexdigest()[:8]}")
            run.open(config, data.facts)
            judge = _Judge(trial, tuple(values), first_step=len(values) * config.training.epochs, tick=tick)
            values.append(validation_run(config, data.train_features(config), run, progress=judge.catch_up(run)))
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
    except (ConfigError, DatasetError):
        raise
    except HashingError as error:
        _fail(study, trial, str(error))
    else:
        value = sum(values) / len(values)
        if math.isfinite(value):
            study.tell(trial, value)
        else:
            _fail(study, trial, "the validation mAP is not a number")


def _fail(study: optuna.Study, trial: optuna.Trial, reason: str) -> None:
    trial.set_user_attr(REASON, reason)
    study.tell(trial, state=TrialState.FAIL)


def _suggest(trial: optuna.Trial, space: Space) -> Any:
    if isinstance(space, Choice):
        return trial.suggest_categorical(space.key, space.values)
    if space.whole:
        return trial.suggest_int(space.key, int(space.low), int(space.high), step=int(space.step or 1), log=space.log)
    return trial.suggest_float(space.key, space.low, space.high, step=space.step, log=space.log)


class _Judge:
    """Follows a run's epochs, and ends the trial when it falls behind the others at the same epoch.

    Args:
        trial: The trial.
        earlier: Values of its finished runs; a step's value is the mean of them and of this run's best so far.
        first_step: Steps of those runs.
        tick: Told how it goes.
    """

    def __init__(self, trial: optuna.Trial, earlier: tuple[float, ...], *, first_step: int, tick: Callable[[str], None]) -> None:
        self._trial, self._earlier, self._step, self._tick = trial, earlier, first_step, tick
        self._first_step, self._best = first_step, -math.inf

    def catch_up(self, run: RunFolder) -> Progress:
        """Reports the epochs of an interrupted run: later trials are compared with these too.

        Args:
            run: Opened folder.

        Returns:
            What is to be told of the epochs that follow.

        Raises:
            TrialPruned: If the run has fallen behind.
        """
        for entry in run.metrics():
            self._report(entry["epoch"], entry["validation_map"])
        return self

    def __call__(self, epoch: int, n_epochs: int, best: float) -> None:
        self._report(epoch, best)
        self._tick(f"epoch {epoch} of {n_epochs}, validation mAP {self._value():.3f}")

    def _value(self) -> float:
        return sum((*self._earlier, self._best)) / (len(self._earlier) + 1)

    def _report(self, epoch: int, value: float) -> None:
        self._best = max(self._best, value)
        step = self._first_step + epoch
        if step <= self._step:
            return
        self._step = step
        self._trial.report(self._value(), step)
        if self._trial.should_prune():
            raise optuna.TrialPruned
