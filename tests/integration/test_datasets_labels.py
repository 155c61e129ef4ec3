"""Labels as people write them become multi-hot rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.errors import DatasetError
from tests.pair_folders import rows_of, write_parquet
from training.datasets import load_pairs
from training.datasets.label_columns import label_sets, multi_hot, order_labels, read_label_order


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([["a", "b"], ["b"]], [{"a", "b"}, {"b"}]),
        (["a, b", "b"], [{"a", "b"}, {"b"}]),
        ([[0, 2], [1]], [{"0", "2"}, {"1"}]),
        ([3, 1], [{"3"}, {"1"}]),
        ([[1, 0, 1], [0, 1, 0]], [{"0", "2"}, {"1"}]),
        ([[True, True], [False, True]], [{"0", "1"}, {"1"}]),
        ([[0, 1], [1, 0]], [{"0", "1"}, {"0", "1"}]),  # no value repeats: class numbers, both classes in both rows
        ([None, "", [], [None, " "]], [set(), set(), set(), set()]),
    ],
)
def test_cells_become_sets(cells: list[Any], expected: list[set[str]]) -> None:
    assert label_sets(cells) == expected


def test_numbers_are_ordered_by_value_before_words() -> None:
    assert order_labels([frozenset({"10", "9"}), frozenset({"b", "a"})]) == ("9", "10", "a", "b")


def test_a_class_number_finds_the_label_at_its_place() -> None:
    labels, unknown = multi_hot([frozenset({"1"}), frozenset({"cat", "7"})], ("cat", "dog"))
    np.testing.assert_array_equal(labels, [[0, 1], [1, 0]])
    assert unknown == {"7"}


def test_labels_json_gives_the_order(tmp_path: Path) -> None:
    folder = write_parquet(tmp_path / "data", {name: rows_of(name, 3) for name in ("train", "query", "gallery")})
    (folder / "labels.json").write_text(json.dumps(["dog", "bird", "cat"]))
    pairs = load_pairs(folder, cache_dir=tmp_path)
    assert pairs.label_names == ("dog", "bird", "cat")
    np.testing.assert_array_equal(pairs.query.true_labels, [[0, 0, 1], [1, 0, 1], [0, 0, 1]])


def test_a_label_outside_labels_json_is_named(tmp_path: Path) -> None:
    folder = write_parquet(tmp_path / "data", {name: rows_of(name, 3) for name in ("train", "query", "gallery")})
    (folder / "labels.json").write_text('["cat"]')
    with pytest.raises(DatasetError, match=r"query.parquet: column 'labels': not in labels.json: dog"):
        load_pairs(folder, cache_dir=tmp_path)


@pytest.mark.parametrize("content", ["{", '{"a": 1}', '["a", "a"]', "[1]"])
def test_a_bad_labels_json_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(content)
    with pytest.raises(DatasetError, match=r"labels\.json"):
        read_label_order(tmp_path)
