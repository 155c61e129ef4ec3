"""Which runs are calibrated, and what of it is kept: a line of JSON a run.

Decides the order of runs, and by what it is known that a line is of the fit as it is now. Does not measure.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from model.errors import ConfigError
from training.run_folder import RunFolder

DRAWN = ("hero", "scbch", "dcmh")
"""Methods whose reliability is drawn: 64 bits, first seed."""
_PATTERN = re.compile(r"noise(?P<noise>[\d.]+)-bits(?P<bits>\d+)-seed(?P<seed>\d+)")
_ROOT = Path(__file__).resolve().parents[1]
_FIT = (
    "model/calibration.py",
    "model/calibration_fit.py",
    "training/calibrating.py",
    "training/calibration.py",
    "training/calibration_counts.py",
    "training/true_labels.py",
    "training/honest_beliefs.py",
    "training/label_posterior.py",
    "training/noise_by_label.py",
    "training/noise_by_sample.py",
    "bench/calibration_run.py",
)


def find_runs(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """Lists finished runs, first seeds first.

    Args:
        folder: That holds ``METHOD/noiseR-bitsB-seedS``.

    Returns:
        Path below the folder, and method, noise, bits and seed.

    Raises:
        ConfigError: If there is none.
    """
    found = []
    for path in sorted(folder.glob("*/noise*")):
        named = _PATTERN.fullmatch(path.name)
        if named and RunFolder(path).report() is not None:
            facts = {
                "method": path.parent.name,
                "noise": float(named["noise"]),
                "bits": int(named["bits"]),
                "seed": int(named["seed"]),
            }
            found.append((f"{path.parent.name}/{path.name}", facts))
    if not found:
        raise ConfigError([f"{folder}: holds no finished run METHOD/noiseR-bitsB-seedS"])
    return sorted(found, key=lambda each: (each[1]["seed"], each[1]["bits"] != 64, each[1]["method"] not in DRAWN, each[0]))


def fit_digest() -> str:
    """Returns what tells one version of the fit and its judge from another: 12 hex digits over their sources."""
    found = hashlib.sha256()
    for name in _FIT:
        found.update((_ROOT / name).read_bytes())
    return found.hexdigest()[:12]


def read_lines(file: Path) -> list[dict[str, Any]]:
    """Reads what was measured so far; a torn line is passed over, and of two of a run the later one counts.

    Args:
        file: Lines of JSON; may be absent.

    Returns:
        An entry a run.
    """
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True) if file.exists() else []
    found = [json.loads(line) for line in lines if line.endswith("\n")]
    return list({each["run"]: each for each in found}.values())
