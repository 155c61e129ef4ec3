"""Small data sets on disk, in each layout, for tests of everything that reads pairs."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
from PIL import Image

Row = dict[str, Any]


def picture(value: int = 0, *, mode: str = "RGB", kind: str = "PNG") -> bytes:
    """Returns an encoded 8 × 8 picture whose colour depends on ``value``."""
    image = Image.new("RGB", (8, 8), ((value * 37) % 256, value % 256, 90)).convert(mode)
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def rows_of(split: str, n: int, **changes: Any) -> list[Row]:
    """Returns ``n`` rows with id, image, text and labels; a change of None takes a column away."""
    rows = [
        {
            "id": f"{split}{i}",
            "image": picture(i + len(split) * 50),
            "text": f"{split} text {i}",
            "labels": ["cat", "dog"][: 1 + i % 2],
        }
        for i in range(n)
    ]
    return [{name: cell for name, cell in (row | changes).items() if cell is not None} for row in rows]


def write_parquet(folder: Path, splits: Mapping[str, Sequence[Row]]) -> Path:
    """Writes ``SPLIT.parquet`` files as the ``datasets`` library writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in splits.items():
        table = datasets.Dataset.from_list([dict(row) for row in rows])
        if "image" in table.column_names:
            table = table.cast_column("image", datasets.Image(decode=False))
        table.to_parquet(folder / f"{name}.parquet")
    return folder


def write_shards(folder: Path, splits: Mapping[str, Sequence[Row]], *, kind: str = "png") -> Path:
    """Writes one ``SPLIT-000.tar`` a split, with ``KEY.png`` and ``KEY.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in splits.items():
        with tarfile.open(folder / f"{name}-000.tar", "w") as tar:
            for i, row in enumerate(rows):
                cells = {column: cell for column, cell in row.items() if column != "image"}
                for ending, content in ((kind, row["image"]), ("json", json.dumps(cells).encode())):
                    member = tarfile.TarInfo(f"{i:05d}.{ending}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
    return folder


def write_image_folder(folder: Path, splits: Mapping[str, Sequence[Row]], *, kind: str = "jsonl") -> Path:
    """Writes pictures and a metadata file for each split; split ``.`` goes to the root."""
    for name, rows in splits.items():
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        cells = []
        for i, row in enumerate(rows):
            (place / f"{i:03d}.png").write_bytes(row["image"])
            cells.append({"file_name": f"{i:03d}.png"} | {column: cell for column, cell in row.items() if column != "image"})
        _write_metadata(place, cells, kind)
    return folder


def _write_metadata(place: Path, cells: Sequence[Row], kind: str) -> None:
    if kind == "jsonl":
        (place / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in cells))
        return
    with (place / "metadata.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(cells[0]))
        writer.writeheader()
        writer.writerows({name: ",".join(cell) if isinstance(cell, list) else cell for name, cell in row.items()} for row in cells)
