"""The seeded cut, parts of splits, and digests of content."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.errors import DatasetError
from tests.pair_folders import rows_of, write_image_folder, write_parquet
from training.datasets import PairDataset, load_pairs
from training.datasets.splits import cut_splits


def heap(n: int) -> PairDataset:
    ids = [f"x{i}" for i in range(n)]
    return PairDataset(ids, [f"text {i}" for i in range(n)], np.ones((n, 1), np.uint8), ("a",), lambda i: ids[i].encode())


def test_the_cut_takes_a_tenth_and_a_fifth() -> None:
    splits = cut_splits(heap(100), seed=1)
    assert (len(splits.query), len(splits.gallery), len(splits.train)) == (10, 20, 70)
    assert sorted(splits.query.ids + splits.database.ids) == sorted(heap(100).ids)


def test_query_is_at_most_two_thousand() -> None:
    assert len(cut_splits(heap(30_000), seed=1).query) == 2000


def test_the_same_seed_cuts_the_same_and_another_does_not() -> None:
    assert cut_splits(heap(50), seed=3).query.ids == cut_splits(heap(50), seed=3).query.ids
    assert cut_splits(heap(50), seed=3).query.ids != cut_splits(heap(50), seed=4).query.ids


def test_too_few_pairs_cannot_be_cut() -> None:
    with pytest.raises(DatasetError, match="9 pairs are too few"):
        cut_splits(heap(9), seed=1)


@pytest.mark.parametrize("name", ["pairs", "train"])
def test_a_single_file_is_cut(name: str, tmp_path: Path) -> None:
    splits = load_pairs(write_parquet(tmp_path / "data", {name: rows_of("x", 20)}), cache_dir=tmp_path, seed=5)
    assert (len(splits.query), len(splits.gallery), len(splits.train)) == (2, 4, 14)


def test_metadata_at_the_root_is_cut(tmp_path: Path) -> None:
    splits = load_pairs(write_image_folder(tmp_path / "data", {".": rows_of("x", 20)}), cache_dir=tmp_path, seed=5)
    assert len(splits.database) == 18


def test_a_subset_keeps_pictures_texts_and_labels_together() -> None:
    part = heap(10).subset(np.array([7, 2]))
    assert (part.ids, part.texts, part.image_bytes(0)) == (["x7", "x2"], ["text 7", "text 2"], b"x7")
    assert part.true_labels.shape == (2, 1)


def test_the_database_is_train_then_gallery() -> None:
    splits = cut_splits(heap(20), seed=1)
    assert splits.database.ids == splits.train.ids + splits.gallery.ids
    assert [splits.database.image_bytes(i).decode() for i in range(18)] == splits.database.ids


def test_digests_depend_on_order_and_boundaries_but_not_on_ids() -> None:
    def digest(*texts: str) -> str:
        return PairDataset(list(texts), list(texts), np.ones((len(texts), 1), np.uint8), ("a",), lambda i: b"").text_digest

    assert len({digest("ab", "c"), digest("a", "bc"), digest("c", "ab")}) == 3
    renamed = PairDataset(["1", "2"], ["ab", "c"], np.ones((2, 1), np.uint8), ("a",), lambda i: b"")
    assert renamed.text_digest == digest("ab", "c")
