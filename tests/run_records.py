"""Finished runs that nothing trained: folders with the files of a run and figures that a formula gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.training_fixtures import LABEL_NAMES
from training.config import RunConfig, make_config
from training.run_folder import RunFolder


def run_config(*overrides: str, seed: int = 1) -> RunConfig:
    """Returns a configuration whose seeds are all the same."""
    return make_config({}, [f"training.seed={seed}", f"noise.seed={seed}", *overrides])


def made_up_report(config: RunConfig, value: float, **changes: Any) -> dict[str, Any]:
    """Returns a report whose figures in both directions are around one value: i2t below it, t2i above it by .01."""
    sides = {"i2t": value - 0.01, "t2i": value + 0.01}
    figures = {f"{side}_{name}": found for side, found in sides.items() for name in ("map", "map_at_50", "ndcg_at_50")}
    evaluation = {**figures, "mean_map": value, "chance": 0.48, "n_query": 2000, "n_without_relevant": 0, "n_database": 14015}
    report = {"method": config.method.name, "data": "photos", "seed": config.training.seed, "epoch": 2}
    return {**report, "evaluation": {**evaluation, "n_bits": config.training.n_bits}, **changes}


def made_up_curves(value: float, labels: tuple[str, ...] = LABEL_NAMES) -> dict[str, Any]:
    """Returns curves of both directions that fall from 1 to one value."""
    recall = [step / 16 for step in range(17)]
    side = {
        "distance": list(range(17)),
        "recall": recall,
        "precision": [1 - (1 - value) * each for each in recall],
        "precision_at": {"n": [1, 10, 100, 1000], "precision": [value + 0.1, value + 0.05, value, value - 0.05]},
        "per_label": {label: value - 0.02 * place for place, label in enumerate(labels)},
    }
    return {"i2t": side, "t2i": side}


def write_run(path: Path, config: RunConfig, report: dict[str, Any] | None, *, data: str = "photos", digest: str = "a") -> Path:
    """Writes a run folder with two epochs; without a report the run is not finished."""
    run = RunFolder(path)
    splits = {"train": {"n": 10, "images": digest}}
    run.open(config, {"data": data, "label_names": list(LABEL_NAMES), "splits": splits})
    for epoch in (1, 2):
        run.add_metrics({"epoch": epoch, "validation_map": 0.5 + 0.1 * epoch, "losses": {}})
    if report is not None:
        run.write_report(report, "")
    return path
