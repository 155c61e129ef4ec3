"""Payload filters on every catalogue: SQL answers like the plain evaluation of the fake."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog.base import Catalog, NewItem
from app.catalog.leaves import leaves_of
from app.catalog.sql import SqlCatalog
from app.filter_reading import parse_filter
from app.filters import MAX_CHARS, AllOf, AnyOf, Exists, Expression, Not, OneOf, Within, path_of
from model.errors import BundleMismatch, CatalogError
from tests.builders import TO_SCHEMA_2
from tests.fakes import FakeCatalog

PAYLOADS = {
    "ball": {"price": 3, "tags": ["toy", "red"], "maker": {"name": "Ann", "since": "1999-05-01"}},
    "book": {"price": 12.5, "tags": ["read"], "maker": {"name": "Bob", "since": "2010-01-31"}, "sold": True},
    "lamp": {"price": "3", "tags": [], "parts": [{"name": "bulb", "watts": 5}, {"name": "shade"}], "sold": None},
    "void": {},
    "odd": {"a.b": 1, "a": {"b": 2}, "": "empty", "price": [1, 50], "sold": 1},
}


def opened(folder, bundle_id="one") -> SqlCatalog:
    return SqlCatalog(f"sqlite:///{folder / 'catalog.sqlite3'}", bundle_id=bundle_id, n_bits=16)


@pytest.fixture(params=["sqlite", "fake"])
def catalog(request, tmp_path) -> Iterator[Catalog]:
    with closing(opened(tmp_path) if request.param == "sqlite" else FakeCatalog("one")) as catalog:
        catalog.upsert_many([NewItem(item_id, "t", payload=payload, text_code=b"tt") for item_id, payload in PAYLOADS.items()])
        yield catalog


def found(catalog: Catalog, raw) -> set[str]:
    return {item.item_id for item in catalog.get_rows(catalog.matching(parse_filter(raw))) if item}


@pytest.mark.parametrize(
    ("raw", "ids"),
    [
        ({"field": "price", "eq": 3}, {"ball"}),
        ({"field": "price", "eq": "3"}, {"lamp"}),
        ({"field": "price", "in": [12.5, "3", 50]}, {"book", "lamp", "odd"}),
        ({"field": "price", "gte": 3, "lt": 12.5}, {"ball"}),
        ({"field": "price", "gt": 3, "lte": 12.5}, {"book"}),
        ({"field": "price", "gt": 10, "lt": 40}, {"book"}),  # 1 and 50 keep one bound each
        ({"field": "maker.since", "gte": "2000", "lt": "2011"}, {"book"}),
        ({"field": "tags", "eq": "red"}, {"ball"}),
        ({"field": "tags", "exists": True}, {"ball", "book", "lamp"}),
        ({"field": "maker", "exists": False}, {"lamp", "void", "odd"}),
        ({"field": "parts.name", "eq": "shade"}, {"lamp"}),
        ({"field": "parts.watts", "gt": 1}, {"lamp"}),
        ({"field": "sold", "eq": True}, {"book"}),
        ({"field": "sold", "eq": 1}, {"odd"}),
        ({"field": "sold", "eq": None}, {"lamp"}),
        ({"field": "sold", "exists": True}, {"book", "lamp", "odd"}),
        ({"field": "a.b", "eq": 2}, {"odd"}),
        ({"field": "a\\.b", "eq": 1}, {"odd"}),
        ({"field": "", "eq": "empty"}, {"odd"}),
        ({"not": {"field": "price", "lt": 100}}, {"lamp", "void"}),
        ({"and": [{"field": "price", "lt": 20}, {"not": {"field": "sold", "exists": True}}]}, {"ball"}),
        ({"or": [{"field": "tags", "eq": "toy"}, {"field": "tags", "eq": "read"}]}, {"ball", "book"}),
        ({"field": "no", "in": [1, "a", True, None]}, set()),
    ],
)
def test_each_question_finds_its_items(catalog, raw, ids):
    assert found(catalog, raw) == ids


def test_rows_come_in_order(catalog):
    rows = catalog.matching(parse_filter({"not": {"field": "no", "exists": True}}))
    assert rows == sorted(rows) == [item.row_id for item in catalog.scan()]


def test_replaced_and_deleted_items_are_found_by_what_they_are_now(catalog):
    catalog.upsert_many([NewItem("ball", "t", payload={"price": 4}, text_code=b"tt")])
    catalog.delete_many(["book"])
    assert found(catalog, {"field": "price", "in": [3, 4, 12.5]}) == {"ball"}
    assert found(catalog, {"field": "tags", "exists": True}) == {"lamp"}


def test_texts_longer_than_any_of_a_filter_keep_their_place(catalog):
    longest = "x" * MAX_CHARS
    catalog.upsert_many([NewItem("long", "t", payload={"s": longest + "y", "k" * 300: 1}, text_code=b"tt")])
    assert found(catalog, {"field": "s", "eq": longest}) == set()
    assert found(catalog, {"field": "s", "gt": longest}) == {"long"}
    assert found(catalog, {"field": "s", "lt": "y"}) == {"long"}


keys = st.sampled_from(["a", "b", "a.b", "\\", "", "é"])
scalars = (
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, -1, 1.5, 2**53 + 1, 10**300])
    | st.sampled_from(["", "a", "b", "1", "\0", "é", "\U0001f600", "\ud83d"])
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8)
fields = st.lists(keys, min_size=1, max_size=3).map(path_of)
words = st.lists(st.sampled_from(["gt", "gte", "lt", "lte"]), min_size=1, max_size=2, unique=True)
numbers, texts = st.sampled_from([-1.0, 0.0, 1.0, 1.5, 1e300]), st.sampled_from(["", "a", "b", "\U0001f600"])
scalar_values = scalars.map(lambda value: float(value) if type(value) is int else value)


@st.composite
def ranges(draw: st.DrawFn) -> Within:
    chosen, bounds = draw(words), draw(st.sampled_from([numbers, texts]))
    return Within(draw(fields), tuple((word, draw(bounds)) for word in chosen))


conditions = (
    st.builds(Exists, fields) | ranges() | st.builds(OneOf, fields, st.lists(scalar_values, min_size=1, max_size=3).map(tuple))
)
expressions: st.SearchStrategy[Expression] = st.recursive(
    conditions,
    lambda inner: (
        st.builds(Not, inner)
        | st.lists(inner, min_size=1, max_size=3).map(tuple).flatmap(lambda p: st.sampled_from([AllOf(p), AnyOf(p)]))
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def kept_open(tmp_path_factory) -> Iterator[SqlCatalog]:
    with closing(opened(tmp_path_factory.mktemp("kept"))) as catalog:
        yield catalog


@given(
    payloads=st.lists(st.dictionaries(keys, values, max_size=4), max_size=5), asked=st.lists(expressions, min_size=1, max_size=4)
)
def test_sql_finds_what_the_plain_evaluation_finds(kept_open, payloads, asked):
    kept_open.delete_many([item.item_id for item in kept_open.scan()])
    fake = FakeCatalog("one")
    batch = [NewItem(str(number), "t", payload=payload, text_code=b"tt") for number, payload in enumerate(payloads)]
    pairs = zip(kept_open.upsert_many(batch), fake.upsert_many(batch), strict=True)
    row_of = {expected.row_id: answer.row_id for answer, expected in pairs}
    for expression in asked:
        assert kept_open.matching(expression) == [row_of[row] for row in fake.matching(expression)]


def test_leaves_go_with_their_items(tmp_path):
    with closing(opened(tmp_path)) as catalog:
        catalog.upsert_many([NewItem("a", "t", payload={"x": [1, 1, {"y": 2}]}, text_code=b"tt")])
        assert count_leaves(tmp_path) == len(leaves_of({"x": [1, 1, {"y": 2}]})) == 4
        catalog.delete_many(["a"])
    assert count_leaves(tmp_path) == 0


def test_a_condition_is_answered_by_the_index_alone(tmp_path):
    with closing(opened(tmp_path)), closing(sqlite3.connect(tmp_path / "catalog.sqlite3")) as connection:
        query = "SELECT row_id FROM payload_leaves WHERE path = x'61' AND kind = 'number' AND text = x'' AND number > 1"
        plan = str(connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall())
    assert "COVERING INDEX ix_payload_leaves_value (path=? AND kind=? AND text=? AND number>?)" in plan


def count_leaves(folder) -> int:
    with closing(sqlite3.connect(folder / "catalog.sqlite3")) as connection:
        return int(connection.execute("SELECT count(*) FROM payload_leaves").fetchone()[0])


@pytest.fixture
def older(tmp_path):
    """A catalogue as it was before there were filters."""
    with closing(opened(tmp_path)) as catalog:
        catalog.upsert_many([NewItem(str(n), "t", payload={"n": n}, text_code=b"tt") for n in range(1_200)])
    execute(tmp_path, "DROP TABLE payload_leaves", *TO_SCHEMA_2, "UPDATE meta SET schema_version = 1")
    return tmp_path


def execute(folder, *statements):
    with closing(sqlite3.connect(folder / "catalog.sqlite3")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_an_older_catalogue_is_upgraded_in_place(older):
    for _ in range(2):
        with closing(opened(older)) as catalog:
            assert len(catalog.matching(parse_filter({"field": "n", "gte": 600}))) == 600
            assert (catalog.count(), catalog.revision) == (1_200, 1)


def test_an_upgrade_that_fails_leaves_the_older_catalogue_as_it_was(older):
    execute(older, "UPDATE items SET payload = '[' WHERE item_id = '1100'")
    with pytest.raises(CatalogError, match="damaged"):
        opened(older)
    execute(older, "UPDATE items SET payload = '{\"n\": 1100}' WHERE item_id = '1100'")
    with closing(opened(older)) as catalog:
        assert len(catalog.matching(parse_filter({"field": "n", "exists": True}))) == 1_200


def test_another_bundles_older_catalogue_is_not_touched(older):
    with pytest.raises(BundleMismatch):
        opened(older, "two")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        count_leaves(older)
