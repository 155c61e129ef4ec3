import hashlib

import numpy as np
import pytest

from app.catalog.base import ImageFile, NewItem
from app.index.segments import SegmentedIndex
from app.media import MediaStore
from app.writer import ItemWriter
from model.errors import CatalogError
from tests.fakes import FakeCatalog, FakeCodeIndex

RED, BLUE = b"red picture", b"blue picture"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def item(item_id: str, content: bytes | None = None, *, code: int = 0) -> NewItem:
    image = ImageFile(digest(content), "image/png", 1, 1) if content else None
    return NewItem(item_id, "text", image, {}, bytes([code]), bytes([code]) if image else None)


class Bench:
    """A writer and what it writes to."""

    def __init__(self, folder):
        self.catalog, self.media = FakeCatalog("b"), MediaStore(folder)
        self.folder = folder
        self.start()

    def start(self):
        self.indexes = {"image": FakeCodeIndex(8), "text": FakeCodeIndex(8)}
        self.writer = ItemWriter(catalog=self.catalog, indexes=self.indexes, media=self.media)
        self.writer.rebuild()

    def write(self, *items, pictures=(RED, BLUE)):
        return self.writer.write(items, {digest(content): content for content in pictures})

    def pictures(self):
        return {path.name for path in self.folder.rglob("*") if path.is_file()}

    def rows(self, modality):
        return sorted(self.indexes[modality].codes)


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_what_is_written_is_in_catalogue_index_and_store(bench):
    bench.write(item("a", RED), item("b"), pictures=[RED])
    assert (bench.rows("image"), bench.rows("text")) == ([1], [1, 2])
    assert bench.pictures() == {digest(RED)}
    assert bench.writer.state() == (2, True)


def test_a_replaced_item_leaves_neither_code_nor_picture(bench):
    bench.write(item("a", RED, code=1), pictures=[RED])
    answers = bench.write(item("a", BLUE, code=2), pictures=[BLUE])
    assert answers[0].replaced is not None
    assert {row: code.tolist() for row, code in bench.indexes["image"].codes.items()} == {2: [2]}
    assert bench.pictures() == {digest(BLUE)}
    assert bench.writer.state() == (1, True)


def test_a_picture_stays_while_another_item_has_it(bench):
    bench.write(item("a", RED), item("b", RED), pictures=[RED])
    bench.writer.delete(["a"])
    assert bench.pictures() == {digest(RED)}
    bench.writer.delete(["b"])
    assert bench.pictures() == set()
    assert bench.writer.state() == (0, True)


def test_of_one_id_twice_in_a_request_only_the_later_is_left(bench):
    bench.write(item("a", RED, code=1), item("a", BLUE, code=2))
    assert (bench.rows("image"), bench.rows("text")) == ([2], [2])
    assert bench.pictures() == {digest(BLUE)}
    assert bench.writer.state() == (1, True)


def test_an_old_item_replaced_twice_in_a_request_is_gone(bench):
    bench.write(item("a", RED), pictures=[RED])
    bench.write(item("a"), item("a", BLUE), pictures=[BLUE])
    assert bench.rows("text") == [3]
    assert bench.writer.state() == (1, True)


def test_when_the_catalogue_refuses_nothing_is_left_behind(bench):
    bench.write(item("a", RED), pictures=[RED])
    bench.catalog.failing = True
    with pytest.raises(CatalogError):
        bench.write(item("b", BLUE), item("c", RED))
    assert bench.pictures() == {digest(RED)}
    assert bench.rows("text") == [1]
    assert bench.writer.state() == (1, True)


def test_deleting_what_is_not_there_is_told(bench):
    bench.write(item("a", RED), pictures=[RED])
    assert [one and one.item_id for one in bench.writer.delete(["nobody", "a", "a"])] == [None, "a", None]


def test_rows_that_were_replaced_are_not_deleted_with_the_others(bench):
    bench.write(item("a"), item("b"), item("c"), pictures=[])
    bench.write(item("b"), pictures=[])
    assert bench.writer.delete_rows([1, 2]) == 1
    assert bench.rows("text") == [3, 4]


def test_a_picture_that_cannot_be_deleted_does_not_undo_what_is_committed(tmp_path):
    class Stubborn(MediaStore):
        def delete(self, sha256):
            raise CatalogError("the disk refuses")

    bench = Bench(tmp_path)
    bench.media = Stubborn(tmp_path)
    bench.start()
    bench.write(item("a", RED), pictures=[RED])
    bench.writer.delete(["a"])
    assert bench.writer.state() == (0, True)


def test_a_new_start_finds_everything(bench):
    bench.write(item("a", RED, code=3), item("b", code=4), pictures=[RED])
    bench.start()
    assert {row: code.tolist() for row, code in bench.indexes["text"].codes.items()} == {1: [3], 2: [4]}
    assert bench.writer.state() == (2, True)


def test_an_index_that_lost_a_code_is_noticed(bench):
    bench.write(item("a"), pictures=[])
    bench.indexes["text"].remove(np.array([1]))
    assert bench.writer.state() == (1, False)


def test_a_start_without_a_snapshot_fills_the_index_all_at_once(tmp_path):
    bench = Bench(tmp_path)
    bench.write(item("a", RED, code=1), item("b", code=2))
    index = SegmentedIndex(8, table_from=None)
    writer = ItemWriter(catalog=bench.catalog, indexes={"image": FakeCodeIndex(8), "text": index}, media=bench.media)
    assert writer.rebuild() == 2
    assert (len(index), index.figures().n_tail) == (2, 0)
    assert writer.state() == (2, True)
