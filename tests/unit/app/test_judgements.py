"""What catalogues keep of judgements, and the fake as well."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from app.catalog import open_catalog, open_other_codes
from app.catalog.base import Catalog, NewItem, Reencoded
from app.catalog.sql import SqlCatalog
from app.data_dir import sqlite_url
from app.judgements import Judged, KeptCalibration, NewJudgement, Tally
from app.records import KeptAnswer
from model.errors import BundleMismatch, CodeError, InvalidRequest, Overloaded
from tests.builders import TO_SCHEMA_4
from tests.fakes import FakeCatalog

ITEMS = [
    NewItem("both", "t", text_code=b"\x00\x0f", image_code=b"\xff\xff"),
    NewItem("words", "t", text_code=b"\x01\x00"),
    NewItem("more", "t", text_code=b"\x00\x00"),
]
SAID = NewJudgement(b"\x00\x00", "text", "both", "image", relevant=True)
MOST = 100


def sqlite(folder: Path, bundle_id: str = "bundle one") -> Catalog:
    return open_catalog(sqlite_url(folder / "c.sqlite3"), bundle_id=bundle_id, n_bits=16)


@pytest.fixture(params=["sqlite", "fake"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    catalog: Catalog = sqlite(tmp_path) if request.param == "sqlite" else FakeCatalog("bundle one")
    catalog.upsert_many(ITEMS)
    yield catalog
    catalog.close()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Catalog]:
    with closing(sqlite(tmp_path)) as catalog:
        catalog.upsert_many(ITEMS)
        catalog.judge([SAID], 5, MOST)
        yield catalog


def test_the_distance_is_that_of_the_codes(catalog: Catalog) -> None:
    said = [SAID, replace(SAID, target="text"), replace(SAID, query_code=b"\x0f\x00", item_id="words", target="text")]
    assert catalog.judge(said, 5, MOST) == [Judged("added", 16), Judged("added", 4), Judged("added", 3)]
    [first, *_] = catalog.judgements()
    assert (first.bundle_id, first.query_code, first.modality, first.item_id, first.target) == (
        "bundle one",
        b"\0\0",
        "text",
        "both",
        "image",
    )
    assert (first.distance, first.relevant, first.note, first.judged_at_s) == (16, True, None, 5)


def test_of_a_query_an_item_and_a_target_the_last_word_counts(catalog: Catalog) -> None:
    catalog.judge([SAID], 5, MOST)
    again = replace(SAID, relevant=False, note="no bus in it")
    others = [replace(SAID, query_code=b"\0\1"), replace(SAID, modality="image"), replace(SAID, target="text")]
    assert [one.fate for one in catalog.judge([again, again, *others], 6, MOST)] == [
        "replaced",
        "replaced",
        "added",
        "added",
        "added",
    ]
    [last] = [one for one in catalog.judgements() if (one.query_code, one.modality, one.target) == (b"\0\0", "text", "image")]
    assert (last.relevant, last.note, last.judged_at_s) == (False, "no bus in it", 6)


def test_what_is_no_hit_is_not_kept(catalog: Catalog) -> None:
    said = [replace(SAID, item_id="nobody"), replace(SAID, item_id="words"), SAID]
    assert catalog.judge(said, 5, MOST) == [Judged("unknown"), Judged("uncoded"), Judged("added", 16)]
    assert len(catalog.judgements()) == 1


def test_records_are_kept_with_judgements_and_with_their_deletion(catalog: Catalog) -> None:
    catalog.judge([SAID, SAID], 5, MOST, lambda judged: [KeptAnswer("one", "d", 200, str([each.fate for each in judged]), 0)])
    catalog.forget_judgements(seal=lambda n_gone: [KeptAnswer("two", "d", 200, str(n_gone), 0)])
    answers = [catalog.answer(name) for name in ("one", "two")]
    assert [answer and answer.body for answer in answers] == ["['added', 'replaced']", "[1]"]


def test_no_more_than_allowed_are_kept_and_then_none_of_the_call(catalog: Catalog) -> None:
    catalog.judge([SAID], 5, 2)
    with pytest.raises(InvalidRequest, match="BITLENS_MAX_JUDGEMENTS"):
        catalog.judge([replace(SAID, modality="image"), replace(SAID, target="text")], 5, 2)
    assert len(catalog.judgements()) == 1
    assert catalog.judge([replace(SAID, relevant=False)], 6, 1) == [Judged("replaced", 16)]


def test_judgements_are_counted_and_read_by_direction(catalog: Catalog) -> None:
    said = [SAID, replace(SAID, query_code=b"\0\1", relevant=False), replace(SAID, item_id="words", target="text")]
    catalog.judge([*said, replace(said[2], item_id="more", relevant=False)], 5, MOST)
    assert catalog.tallies() == {("text", "image"): Tally(2, 1), ("text", "text"): Tally(2, 1)}
    hits = catalog.judged_hits()
    pictures, words = hits["text", "image"], hits["text", "text"]
    assert (pictures.distances.tolist(), pictures.relevant.tolist()) == ([16, 15], [True, False])
    assert (words.distances.tolist(), words.relevant.tolist()) == ([1, 0], [True, False])
    assert [hits.n_queries for hits in (pictures, words)] == [2, 1]
    assert [len(set(hits.items.tolist())) for hits in (pictures, words)] == [1, 2]


def test_a_deleted_item_leaves_what_calibration_needs_and_no_name(catalog: Catalog) -> None:
    catalog.judge([replace(SAID, note="his dog")], 5, MOST)
    before = catalog.judged_hits()["text", "image"]
    catalog.delete_many(["both"])
    [left] = catalog.judgements()
    assert (left.item_id, left.note, left.distance, left.relevant) == (None, None, 16, True)
    assert catalog.judged_hits()["text", "image"].items.tolist() == before.items.tolist()
    catalog.upsert_many(ITEMS[:1])
    assert catalog.judge([SAID], 6, MOST) == [Judged("added", 16)]


def test_judgements_are_forgotten_by_item_by_query_or_all(catalog: Catalog) -> None:
    catalog.judge([SAID, replace(SAID, target="text"), replace(SAID, item_id="words", target="text")], 5, MOST)
    catalog.judge([replace(SAID, query_code=b"\0\1")], 5, MOST)
    assert catalog.forget_judgements(item_id="words") == 1
    assert catalog.forget_judgements(query_code=b"\0\1") == 1
    assert [one.item_id for one in catalog.judgements()] == ["both", "both"]
    assert (catalog.forget_judgements(item_id="words"), catalog.forget_judgements()) == (0, 2)
    assert catalog.judgements() == []


def test_judgements_are_listed_page_by_page(catalog: Catalog) -> None:
    catalog.judge([replace(SAID, query_code=bytes([0, number])) for number in range(5)], 5, MOST)
    first = catalog.judgements(limit=3)
    rest = catalog.judgements(first[-1].number, 3)
    assert [one.query_code[1] for one in (*first, *rest)] == [0, 1, 2, 3, 4]


def test_the_revision_is_that_of_the_items(catalog: Catalog) -> None:
    before = catalog.revision
    catalog.judge([SAID], 5, MOST)
    catalog.keep_calibration(b"{}", 7)
    assert catalog.revision == before


def test_one_calibration_is_kept_and_each_change_has_a_number(catalog: Catalog) -> None:
    assert (catalog.kept_calibration(), catalog.calibration_number()) == (None, 0)
    seen = set()
    for second in (7, 8):
        catalog.keep_calibration(b"{%d}" % second, second)
        assert catalog.kept_calibration() == KeptCalibration(b"{%d}" % second, second)
        seen.add(catalog.calibration_number())
    catalog.keep_calibration(None, 9)
    assert (catalog.kept_calibration(), catalog.calibration_number()) == (None, 0)
    catalog.keep_calibration(b"{}", 9)
    assert len(seen | {0, catalog.calibration_number()}) == 4


def test_a_code_of_another_length_is_refused(kept: Catalog) -> None:
    with pytest.raises(CodeError, match="2 bytes"):
        kept.judge([SAID, replace(SAID, query_code=b"\0")], 5, MOST)


def test_a_catalogue_of_before_there_were_judgements_is_upgraded(kept: Catalog, tmp_path: Path) -> None:
    items = list(kept.scan())
    kept.close()
    with closing(sqlite3.connect(tmp_path / "c.sqlite3")) as connection, connection:
        for statement in TO_SCHEMA_4:
            connection.execute(statement)
    for n_before in (0, 1):
        with closing(sqlite(tmp_path)) as upgraded:
            assert (list(upgraded.scan()), len(upgraded.judgements())) == (items, n_before)
            upgraded.judge([SAID], 5, MOST)
            assert upgraded.kept_calibration() is None


def test_judgements_stay_with_the_bundle_of_their_distances(kept: Catalog, tmp_path: Path) -> None:
    kept.keep_calibration(b"{}", 6)
    codes = open_other_codes(sqlite_url(tmp_path / "c.sqlite3"), other_id="bundle two", other_bits=16, folder="/two")
    codes.put([Reencoded(item.row_id, b"\0\0", item.image_code and b"\0\0") for item in kept.scan()])
    assert codes.exchange()
    codes.close()
    for refused in (lambda: kept.judge([SAID], 7, MOST), lambda: kept.keep_calibration(b"{}", 7)):
        with pytest.raises(Overloaded):
            refused()
    with closing(sqlite(tmp_path, "bundle two")) as new:
        assert (new.tallies(), new.judged_hits(), new.kept_calibration(), len(new.judgements())) == ({}, {}, None, 1)
        assert new.judge([SAID], 7, MOST) == [Judged("added", 0)]
        assert new.tallies() == {("text", "image"): Tally(1, 1)}


def test_what_was_acknowledged_is_there_after_the_catalogue_is_opened_again(kept: Catalog, tmp_path: Path) -> None:
    listed = kept.judgements()
    with closing(sqlite(tmp_path)) as again:
        assert again.judgements() == listed
    with pytest.raises(BundleMismatch):
        SqlCatalog(sqlite_url(tmp_path / "c.sqlite3"), bundle_id="bundle two", n_bits=16)
