"""Every layout gives the same pairs; what is missing or damaged is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from model.errors import DatasetError
from tests.pair_folders import Row, picture, rows_of, write_image_folder, write_parquet, write_shards
from training.datasets import ColumnNames, PairSplits, load_pairs

Writer = Callable[[Path, Mapping[str, Sequence[Row]]], Path]


def csv_folder(folder: Path, splits: Mapping[str, Sequence[Row]]) -> Path:
    return write_image_folder(folder, splits, kind="csv")


WRITERS = {"parquet": write_parquet, "shards": write_shards, "jsonl": write_image_folder, "csv": csv_folder}


@pytest.fixture
def splits() -> dict[str, list[Row]]:
    return {"train": rows_of("train", 6), "query": rows_of("query", 3), "gallery": rows_of("gallery", 4)}


@pytest.fixture(params=WRITERS.values(), ids=WRITERS.keys())
def write(request: pytest.FixtureRequest) -> Writer:
    writer: Writer = request.param
    return writer


def load(folder: Path, tmp_path: Path, **options: object) -> PairSplits:
    return load_pairs(folder, cache_dir=tmp_path / "cache", **options)  # type: ignore[arg-type]


def test_every_layout_gives_the_same_pairs(write: Writer, splits: dict[str, list[Row]], tmp_path: Path) -> None:
    pairs = load(write(tmp_path / "data", splits), tmp_path)
    assert pairs.train.ids == [f"train{i}" for i in range(6)]
    assert pairs.query.texts == [f"query text {i}" for i in range(3)]
    assert pairs.label_names == ("cat", "dog")
    np.testing.assert_array_equal(pairs.gallery.true_labels, [[1, 0], [1, 1], [1, 0], [1, 1]])
    assert pairs.gallery.true_labels.dtype == np.uint8
    assert pairs.train.image_bytes(4) == splits["train"][4]["image"]
    assert pairs.train.image(4).size == (8, 8)


def test_the_data_folder_is_left_as_it_was(write: Writer, splits: dict[str, list[Row]], tmp_path: Path) -> None:
    folder = write(tmp_path / "data", splits)
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
    load(folder, tmp_path)
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == before


def test_a_changed_file_is_read_anew(splits: dict[str, list[Row]], tmp_path: Path) -> None:
    folder = write_image_folder(tmp_path / "data", splits)
    before = load(folder, tmp_path).train.image_digest
    (folder / "train" / "000.png").write_bytes(picture(200))
    assert load(folder, tmp_path).train.image_digest != before


def test_parquet_parts_in_a_data_folder_belong_to_their_split(splits: dict[str, list[Row]], tmp_path: Path) -> None:
    rows = splits["train"]
    parts = {"train-00000-of-00002": rows[:3], "train-00001-of-00002": rows[3:], "query-00000": splits["query"]}
    write_parquet(tmp_path / "data" / "data", parts | {"gallery-00000": splits["gallery"]})
    assert load(tmp_path / "data", tmp_path).train.ids == [row["id"] for row in rows]


def test_ids_come_from_the_key_or_the_file_or_the_row(splits: dict[str, list[Row]], tmp_path: Path) -> None:
    bare = {name: [{k: v for k, v in row.items() if k != "id"} for row in rows] for name, rows in splits.items()}
    assert load(write_shards(tmp_path / "s", bare), tmp_path).query.ids[0] == "query-00000"
    assert load(write_image_folder(tmp_path / "i", bare), tmp_path).query.ids[0] == "query-000"
    assert load(write_parquet(tmp_path / "p", bare), tmp_path).query.ids[0] == "query-0"


def test_csv_ids_keep_their_zeros(tmp_path: Path) -> None:
    rows = [row | {"id": f"{i:05d}"} for i, row in enumerate(rows_of("x", 10))]
    pairs = load(write_image_folder(tmp_path / "data", {".": rows}, kind="csv"), tmp_path)
    assert sorted(pairs.database.ids + pairs.query.ids)[3] == "00003"


def test_columns_may_have_other_names(splits: dict[str, list[Row]], tmp_path: Path) -> None:
    renamed = {
        name: [{"photo": row["image"], "caption": row["text"], "tags": row["labels"], "key": row["id"]} for row in rows]
        for name, rows in splits.items()
    }
    columns = ColumnNames(image="photo", text="caption", labels="tags", id="key")
    pairs = load(write_parquet(tmp_path / "data", renamed), tmp_path, columns=columns)
    assert (pairs.query.ids[1], pairs.query.texts[1]) == ("query1", "query text 1")
    assert pairs.query.image(1).mode == "RGB"


def test_of_several_captions_the_first_that_is_not_blank_counts(splits: dict[str, list[Row]], tmp_path: Path) -> None:
    splits["query"] = rows_of("query", 3, text=["  ", "first", "second"])
    splits["train"] = rows_of("train", 3, text=["first", "second"])
    splits["gallery"] = rows_of("gallery", 3, text=["first"])
    assert load(write_parquet(tmp_path / "data", splits), tmp_path).query.texts == ["first"] * 3


@pytest.mark.parametrize(("mode", "kind"), [("CMYK", "JPEG"), ("P", "PNG"), ("RGBA", "PNG"), ("L", "PNG"), ("LA", "PNG")])
def test_pictures_of_any_mode_are_read(mode: str, kind: str, splits: dict[str, list[Row]], tmp_path: Path) -> None:
    splits["query"] = rows_of("query", 1, image=picture(3, mode=mode, kind=kind))
    assert load(write_parquet(tmp_path / "data", splits), tmp_path).query.image(0).mode == mode


def test_an_unreadable_picture_names_its_item(splits: dict[str, list[Row]], tmp_path: Path) -> None:
    splits["query"] = rows_of("query", 2, image=b"\x89PNG but no more")
    pairs = load(write_parquet(tmp_path / "data", splits), tmp_path)
    with pytest.raises(DatasetError, match="'query1': its image cannot be decoded"):
        pairs.query.image(1)


def test_a_picture_file_that_is_gone_is_named_before_training(splits: dict[str, list[Row]], tmp_path: Path) -> None:
    folder = write_image_folder(tmp_path / "data", splits)
    (folder / "query" / "002.png").unlink()
    with pytest.raises(DatasetError, match=r"query/metadata.jsonl: column 'image': no picture for 1 rows: query2"):
        load(folder, tmp_path)


def test_without_labels_the_message_says_why_they_are_needed(write: Writer, splits: dict[str, list[Row]], tmp_path: Path) -> None:
    bare = {name: [{k: v for k, v in row.items() if k != "labels"} for row in rows] for name, rows in splits.items()}
    with pytest.raises(DatasetError, match=r"no column 'labels'.*SCBCH learns from labels"):
        load(write(tmp_path / "data", bare), tmp_path)


def test_every_mistake_is_listed(splits: dict[str, list[Row]], tmp_path: Path) -> None:
    splits["query"] = rows_of("query", 2, text=" ")
    splits["gallery"] = rows_of("train", 2, labels=[])
    with pytest.raises(DatasetError) as caught:
        load(write_parquet(tmp_path / "data", splits), tmp_path)
    message = str(caught.value)
    assert "query.parquet: column 'text': blank in 2 rows: query0, query1" in message
    assert "gallery.parquet: column 'labels': no label in 2 rows" in message
    assert "repeated: train0, train1" in message


def test_missing_columns_are_listed_with_those_that_are_there(splits: dict[str, list[Row]], tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no column 'caption' with captions \(columns: id, image, text, labels\)"):
        load(write_parquet(tmp_path / "data", splits), tmp_path, columns=ColumnNames(text="caption"))


def test_a_column_that_holds_no_pictures_is_named(splits: dict[str, list[Row]], tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"column 'labels': holds no pictures"):
        load(write_parquet(tmp_path / "data", splits), tmp_path, columns=ColumnNames(image="labels"))


def test_an_empty_split_is_named(splits: dict[str, list[Row]], tmp_path: Path) -> None:
    folder = write_image_folder(tmp_path / "data", splits)
    (folder / "query" / "metadata.jsonl").write_text("")
    with pytest.raises(DatasetError, match="query"):
        load(folder, tmp_path)


def test_a_missing_split_is_named(splits: dict[str, list[Row]], tmp_path: Path) -> None:
    del splits["gallery"]
    with pytest.raises(DatasetError, match="splits are missing: gallery"):
        load(write_parquet(tmp_path / "data", splits), tmp_path)


def test_files_of_no_split_are_not_passed_over(splits: dict[str, list[Row]], tmp_path: Path) -> None:
    folder = write_parquet(tmp_path / "data", splits | {"extra": rows_of("extra", 2)})
    with pytest.raises(DatasetError, match=r"belong to none of the splits .*extra.parquet"):
        load(folder, tmp_path)


def test_two_layouts_in_one_folder_are_refused(splits: dict[str, list[Row]], tmp_path: Path) -> None:
    write_shards(tmp_path / "data", splits)
    with pytest.raises(DatasetError, match="holds Parquet and WebDataset files at once"):
        load(write_parquet(tmp_path / "data", splits), tmp_path)


@pytest.mark.parametrize("name", ["train.parquet", "train-000.tar", "train/metadata.jsonl"])
def test_a_damaged_file_is_named(name: str, splits: dict[str, list[Row]], tmp_path: Path) -> None:
    writer = {"train.parquet": write_parquet, "train-000.tar": write_shards}.get(name, write_image_folder)
    folder = writer(tmp_path / "data", splits)
    (folder / name).write_bytes(b"{ torn" * 50)
    with pytest.raises(DatasetError, match=name):
        load(folder, tmp_path)


def test_an_unknown_folder_lists_what_is_understood(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"(?s)no data set in a known layout.*Parquet.*WebDataset.*ImageFolder"):
        load(tmp_path, tmp_path)
    with pytest.raises(DatasetError, match="is not a folder"):
        load(tmp_path / "nothing", tmp_path)


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_metadata_without_file_names_is_refused(kind: str, tmp_path: Path) -> None:
    content = {"jsonl": '{"text": "a", "labels": ["b"]}\n', "csv": "text,labels\na,b\n"}[kind]
    (tmp_path / f"metadata.{kind}").write_text(content)
    with pytest.raises(DatasetError, match="file_name"):
        load(tmp_path, tmp_path)


def test_two_metadata_files_in_one_folder_are_refused(tmp_path: Path) -> None:
    folder = write_image_folder(tmp_path / "data", {".": rows_of("x", 10)})
    (folder / "metadata.csv").write_text("file_name,text,labels\n")
    with pytest.raises(DatasetError, match="one metadata file a folder"):
        load(folder, tmp_path)
