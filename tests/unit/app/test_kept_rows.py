"""What searches have found is kept, and never out of date."""

import pytest

from app.catalog.base import NewItem
from app.hits import parts_of
from app.kept_rows import KeptRows, ShownItem
from model.errors import CatalogError
from tests.builders import BUNDLE_ID, index, search
from tests.fakes import FakeCatalog


class CountingCatalog(FakeCatalog):
    """Notes which rows were read, and may do something in the middle of reading."""

    def __init__(self):
        super().__init__(BUNDLE_ID)
        self.read = []
        self.meanwhile = lambda: None

    def get_rows(self, row_ids):
        self.read.append(list(row_ids))
        found = super().get_rows(row_ids)
        self.meanwhile()
        return found


@pytest.fixture
def catalog():
    return CountingCatalog()


@pytest.fixture
def kept(catalog):
    kept = KeptRows(catalog, 3, parts_of)
    kept.upsert_many([NewItem(name, text=name) for name in "abcde"])
    return kept


def ids(items):
    return items and [item and item.item_id for item in items]


def test_a_row_is_read_once(kept, catalog):
    assert kept.held([1, 2]) is None
    assert ids(kept.get_rows([1, 2, 1, 99])) == ["a", "b", "a", None]
    assert ids(kept.get_rows([2, 1])) == ids(kept.held([2, 1])) == ["b", "a"]
    assert catalog.read == [[1, 2, 1, 99]]
    assert isinstance(kept.held([1])[0], ShownItem)


def test_the_least_recently_used_make_room(kept):
    kept.get_rows([1, 2, 3])
    kept.held([1])
    kept.get_rows([4])
    assert (kept.held([2]), ids(kept.held([3, 1, 4]))) == (None, ["c", "a", "d"])


def test_deleted_and_replaced_items_are_forgotten_and_others_stay(kept):
    kept.get_rows([1, 2, 3])
    kept.delete_many(["a", "nobody"])
    kept.upsert_many([NewItem("b", text="new")])
    assert (kept.held([1]), kept.held([2]), ids(kept.held([3]))) == (None, None, ["c"])
    assert ids(kept.get_rows([1, 2, 3, 6])) == [None, None, "c", "b"]


@pytest.mark.parametrize("write", ["delete_many", "upsert_many"])
def test_an_item_that_goes_while_it_is_read_is_not_kept(kept, catalog, write):
    catalog.meanwhile = lambda: getattr(kept, write)(["a"] if write == "delete_many" else [NewItem("a")])
    kept.get_rows([1])
    catalog.meanwhile = lambda: None
    assert kept.held([1]) is None
    assert kept.get_rows([1]) == [None]


def test_after_a_write_that_failed_nothing_is_trusted(kept, catalog):
    kept.get_rows([1, 2])
    catalog.failing = True
    with pytest.raises(CatalogError):
        kept.delete_many(["a"])
    assert kept.held([1]) is None


def test_large_items_are_read_each_time(kept):
    kept.upsert_many([NewItem("large", payload={"x": "x" * 3000})])
    assert ids(kept.get_rows([6])) == ["large"]
    assert kept.held([6]) is None


def test_a_service_never_shows_what_was_deleted_or_replaced(client):
    index(client, *({"id": name, "text": "red cat", "payload": {"version": 1}} for name in "abc"))
    for _ in range(3):
        assert [hit["id"] for hit in search(client, "red cat", target="text")["hits"]] == ["a", "b", "c"]
    client.delete("/index/b")
    index(client, {"id": "a", "text": "red cat", "payload": {"version": 2}})
    hits = search(client, "red cat", target="text")["hits"]
    assert [(hit["id"], hit["payload"]["version"]) for hit in hits] == [("c", 1), ("a", 2)]
