"""The folder of one run: what lies where, and whether it may be taken up again.

    config.toml              the resolved configuration
    run.json                 digests of the data and backbones it was made from
    labels.safetensors       given labels of the training split, and which of its rows are validation
    metrics.jsonl            one line an epoch
    tensorboard/             the same for TensorBoard
    checkpoints/last.safetensors, best.safetensors
    report.json, report.md   written when the run is finished
    bundle/                  what is served

Decides names and the rule that a folder holds one run only. Does not know training.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model.errors import ConfigError
from training.checkpoint import write_bytes
from training.config import RunConfig, load_config


class RunFolder:
    """Paths and records of one run.

    Args:
        path: The folder; made by :meth:`open`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last = path / "checkpoints" / "last.safetensors"
        self.best = path / "checkpoints" / "best.safetensors"
        self.labels = path / "labels.safetensors"
        self.bundle = path / "bundle"
        self.events = path / "tensorboard"
        self._report = path / "report.json"
        self._metrics = path / "metrics.jsonl"

    def open(self, config: RunConfig, facts: Mapping[str, Any]) -> None:
        """Makes the folder, or accepts it if it holds this very run.

        Args:
            config: Resolved configuration.
            facts: JSON-able; what the run is made from.

        Raises:
            ConfigError: If the folder holds a run with another configuration or from other data, naming what differs; or if it
                cannot be made.
        """
        wanted = {"config.toml": config.to_toml().encode(), "run.json": _to_json(facts)}
        if (self.path / "config.toml").exists():
            mistakes = [mistake for name, content in wanted.items() for mistake in self._differences(name, content)]
            if mistakes:
                raise ConfigError([f"{self.path} holds another run; choose another --out, or delete it", *mistakes])
            return
        try:
            self.last.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError([f"{self.path}: cannot be made: {error.strerror}"]) from error
        for name in reversed(wanted):  # config.toml last: with it the folder counts as a run
            write_bytes(self.path / name, wanted[name])

    def _differences(self, name: str, content: bytes) -> list[str]:
        parse = tomllib.loads if name.endswith(".toml") else json.loads
        try:
            there = _flat(parse((self.path / name).read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            return [f"{name} cannot be read: {error}"]
        here = _flat(parse(content.decode()))
        keys = sorted(there.keys() | here.keys())
        return [f"{key}: there {there.get(key)!r}, now {here.get(key)!r}" for key in keys if there.get(key) != here.get(key)]

    def read_config(self) -> RunConfig:
        """Returns the run's resolved configuration.

        Returns:
            What :meth:`open` was given.

        Raises:
            ConfigError: If the folder holds no run.
        """
        return load_config(self.path / "config.toml")

    def facts(self) -> dict[str, Any]:
        """Returns what :meth:`open` was given."""
        facts: dict[str, Any] = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        return facts

    def keep_metrics_until(self, epoch: int) -> None:
        """Drops the lines of epochs that a resumed run takes again.

        Args:
            epoch: Last one to keep.
        """
        kept = [entry for entry in self.metrics() if entry["epoch"] <= epoch]
        write_bytes(self._metrics, b"".join(_to_line(entry) for entry in kept))

    def add_metrics(self, entry: Mapping[str, Any]) -> None:
        """Appends one epoch's figures.

        Args:
            entry: JSON-able, with ``epoch``.
        """
        with self._metrics.open("ab") as file:
            file.write(_to_line(entry))

    def metrics(self) -> list[dict[str, Any]]:
        """Returns the figures of all finished epochs; a line torn by a crash is passed over."""
        lines = self._metrics.read_bytes().splitlines(keepends=True) if self._metrics.exists() else []
        return [json.loads(line) for line in lines if line.endswith(b"\n")]

    def report(self) -> dict[str, Any] | None:
        """Returns the final figures, or None while the run is not finished."""
        return json.loads(self._report.read_bytes()) if self._report.exists() else None

    def write_report(self, report: Mapping[str, Any], text: str) -> None:
        """Writes the final figures; with them the run counts as finished.

        Args:
            report: JSON-able.
            text: The same for people, Markdown.
        """
        write_bytes(self.path / "report.md", text.encode())
        write_bytes(self._report, _to_json(report))


def _to_json(facts: Mapping[str, Any]) -> bytes:
    return (json.dumps(facts, indent=2, sort_keys=True) + "\n").encode()


def _to_line(entry: Mapping[str, Any]) -> bytes:
    return (json.dumps(entry) + "\n").encode()


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
