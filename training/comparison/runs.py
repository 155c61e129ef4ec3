"""Run folders as records that can be compared.

Decides what counts as a run, finished or not, and what is passed over when a report is older than a figure. Does not know tables.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.errors import ConfigError
from training.run_folder import RunFolder

Seed = tuple[int, int]
"""Seed of training and seed of the label noise."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What is known of one run.

    Attributes:
        name: Where it was found, from the name of the folder that was asked for.
        config: Resolved settings by ``section.key``.
        facts: What the run was made from, as in ``run.json``.
        report: The final figures, as in ``report.json``; None while the run is not finished.
        metrics: One entry an epoch, as in ``metrics.jsonl``.
    """

    name: str
    config: Mapping[str, Any]
    facts: Mapping[str, Any]
    report: Mapping[str, Any] | None
    metrics: tuple[Mapping[str, Any], ...]

    @property
    def method(self) -> str:
        """Name of the hashing method."""
        return str(self.config.get("method.name", "?"))

    @property
    def noise_rate(self) -> float:
        """Share of noisy samples."""
        return float(self.config.get("noise.rate", 0.0))

    @property
    def n_bits(self) -> int:
        """Bits of a code."""
        return int(self.config.get("training.n_bits", 0))

    @property
    def seed(self) -> Seed:
        """What makes this run a repetition of another one."""
        return int(self.config.get("training.seed", 0)), int(self.config.get("noise.seed", 0))

    @property
    def selection(self) -> str:
        """By which split the epoch was chosen; reports that do not say so chose by ``validation``."""
        return str((self.report or {}).get("selection") or self.config.get("training.selection") or "validation")

    def figure(self, name: str) -> float | None:
        """Returns a number of the evaluation.

        Args:
            name: Such as ``i2t_map``.

        Returns:
            The number; None if the report lacks it.
        """
        found = (self.report or {}).get("evaluation", {}).get(name)
        return float(found) if isinstance(found, int | float) and math.isfinite(found) else None

    def curves(self, direction: str) -> Mapping[str, Any]:
        """Returns the curves of one direction.

        Args:
            direction: ``i2t`` or ``t2i``.

        Returns:
            By name; empty if the report has none.
        """
        found: Mapping[str, Any] = ((self.report or {}).get("curves") or {}).get(direction) or {}
        return found


def load_runs(paths: Iterable[Path]) -> list[RunRecord]:
    """Reads runs.

    Args:
        paths: Folders of runs, or folders that hold such at any depth.

    Returns:
        The runs ordered by name, each once; unfinished ones too.

    Raises:
        ConfigError: If a folder holds no run or a run cannot be read; lists all of them.
    """
    mistakes: list[str] = []
    found: dict[Path, RunRecord] = {}
    for path in paths:
        folders = sorted(_folders(path))
        if not folders:
            mistakes.append(f"{path}: holds no run (a folder with config.toml and run.json)")
        for folder in folders:
            name = (Path(path.resolve().name) / folder.relative_to(path)).as_posix()
            try:
                found.setdefault(folder.resolve(), _read(folder, name))
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                mistakes.append(f"{folder}: cannot be read as a run: {error}")
    if mistakes:
        raise ConfigError(mistakes)
    return sorted(found.values(), key=lambda record: record.name)


def _folders(path: Path) -> Iterator[Path]:
    for file in path.rglob("config.toml"):
        if any((file.parent / name).exists() for name in ("run.json", "report.json")):
            yield file.parent


def _read(folder: Path, name: str) -> RunRecord:
    run = RunFolder(folder)
    report = run.report()
    facts = run.facts() if (folder / "run.json").exists() else {"data": (report or {}).get("data", "?")}
    record = RunRecord(name, dict(_flat(_config(run))), facts, report, tuple(run.metrics()))
    _ = record.noise_rate, record.n_bits, record.seed  # raise here if they are no numbers
    return record


def _config(run: RunFolder) -> dict[str, Any]:
    """Returns the settings with today's defaults, or as they stand if today's settings are others."""
    try:
        return run.read_config().model_dump()
    except ConfigError:
        return tomllib.loads((run.path / "config.toml").read_text(encoding="utf-8"))


def _flat(nested: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in nested.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def setting_text(value: Any) -> str:
    """Writes a setting's value for people.

    Args:
        value: As in a configuration; None for a setting that is not there.

    Returns:
        Short text.
    """
    if value is None:
        return "—"
    return f"{value:g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value, default=list)
