"""COCO's own files become pairs: first caption, names of categories, nothing without either; what is missing is named."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.errors import DatasetError
from tests.pair_folders import picture
from training.datasets import PairSplits, load_pairs

CATEGORIES = [{"id": 3, "name": "car", "supercategory": "vehicle"}, {"id": 1, "name": "person"}, {"id": 90, "name": "toothbrush"}]


def write_part(folder: Path, part: str, n: int, *, first: int = 0, prefix: str = "", **changes: Any) -> Path:
    """Writes ``n`` images of one part (``train2017``) from id ``first`` on; a change replaces a list of the instances file."""
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    (folder / part).mkdir()
    ids = range(first, first + n)
    files = {i: f"{prefix}{i:012d}.jpg" for i in ids}
    for i, file in files.items():
        (folder / part / file).write_bytes(picture(i, kind="JPEG"))
    images = [{"id": i, "file_name": files[i], "height": 8, "width": 8, "license": 1} for i in reversed(ids)]
    marks = [
        {
            "id": 10 * i + k,
            "image_id": i,
            "category_id": [1, 3][k],
            "iscrowd": 0,
            "segmentation": [[0.0, 1.0]],
            "bbox": [0, 0, 1, 1],
        }
        for i in ids
        for k in range(1 + i % 2)
    ]
    told = [{"id": 100 * i + 5 - k, "image_id": i, "caption": f"caption {k} of {i} \n"} for i in ids for k in range(3)]
    instances = {"info": {}, "licenses": [], "images": images, "annotations": marks, "categories": CATEGORIES} | changes
    (folder / "annotations" / f"instances_{part}.json").write_text(json.dumps(instances))
    captions = {"info": {}, "licenses": [], "images": images, "annotations": told}
    (folder / "annotations" / f"captions_{part}.json").write_text(json.dumps(captions))
    return folder


def edit(file: Path, key: str, keep: Any) -> None:
    content = json.loads(file.read_text())
    content[key] = [each for each in content[key] if keep(each)]
    file.write_text(json.dumps(content))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_part(tmp_path / "coco", "train2017", 6)
    return write_part(tmp_path / "coco", "val2017", 5, first=100)


def load(folder: Path) -> PairSplits:
    return load_pairs(folder, cache_dir=folder.parent / "cache")


def test_train_is_trained_on_and_val_is_cut(folder: Path) -> None:
    pairs = load(folder)
    assert pairs.train.ids == ["0", "1", "2", "3", "4", "5"]
    assert (pairs.query.ids, pairs.gallery.ids) == (["100", "101"], ["102", "103", "104"])
    assert pairs.train.texts[4] == "caption 2 of 4"
    assert pairs.label_names == ("person", "car", "toothbrush")
    np.testing.assert_array_equal(pairs.query.true_labels, [[1, 0, 0], [1, 1, 0]])
    assert pairs.query.image_bytes(1) == picture(101, kind="JPEG")


def test_one_part_is_cut_like_any_heap(tmp_path: Path) -> None:
    pairs = load(write_part(tmp_path / "coco", "val2014", 20, prefix="COCO_val2014_"))
    assert (len(pairs.train), len(pairs.query), len(pairs.gallery)) == (14, 2, 4)
    assert pairs.query.image(0).size == (8, 8)


def test_of_many_val_images_two_thousand_are_queries(tmp_path: Path) -> None:
    write_part(tmp_path / "coco", "train2014", 2)
    write_part(tmp_path / "coco", "val2014", 4002, first=10)
    pairs = load(tmp_path / "coco")
    assert (len(pairs.query), len(pairs.gallery)) == (2000, 2002)


def test_images_without_caption_or_label_are_left_out_and_counted(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    edit(folder / "annotations" / "instances_train2017.json", "annotations", lambda each: each["image_id"] != 2)
    edit(folder / "annotations" / "captions_train2017.json", "annotations", lambda each: each["image_id"] != 5)
    with caplog.at_level(logging.WARNING):
        assert load(folder).train.ids == ["0", "1", "3", "4"]
    assert "instances_train2017.json: 2 of 6 images left out: no caption or no label" in caplog.text


def test_a_blank_caption_is_passed_over(folder: Path) -> None:
    file = folder / "annotations" / "captions_train2017.json"
    content = json.loads(file.read_text())
    content["annotations"].append({"id": 0, "image_id": 1, "caption": " "})
    file.write_text(json.dumps(content))
    assert load(folder).train.texts[1] == "caption 2 of 1"


@pytest.mark.parametrize("name", ["captions_train2017.json", "captions_val2017.json"])
def test_missing_captions_are_named(name: str, folder: Path) -> None:
    (folder / "annotations" / name).unlink()
    with pytest.raises(DatasetError, match=f"{name}: is missing"):
        load(folder)


def test_a_missing_folder_of_pictures_is_named(folder: Path) -> None:
    (folder / "val2017").rename(folder / "elsewhere")
    with pytest.raises(DatasetError, match=r"val2017: is missing; the pictures of instances_val2017.json belong there"):
        load(folder)


def test_missing_pictures_are_named(folder: Path) -> None:
    (folder / "train2017" / "000000000003.jpg").unlink()
    with pytest.raises(DatasetError, match="column 'image': no picture for 1 rows: 3"):
        load(folder)


def test_two_years_in_one_folder_are_refused(folder: Path) -> None:
    write_part(folder, "val2014", 3)
    with pytest.raises(
        DatasetError, match=r"holds instances_train2017.json, instances_val2017.json, instances_val2014.json; leave"
    ):
        load(folder)


@pytest.mark.parametrize("content", ["{", "[]", '{"images": []}', '{"images": 1, "annotations": [], "categories": []}', "\xff"])
def test_annotations_that_are_not_cocos_are_named(content: str, folder: Path) -> None:
    (folder / "annotations" / "instances_val2017.json").write_text(content, encoding="latin-1")
    with pytest.raises(DatasetError, match=r"instances_val2017.json: (cannot be read as JSON|not as COCO publishes it)"):
        load(folder)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("annotations", [{"image_id": 1, "category_id": 7}], r"not as COCO publishes them \(KeyError\(7\)\)"),
        ("images", [{"id": 1}], r"not as COCO publishes them \(KeyError\('file_name'\)\)"),
        ("annotations", [], "no image has both a caption"),
        ("annotations", [1], "not as COCO publishes them"),
    ],
)
def test_entries_that_do_not_fit_are_named(key: str, value: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=words):
        load(write_part(tmp_path / "coco", "train2017", 3, **{key: value}))


def test_train_and_val_must_have_the_same_categories(tmp_path: Path) -> None:
    write_part(tmp_path / "coco", "train2017", 3)
    write_part(tmp_path / "coco", "val2017", 3, first=9, categories=CATEGORIES[:2])
    with pytest.raises(DatasetError, match=r"instances_val2017.json: its categories are not those of instances_train2017.json"):
        load(tmp_path / "coco")
