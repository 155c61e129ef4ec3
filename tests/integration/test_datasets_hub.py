"""``datasets:NAME``: what the library loads becomes pairs, under whatever names its splits and columns have."""

from __future__ import annotations

from pathlib import Path

import datasets
import pytest

from model.errors import DatasetError
from tests.pair_folders import rows_of, write_image_folder, write_parquet
from training.datasets import ColumnNames, PairSplits, SplitOptions, load_data


def load(name: str, tmp_path: Path, columns: ColumnNames | None = None, **options: str) -> PairSplits:
    found = load_data(f"datasets:{name}", columns=columns, splits=SplitOptions(**options), cache_dir=tmp_path / "cache")
    assert isinstance(found, PairSplits)
    return found


def test_a_folder_with_our_splits_is_read(tmp_path: Path) -> None:
    """The library knows train, validation and test by their names; any others are named in the folder's README."""
    folder = write_parquet(tmp_path / "data", {split: rows_of(split, 4) for split in ("train", "query", "gallery")})
    listed = "".join(f"  - split: {name}\n    path: {name}.parquet\n" for name in ("train", "query", "gallery"))
    (folder / "README.md").write_text(f"---\nconfigs:\n- config_name: default\n  data_files:\n{listed}---\n")
    pairs = load(str(folder), tmp_path)
    assert pairs.query.ids == ["query0", "query1", "query2", "query3"]
    assert pairs.label_names == ("cat", "dog")


def test_the_usual_splits_and_columns_are_mapped(tmp_path: Path) -> None:
    rows = {
        name: [{"photo": row["image"], "caption": row["text"], "tags": row["labels"]} for row in rows_of(name, 3)]
        for name in ("train", "validation", "test")
    }
    folder = write_parquet(tmp_path / "data", rows)
    columns = ColumnNames(image="photo", text="caption", labels="tags")
    pairs = load(str(folder), tmp_path, columns, query="validation", gallery="test")
    assert pairs.query.texts == ["validation text 0", "validation text 1", "validation text 2"]
    assert pairs.gallery.ids == ["gallery-0", "gallery-1", "gallery-2"]
    assert pairs.gallery.image(0).size == (8, 8)


def test_one_split_is_cut(tmp_path: Path) -> None:
    folder = write_image_folder(tmp_path / "data", {"train": rows_of("x", 20)})
    pairs = load(str(folder), tmp_path)
    assert (len(pairs.train), len(pairs.query), len(pairs.gallery)) == (14, 2, 4)


def test_a_configuration_is_named_after_an_at_sign(tmp_path: Path) -> None:
    folder = write_parquet(tmp_path / "data", {"small": rows_of("small", 10), "large": rows_of("large", 20)})
    listed = "".join(f"- config_name: {name}\n  data_files: {name}.parquet\n" for name in ("small", "large"))
    (folder / "README.md").write_text(f"---\nconfigs:\n{listed}---\n")
    assert len(load(f"{folder}@large", tmp_path).train) == 14
    with pytest.raises(DatasetError, match=r"the datasets library cannot load it: .*Config name is missing"):
        load(str(folder), tmp_path)


def test_splits_that_are_not_there_are_named_with_those_that_are(tmp_path: Path) -> None:
    folder = write_parquet(tmp_path / "data", {name: rows_of(name, 3) for name in ("train", "test")})
    with pytest.raises(DatasetError, match=r"has no split query and no split gallery; it has train, test: .*data.query_split="):
        load(str(folder), tmp_path)
    with pytest.raises(DatasetError, match="must name different splits"):
        load(str(folder), tmp_path, query="test", gallery="test")


@pytest.mark.parametrize("name", ["", "@config"])
def test_no_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="names no data set"):
        load(name, tmp_path)


def test_a_name_that_cannot_be_reached_is_told_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(DatasetError, match="datasets:nobody/nothing: cannot be reached") as caught:
        load("nobody/nothing", tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there_and_a_script_are_refused(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("")
    for name in (str(tmp_path / "gone"), str(tmp_path / "script.py"), str(tmp_path)):
        with pytest.raises(DatasetError, match=r"datasets:.*(cannot load it|cannot be reached)"):
            load(name, tmp_path)
