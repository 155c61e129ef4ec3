"""Where a sweep's trials are kept, and how optuna is kept quiet.

Decides files, the sampler and the pruner, and which trials count as done. Does not know training.

    sweep.json       what is tried; the folder takes no other sweep
    study.journal    every trial, a line an event
    trials/          a run folder for each trial and seed
    best.toml, trials.md
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from model.errors import ConfigError
from training.checkpoint import write_bytes

REASON = "reason"
"""Attribute of a failed trial; a trial that failed without one was interrupted."""
_N_BEFORE_PRUNING = 5


@contextmanager
def open_study(out: Path, facts: Mapping[str, Any], *, n_epochs: int) -> Iterator[optuna.Study]:
    """Opens a sweep's folder, or makes it; nobody else may work in it meanwhile.

    Args:
        out: The folder.
        facts: JSON-able; what is tried.
        n_epochs: Epochs of a run; none is pruned in the first third of them.

    Yields:
        The study; trials that were interrupted have failed without a reason.

    Raises:
        ConfigError: If the folder holds another sweep, or another process is at work in it.
    """
    out.mkdir(parents=True, exist_ok=True)
    lock = FileLock(out / "sweep.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ConfigError([f"{out}: another process is at work on this sweep"]) from error
    try:
        _claim(out, facts)
        with _quiet():
            study = optuna.create_study(
                storage=JournalStorage(JournalFileBackend(str(_mended(out / "study.journal")))),
                study_name="sweep",
                direction="maximize",
                load_if_exists=True,
                pruner=optuna.pruners.MedianPruner(n_startup_trials=_N_BEFORE_PRUNING, n_warmup_steps=max(1, n_epochs // 3)),
            )
            for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
                study.tell(trial.number, state=TrialState.FAIL)
            yield study
    finally:
        lock.release()


def done_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Returns trials that are not done again, in order: complete, pruned, or failed for a reason.

    Args:
        study: Of a sweep.

    Returns:
        In order of their numbers.
    """
    ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL))
    return [trial for trial in ended if trial.state != TrialState.FAIL or REASON in trial.user_attrs]


def next_trial(study: optuna.Study) -> optuna.Trial:
    """Asks for the next trial; what it suggests depends on the trials done, not on how often the sweep was interrupted.

    Args:
        study: Of a sweep.

    Returns:
        Whose settings are still to be suggested.
    """
    study.sampler = optuna.samplers.TPESampler(seed=1_009 * len(done_trials(study)))
    return study.ask()


def _claim(out: Path, facts: Mapping[str, Any]) -> None:
    file = out / "sweep.json"
    wanted = json.loads(json.dumps(facts))
    if not file.exists():
        write_bytes(file, (json.dumps(wanted, indent=2, sort_keys=True) + "\n").encode())
        return
    try:
        there = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError([f"{file}: cannot be read: {error}"]) from error
    if there != wanted:
        differing = [key for key in wanted if there.get(key) != wanted[key]]
        raise ConfigError([f"{out} holds another sweep ({', '.join(differing)} differ); choose another --out, or delete it"])


def _mended(journal: Path) -> Path:
    """Cuts off a line that a crash has torn, and the library's own lock, which a crash leaves behind; ours is held here."""
    if journal.exists():
        content = journal.read_bytes()
        write_bytes(journal, content[: content.rfind(b"\n") + 1])
    journal.with_name(journal.name + ".lock").unlink(missing_ok=True)
    return journal


@contextmanager
def _quiet() -> Iterator[None]:
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)
