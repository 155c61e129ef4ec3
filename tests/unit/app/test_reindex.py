import hashlib

import pytest

from app.catalog import open_other_codes, served_bundle
from app.catalog.base import ImageFile, NewItem, Reencoded
from app.catalog.sql import SqlCatalog
from app.data_dir import DataDir, DataFolder, sqlite_url
from app.decode import ImageDecoder
from app.index import open_index
from app.media import MediaStore
from app.reindex import Reindexing
from app.reindex_report import compare
from app.reindex_run import what_is_served
from model.errors import BundleMismatch, CatalogError, Overloaded
from tests.builders import FakeImageEncoder, FakeTextEncoder, packed, picture

OLD, NEW = 64, 32


class Bench:
    """A catalogue of the old bundle and the new bundle's codes of it."""

    def __init__(self, folder):
        self.url = sqlite_url(folder / "c.sqlite3")
        self.media = MediaStore(folder / "media")
        self.catalog = SqlCatalog(self.url, bundle_id="old", n_bits=OLD)
        self.codes = open_other_codes(self.url, other_id="new", other_bits=NEW, folder="/bundles/new")
        self.text = FakeTextEncoder(NEW)

    def work(self):
        decoder = ImageDecoder(max_bytes=10**6, max_pixels=10**6, pixel_budget=10**6)
        encoders = {"image": FakeImageEncoder(NEW), "text": self.text}
        return Reindexing(codes=self.codes, media=self.media, encoders=encoders, decoder=decoder)

    def add(self, *names, with_picture=True):
        self.catalog.upsert_many([self.item(name, with_picture) for name in names])

    def item(self, name, with_picture):
        content = picture(name)
        if with_picture:
            self.media.put(content)
        image = ImageFile(hashlib.sha256(content).hexdigest(), "image/png", 12, 9)
        return NewItem(name, name, image, {"n": name}, packed(name, OLD), packed(name, OLD))

    def reopened(self):
        return SqlCatalog(self.url, bundle_id="new", n_bits=NEW)

    def close(self):
        self.catalog.close()
        self.codes.close()


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def test_every_item_has_the_new_bundles_codes_after_the_exchange_and_is_else_the_same(bench):
    bench.add("a", "b", "c")
    rows = [(item.row_id, item.item_id, item.payload) for item in bench.catalog.scan()]
    assert bench.work().exchange()
    new = bench.reopened()
    assert [(item.row_id, item.item_id, item.payload) for item in new.scan()] == rows
    assert all(item.text_code == item.image_code == packed(item.item_id, NEW) for item in new.scan())
    assert served_bundle(bench.url) == ("new", "/bundles/new")
    new.close()


def test_until_the_exchange_the_old_codes_are_served(bench):
    bench.add("a")
    bench.work().catch_up()
    assert bench.catalog.is_current()
    assert bench.catalog.get_many(["a"])[0].text_code == packed("a", OLD)
    assert served_bundle(bench.url) == ("old", None)


def test_a_run_that_was_broken_off_goes_on_where_it_was(bench):
    bench.add("a", "b")
    bench.work().catch_up()
    bench.add("c")
    again = bench.work()
    again.catch_up()
    assert again.n_encoded == 1


def test_what_is_written_replaced_and_deleted_meanwhile_is_caught_up(bench):
    bench.add("a", "b")
    work = bench.work()
    work.catch_up()
    bench.catalog.upsert_many([NewItem("a", "other words", text_code=packed("other words", OLD))])
    bench.catalog.delete_many(["b"])
    bench.add("c")
    assert work.exchange()
    new = bench.reopened()
    assert {item.item_id: item.text_code for item in new.scan()} == {"a": packed("other words", NEW), "c": packed("c", NEW)}
    new.close()


def test_an_item_that_cannot_be_encoded_keeps_the_old_bundle_serving(bench):
    bench.add("a")
    bench.add("lost", with_picture=False)
    work = bench.work()
    assert not work.exchange()
    assert list(work.failures) == ["lost"]
    assert bench.catalog.is_current()
    bench.catalog.delete_many(["lost"])
    assert work.exchange()


def test_an_exchange_with_an_item_missing_changes_nothing(bench):
    bench.add("a")
    assert not bench.codes.exchange()
    assert bench.catalog.get_many(["a"])[0].text_code == packed("a", OLD)


def test_codes_of_rows_that_are_gone_meanwhile_are_passed_over(bench):
    bench.add("a")
    bench.codes.put([Reencoded(1, b"\0" * 4, None), Reencoded(99, b"\0" * 4, None)])
    assert [after.row_id for _, after in bench.codes.pairs()] == [1]
    assert bench.codes.missing(0, 10) == []


def test_who_still_has_the_old_bundle_can_neither_write_nor_read_codes_after_the_exchange(bench):
    bench.add("a")
    assert bench.work().exchange()
    assert not bench.catalog.is_current()
    for forbidden in (
        lambda: bench.add("b"),
        lambda: bench.catalog.delete_many(["a"]),
        lambda: bench.catalog.get_many(["a"]),
        lambda: list(bench.catalog.scan()),
    ):
        with pytest.raises(Overloaded, match="changing over"):
            forbidden()
    assert bench.catalog.get_rows([1])[0].item_id == "a"  # a search's hits: their codes are not looked at
    assert bench.catalog.count() == 1
    with pytest.raises(BundleMismatch):
        bench.codes.exchange()


def test_the_way_back_needs_no_encoding_of_what_was_there(bench):
    bench.add("a", "b")
    assert bench.work().exchange()
    back = open_other_codes(bench.url, other_id="old", other_bits=OLD, folder="/bundles/old")
    assert back.missing(0, 10) == []
    assert back.exchange()
    assert bench.catalog.is_current()
    assert bench.catalog.get_many(["b"])[0].image_code == packed("b", OLD)
    back.close()


def test_items_that_come_faster_than_they_are_encoded_end_the_run(bench):
    class Busy:
        def missing(self, after_row_id, limit):
            return []

        def exchange(self):
            return False

        def close(self):
            pass

    bench.codes.close()
    bench.codes = Busy()
    with pytest.raises(CatalogError, match="faster"):
        bench.work().exchange()


def test_the_report_compares_what_both_would_find(bench):
    bench.add(*(f"word{n} of{n % 3}" for n in range(30)))
    bench.work().catch_up()
    changes = compare(bench.codes.pairs(), open_index, (OLD, NEW), n_queries=20)
    assert [(change.query, change.target, change.n_queries) for change in changes] == [("text", "image", 20), ("image", "text", 20)]
    assert all(0.1 <= change.overlap_at_10 <= 1 for change in changes)
    assert changes[0].first_distance == (0, 0)
    assert changes[0].tenth_distance[0] > changes[0].tenth_distance[1] > 0
    assert changes[0].own_distance == (0, 0)
    assert "overlap@10" in changes[0].line()


def test_the_same_codes_overlap_wholly_and_texts_alone_are_compared_with_themselves():
    codes = [Reencoded(row, bytes([row % 7]), None) for row in range(1, 40)]
    [change] = compare([(code, code) for code in codes], open_index, (8, 8), n_queries=10)
    assert (change.query, change.target, change.overlap_at_10, change.own_distance) == ("text", "text", 1.0, None)
    assert compare([], open_index, (8, 8)) == []


def test_a_service_that_holds_the_folder_is_waited_for_until_it_says_that_it_has_changed_over(tmp_path):
    folder = DataFolder(tmp_path)
    assert what_is_served(folder, "new") == "no service"
    held = DataDir(tmp_path)
    assert what_is_served(folder, "new", patience_s=0) == "late"
    held.note_served("old")
    assert what_is_served(folder, "new", patience_s=0) == "late"
    held.note_served("new")
    assert what_is_served(folder, "new") == "new"
    held.close()
    assert what_is_served(folder, "new") == "no service"


def test_a_folder_that_cannot_be_written_keeps_nobody_from_searching(tmp_path, caplog):
    (tmp_path / "served").mkdir()
    DataFolder(tmp_path).note_served("new")
    assert "cannot note" in caplog.text
    assert DataFolder(tmp_path).served_id == ""
