"""Runs the trainer's command line and reads its last line, or the report of a run that is finished.

Decides the command. Does not know how training works.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.errors import DemoError
from demo.options import Options


@dataclass(frozen=True, slots=True)
class Figures:
    """A finished run.

    Attributes:
        i2t_map: mAP of images asking for texts.
        t2i_map: mAP of texts asking for images.
        chance: mAP of a random order.
        n_query: Queries.
        n_database: Items that were ranked.
        n_bits: Bits of a code.
        bundle: Folder to serve.
    """

    i2t_map: float
    t2i_map: float
    chance: float
    n_query: int
    n_database: int
    n_bits: int
    bundle: Path


def train_command(options: Options, data: Path, run: Path) -> list[str]:
    """Returns the command that trains a run, takes it up again, or finds it finished.

    Args:
        options: Configuration, overrides, cache.
        data: Folder of the pairs.
        run: Folder of the run.

    Returns:
        Words of the command.
    """
    overrides = [word for override in options.overrides for word in ("--set", override)]
    places = ["--data", str(data), "--out", str(run), "--cache-dir", str(options.cache_dir)]
    return [sys.executable, "-m", "training", "train", "--config", str(options.config), *places, *overrides]


def run_trainer(command: Sequence[str], *, default_bundle: Path) -> Figures:
    """Runs the trainer; its progress goes straight to standard error.

    Args:
        command: What :func:`train_command` gave.
        default_bundle: Where the bundle lies if the trainer does not say.

    Returns:
        What its last line says.

    Raises:
        DemoError: If it fails or its last line is not understood.
    """
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=False)
    if done.returncode:
        raise DemoError(f"training stopped with exit status {done.returncode}; its last lines are above")
    lines = done.stdout.splitlines() or [""]
    try:
        found = json.loads(lines[-1])
        return _figures(found, Path(found.get("bundle", default_bundle)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DemoError(f"training ended well, but its last line is not understood: {lines[-1][:200]!r}") from error


def finished_run(run: Path) -> Figures | None:
    """Reads the figures of a run that is finished and has its bundle, without starting the trainer.

    Args:
        run: Folder of the run; its name stands for one configuration on one data set.

    Returns:
        The figures, or None if there is something left to do.
    """
    bundle = run / "bundle"
    try:
        report = json.loads((run / "report.json").read_text(encoding="utf-8"))
        return _figures(report["evaluation"], bundle) if bundle.is_dir() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _figures(found: Mapping[str, Any], bundle: Path) -> Figures:
    return Figures(
        i2t_map=float(found["i2t_map"]),
        t2i_map=float(found["t2i_map"]),
        chance=float(found["chance"]),
        n_query=int(found["n_query"]),
        n_database=int(found["n_database"]),
        n_bits=int(found["n_bits"]),
        bundle=bundle,
    )
