import sys

import pytest

from app.ingest_datasets import DataSet, open_data_set
from app.ingest_entries import Columns
from model.errors import DatasetError
from tests.builders import picture
from tests.ingest_world import MIB, PLAIN, opened, put

datasets = pytest.importorskip("datasets")
CAT, DOG = picture("cat"), picture("dog")


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """A data set in Parquet with two splits, and nothing that may be asked of a hub."""
    monkeypatch.setattr(datasets.config, "HF_CACHE_HOME", str(tmp_path / "cache"))
    kinds = {"photo": datasets.Image(), "kind": datasets.ClassLabel(names=["cat", "dog"]), "caption": datasets.Value("string")}
    rows = {
        "photo": [{"bytes": CAT, "path": None}, {"bytes": DOG, "path": None}, None],
        "kind": [0, 1, 1],
        "caption": ["x", "", "z"],
    }
    table = datasets.Dataset.from_dict(rows, features=datasets.Features(kinds))
    table.to_parquet(tmp_path / "pairs" / "train.parquet")
    table.select([1]).to_parquet(tmp_path / "pairs" / "test.parquet")
    return tmp_path / "pairs"


def test_pictures_captions_and_classes_by_name_are_read_from_every_split(saved):
    source = open_data_set(f"datasets:{saved}", PLAIN, MIB)
    found = opened(source)
    assert list(found) == [f"{saved}/{place}" for place in ("train/0", "train/1", "train/2", "test/0")]
    assert (found[f"{saved}/train/0"].text, found[f"{saved}/train/0"].image) == ("x", CAT)
    assert (found[f"{saved}/train/1"].text, found[f"{saved}/train/1"].payload) == (None, {"kind": "dog"})
    assert (found[f"{saved}/train/2"].image, found[f"{saved}/train/2"].text) == (None, "z")


def test_a_split_is_chosen_and_a_column_gives_the_ids(saved):
    source = open_data_set(f"datasets:{saved}:train", Columns(item_id="caption"), MIB)
    assert list(opened(source)) == ["x", f"{saved}/train/1", "z"]
    assert source.count() in (None, 3)


def test_a_picture_that_is_too_large_or_a_file_that_is_gone_fails_alone(saved):
    found = opened(open_data_set(f"datasets:{saved}:test", PLAIN, 10))
    assert list(found.values()) == ["it has more than 10 bytes"]


@pytest.mark.parametrize("argument", ["datasets:", "datasets:no/such-folder-here/x", "datasets:{}:none"])
def test_a_data_set_that_cannot_be_loaded_is_told(saved, argument, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(DatasetError, match="datasets:"):
        open_data_set(argument.format(saved), PLAIN, MIB)


def test_without_the_library_the_next_step_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DatasetError, match=r"pip install 'bitlens\[datasets\]'"):
        open_data_set("datasets:any", PLAIN, MIB)


def test_tables_have_rows_without_pictures(tmp_path):
    put(tmp_path / "pairs", train_csv="id,text,n\np1,a pair,7\n")
    (content,) = opened(open_data_set(f"datasets:{tmp_path / 'pairs'}", PLAIN, MIB)).values()
    assert (content.text, content.payload) == ("a pair", {"n": 7})


class Rows(list):
    """Rows as the library gives them."""

    features = None


def test_rows_may_name_files_and_a_data_set_may_break_off(tmp_path):
    class Broken(Rows):
        def __iter__(self):
            yield from list.__iter__(self)
            raise OSError("cut")

    put(tmp_path, a_jpg=CAT)
    rows = [{"image": {"bytes": None, "path": str(tmp_path / name)}, "raw": b"x"} for name in ("a.jpg", "none.jpg")]
    rows += [{"image": {"bytes": None, "path": None}}, {"text": 7}]
    found = opened(DataSet({"train": Broken(rows)}, "d", PLAIN, MIB))
    assert (found["d/train/0"].image, found["d/train/0"].payload) == (CAT, {})
    assert [found[f"d/train/{n}"] for n in (1, 2, 3)] == ["there is no such file", "the image is none", "the caption is no text"]
    assert "cannot be read on: cut" in found["d/train/4"]
