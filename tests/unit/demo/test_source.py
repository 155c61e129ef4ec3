"""What the demonstration asks, and what it keeps beside an item."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from demo.options import parse_options
from demo.source import Questions, Source, choose_questions, labels_of, open_source
from model.errors import DatasetError
from tests.pair_folders import rows_of, write_parquet
from training.datasets import PairDataset, PairSplits


def part(*labels: list[int]) -> PairDataset:
    ids = [f"x{i}" for i in range(len(labels))]
    return PairDataset(ids, ids, np.array(labels, np.uint8), ("a", "b", "c"), lambda i: b"")


def source_of(train: PairDataset, query: PairDataset, texts: tuple[str, str] | None = None) -> Source:
    return Source(Path(), PairSplits(train, query, train, ("a", "b", "c")), {}, "", texts)


def test_questions_have_the_commonest_labels_each_its_own() -> None:
    train = part([1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 0, 1])
    questions = choose_questions(source_of(train, part([1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1])))
    assert questions == Questions((("x3", frozenset("c")), ("x2", frozenset("b"))), 0)


def test_few_sets_of_labels_are_asked_for_again() -> None:
    questions = choose_questions(source_of(part([1, 0, 0]), part([1, 0, 0], [1, 0, 0])))
    assert questions == Questions((("x0", frozenset("a")), ("x0", frozenset("a"))), 0)


def test_texts_of_our_own_have_no_labels() -> None:
    questions = choose_questions(source_of(part([1, 0, 0]), part([1, 0, 0]), ("one", "two")))
    assert questions.texts == (("one", frozenset()), ("two", frozenset()))


def test_ones_own_pairs_keep_their_labels_as_payload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITLENS_CACHE_DIR", str(tmp_path / "cache"))
    folder = write_parquet(tmp_path / "data", {name: rows_of(name, 3) for name in ("train", "query", "gallery")})
    source = open_source(parse_options(["--data", str(folder), "--work", str(tmp_path / "work")]))
    assert source.payload(source.pairs.train, 1) == {"labels": ["cat", "dog"]}
    assert (labels_of(source.pairs.train, 0), source.attribution) == (["cat"], "")


def test_data_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a folder"):
        open_source(parse_options(["--data", str(tmp_path / "nothing"), "--work", str(tmp_path)]))


def test_what_is_known_of_an_item_joins_its_labels() -> None:
    split = part([1, 0, 1])
    source = Source(Path(), PairSplits(split, split, split, ("a", "b", "c")), {"x0": {"emoji": "!"}}, "")
    assert source.payload(split, 0) == {"labels": ["a", "c"], "emoji": "!"}
