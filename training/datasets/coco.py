"""COCO as it is published: ``annotations/instances_train2017.json`` and ``captions_train2017.json``, pictures in ``train2017``.

Source: T.-Y. Lin et al., Microsoft COCO (2014), https://arxiv.org/abs/1405.0312; the files of 2014 and 2017 have the same form.

Decides the splits: where ``train`` and ``val`` are there, train is trained on, and of val's pairs, in the order of their image ids,
the first half but at most 2,000 are the queries and the rest the gallery. Where only one of the two is there, all its pairs are one
heap that is cut like any other. A pair is an image with its caption of the lowest annotation id; its labels are the names of the
categories of which at least one instance (crowds included) is marked. Images without caption or label are left out and counted.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from logging import getLogger
from pathlib import Path
from typing import Any

import datasets

from model.errors import DatasetError
from training.datasets.layout import POOL, RawSplit
from training.datasets.splits import MAX_QUERY

_YEARS = ("2017", "2014")
# Everything else, polygons above all, is dropped while a file is read: it is nine tenths of it.
_KEPT = ("images", "annotations", "categories", "id", "image_id", "category_id", "caption", "file_name", "name")
_log = getLogger(__name__)


class CocoLayout:
    """Annotations and pictures of COCO's train and val, or of one of them."""

    name = "COCO"
    expects = "annotations/instances_train2017.json, captions_train2017.json, train2017/ and the same for val (or of 2014)"

    def find(self, folder: Path) -> dict[str, list[Path]]:
        """Returns the annotation files (instances, captions) of each split; the captions may turn out to be missing.

        Args:
            folder: The data set.

        Returns:
            Files by split, or of the pool where there is only train or only val; empty where there are none.
        """
        names = [f"{part}{year}" for year in _YEARS for part in ("train", "val")]
        parts = [name for name in names if (folder / "annotations" / f"instances_{name}.json").is_file()]
        files = [[folder / "annotations" / f"{kind}_{name}.json" for kind in ("instances", "captions")] for name in parts]
        if parts in ([f"train{year}", f"val{year}"] for year in _YEARS):
            return {"train": files[0], "query": files[1], "gallery": files[1]}
        return {POOL: [file for pair in files for file in pair]} if parts else {}

    def read(self, files: Mapping[str, Sequence[Path]], cache_dir: Path) -> list[RawSplit]:
        """Reads all splits.

        Args:
            files: By split.
            cache_dir: Not needed.

        Returns:
            One entry a split.

        Raises:
            DatasetError: If files of two years lie together, a file is missing or damaged, train and val have other categories, or
                no image has both caption and label.
        """
        if POOL in files:
            if len(files[POOL]) > 2:
                found = ", ".join(file.name for file in files[POOL] if file.name.startswith("instances"))
                raise DatasetError(f"{files[POOL][0].parent}: holds {found}; leave the files of one year")
            rows, names = _read_part(*files[POOL])
            return [_split(POOL, rows, names, files[POOL])]
        train, names = _read_part(*files["train"])
        val, val_names = _read_part(*files["query"])
        if names != val_names:
            raise DatasetError(f"{files['query'][0]}: its categories are not those of {files['train'][0].name}")
        n_query = min(MAX_QUERY, len(val) // 2)
        parts = {"train": train, "query": val[:n_query], "gallery": val[n_query:]}
        return [_split(name, rows, names, files[name]) for name, rows in parts.items()]


def _read_part(instances: Path, captions: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Returns rows in the order of image ids, labels as numbers of categories, and the categories' names."""
    marked, told = _read_json(instances, ("images", "annotations", "categories")), _read_json(captions, ("annotations",))
    pictures = instances.parents[1] / instances.stem.removeprefix("instances_")
    if not pictures.is_dir():
        raise DatasetError(f"{pictures}: is missing; the pictures of {instances.name} belong there")
    try:
        categories = sorted((each["id"], each["name"]) for each in marked["categories"])
        number = {category: i for i, (category, _) in enumerate(categories)}
        labels: dict[int, set[int]] = defaultdict(set)
        for each in marked["annotations"]:
            labels[each["image_id"]].add(number[each["category_id"]])
        # Later keys win, so the lowest annotation id comes last.
        ordered = sorted(told["annotations"], key=lambda each: each["id"], reverse=True)
        texts = {each["image_id"]: each["caption"].strip() for each in ordered if each["caption"].strip()}
        images = sorted((each["id"], each["file_name"]) for each in marked["images"])
    except (KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"{instances}, {captions.name}: not as COCO publishes them ({error!r})") from error
    rows = [
        {"id": str(image), "image": str(pictures / file), "text": texts[image], "labels": sorted(labels[image])}
        for image, file in images
        if image in texts and image in labels
    ]
    if len(rows) < len(images):
        _log.warning("%s: %d of %d images left out: no caption or no label", instances, len(images) - len(rows), len(images))
    if not rows:
        raise DatasetError(f"{instances}: no image has both a caption (in {captions.name}) and a label")
    return rows, [name for _, name in categories]


def _read_json(file: Path, keys: Sequence[str]) -> dict[str, Any]:
    try:
        with file.open(encoding="utf-8") as opened:
            content = json.load(opened, object_hook=lambda found: {key: found[key] for key in _KEPT if key in found})
    except FileNotFoundError as error:
        raise DatasetError(f"{file}: is missing; COCO's annotations come as one archive with instances and captions") from error
    except (OSError, ValueError) as error:
        raise DatasetError(f"{file}: cannot be read as JSON ({error})") from error
    missing = [key for key in keys if not isinstance(content, dict) or not isinstance(content.get(key), list)]
    if missing:
        raise DatasetError(f"{file}: not as COCO publishes it: no list {', '.join(missing)}")
    return dict(content)


def _split(name: str, rows: Sequence[dict[str, Any]], label_names: list[str], files: Sequence[Path]) -> RawSplit:
    features = datasets.Features(
        {
            "id": datasets.Value("string"),
            "image": datasets.Image(decode=False),
            "text": datasets.Value("string"),
            "labels": datasets.List(datasets.ClassLabel(names=label_names)),
        }
    )
    return RawSplit(name, datasets.Dataset.from_list(list(rows), features=features), tuple(files))
