"""What a sweep found, for people and for ``train --config``.

Decides the table and which configuration is the best. Does not know how trials are run.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState

from model.errors import HashingError
from training.checkpoint import write_bytes
from training.sweep_plan import SweepPlan
from training.sweep_study import REASON, done_trials

_N_FOR_IMPORTANCE = 8
_STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


def write_sweep(study: optuna.Study, plan: SweepPlan, out: Path) -> dict[str, Any]:
    """Writes ``trials.md`` and, if a trial is complete, ``best.toml``.

    Args:
        study: Of a sweep.
        plan: What was tried.
        out: Folder of the sweep.

    Returns:
        The best trial's settings and value (None without one), the files, and counts by state; JSON-able.

    Raises:
        HashingError: If every trial failed.
    """
    trials = sorted(done_trials(study), key=_rank)
    write_bytes(out / "trials.md", render_trials(study, plan).encode())
    if trials and all(trial.state == TrialState.FAIL for trial in trials):
        raise HashingError(f"every trial failed; the first because: {trials[0].user_attrs[REASON]}")
    counts = {f"n_{name}": sum(trial.state == state for trial in trials) for state, name in _STATES.items()}
    found: dict[str, Any] = {"best": None, "validation_map": None, "config": None, "trials": str(out / "trials.md"), **counts}
    if counts["n_complete"]:
        best = trials[0]
        write_bytes(out / "best.toml", plan.config(best.params).to_toml().encode())
        settings = {space.key: tomllib.loads(f"value = {space.to_toml(best.params[space.key])}")["value"] for space in plan.spaces}
        found |= {"best": settings, "validation_map": best.value, "config": str(out / "best.toml")}
    return found


def _rank(trial: FrozenTrial) -> tuple[int, float, int]:
    """Complete before pruned before failed; then best first."""
    return list(_STATES).index(trial.state), -(trial.value if trial.value is not None else 0.0), trial.number


def render_trials(study: optuna.Study, plan: SweepPlan) -> str:
    """Writes all trials, best first, and which settings mattered.

    Args:
        study: Of a sweep.
        plan: What was tried.

    Returns:
        Markdown.
    """
    numbers = {trial.number: place for place, trial in enumerate(done_trials(study))}
    keys = [space.key for space in plan.spaces]
    seeds = f", mean over seeds {', '.join(map(str, plan.seeds))}" if plan.seeds else ""
    lines = [
        f"# Sweep of {plan.base.method.name}, {plan.base.training.n_bits} bits, noise {plan.base.noise.rate:g}",
        "",
        f"Value: best validation mAP, given labels counting as relevant{seeds}; of a pruned trial, the best until then.",
        "",
        f"| trial | value | {' | '.join(keys)} | |",
        f"|---|---|{'---|' * len(keys)}---|",
    ]
    for trial in sorted(done_trials(study), key=_rank):
        values = " | ".join(_plain(f"{value:.4g}" if isinstance(value, float) else str(value)) for value in _values(trial, keys))
        value = "—" if trial.value is None else f"{trial.value:.4f}"
        lines.append(f"| {numbers[trial.number]} | {value} | {values} | {_plain(_end(trial))} |")
    return "\n".join([*lines, *_importances(study)]) + "\n"


def _values(trial: FrozenTrial, keys: Sequence[str]) -> list[Any]:
    return [trial.params.get(key, "—") for key in keys]


def _end(trial: FrozenTrial) -> str:
    if trial.state == TrialState.PRUNED:
        return f"pruned; epochs: {len(trial.intermediate_values)}"
    return f"failed: {trial.user_attrs[REASON]}" if trial.state == TrialState.FAIL else ""


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _importances(study: optuna.Study) -> list[str]:
    """Says which settings mattered, where enough trials are complete and their values differ."""
    values = {trial.value for trial in done_trials(study) if trial.state == TrialState.COMPLETE}
    n_complete = len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    if n_complete < _N_FOR_IMPORTANCE or len(values) < 2:
        return []
    found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    rows = [f"| {key} | {share:.2f} |" for key, share in found.items()]
    return [
        "",
        "Share of the variance that each setting explains (fANOVA, over complete trials):",
        "",
        "| setting | share |",
        "|---|---|",
        *rows,
    ]
