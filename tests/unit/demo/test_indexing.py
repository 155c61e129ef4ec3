"""Only what the service lacks is sent, in batches that fit a request."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from demo import indexing
from demo.client import NewItem
from demo.indexing import BATCH_BYTES, BATCH_ITEMS, database_items, index_all
from demo.source import Source
from training.datasets import PairDataset, PairSplits


class FakeIndex:
    """Keeps items in a dictionary; refuses those whose text is ``bad``."""

    def __init__(self, *items: NewItem) -> None:
        self.there = {item.item_id: item for item in items}
        self.batches: list[int] = []
        self.n_asked = 0

    def n_items(self) -> int:
        return len(self.there)

    def holds(self, item: NewItem) -> bool:
        self.n_asked += 1
        return self.there.get(item.item_id) == item

    def index(self, items: list[NewItem]) -> list[str]:
        self.batches.append(len(items))
        self.there |= {item.item_id: item for item in items if item.text != "bad"}
        return [f"{item.item_id}: bad text" for item in items if item.text == "bad"]


def items(n: int, n_bytes: int = 1) -> Iterator[NewItem]:
    return (NewItem(f"x{i}", f"text {i}", b"p" * n_bytes, {}) for i in range(n))


def ignore(done: int, total: int) -> None:
    """Nobody looks."""


def test_an_empty_service_gets_everything_without_being_asked() -> None:
    index, reports = FakeIndex(), []
    done = index_all(index, items(70), 70, lambda *report: reports.append(report))
    assert (done.n_sent, done.n_present, done.refused) == (70, 0, ())
    assert (index.batches, index.n_asked) == ([BATCH_ITEMS, BATCH_ITEMS, 6], 0)
    assert reports == [(32, 70), (64, 70), (70, 70)]


def test_items_that_are_there_unchanged_are_not_sent_again() -> None:
    index = FakeIndex(*items(40))
    index.there["x7"] = NewItem("x7", "another text", b"p", {})
    done = index_all(index, items(41), 41, ignore)
    assert (done.n_sent, done.n_present, index.batches) == (2, 39, [1, 1])
    assert index.there["x7"].text == "text 7"


def test_large_pictures_make_small_batches() -> None:
    index = FakeIndex()
    index_all(index, items(5, BATCH_BYTES // 2), 5, ignore)
    assert index.batches == [2, 2, 1]


def test_a_picture_larger_than_a_batch_goes_alone() -> None:
    assert [len(batch) for batch in indexing._batches(items(2, BATCH_BYTES + 1))] == [1, 1]


def test_refused_items_are_counted_and_told() -> None:
    done = index_all(FakeIndex(), [NewItem("a", "good", b"", {}), NewItem("b", "bad", b"", {})], 2, ignore)
    assert (done.n_sent, done.refused) == (1, ("b: bad text",))


@pytest.fixture
def source(tmp_path: object) -> Source:
    def part(name: str, n: int) -> PairDataset:
        ids = [f"{name}{i}" for i in range(n)]
        return PairDataset(ids, ids, np.ones((n, 1), np.uint8), ("label",), lambda i: ids[i].encode())

    pairs = PairSplits(part("train", 3), part("query", 2), part("gallery", 2), ("label",))
    return Source(tmp_path, pairs, {"train1": {"emoji": "!"}}, "")  # type: ignore[arg-type]


def test_the_database_is_indexed_and_the_query_split_is_not(source: Source) -> None:
    found = list(database_items(source, None))
    assert [item.item_id for item in found] == ["train0", "train1", "train2", "gallery0", "gallery1"]
    assert found[1] == NewItem("train1", "train1", b"train1", {"labels": ["label"], "emoji": "!"})


def test_a_limit_takes_the_first_items(source: Source) -> None:
    assert [item.item_id for item in database_items(source, 2)] == ["train0", "train1"]
    assert len(list(database_items(source, 99))) == 5
