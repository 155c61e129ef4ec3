"""The catalogue on SQLite files: reopening, rollback, other bundles, damage."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.catalog.base import ImageFile, NewItem
from app.catalog.sql import SqlCatalog
from app.catalog.sql_tables import open_engine
from app.records import KeptAnswer
from model.errors import BundleMismatch, CatalogError, CodeError, InvalidRequest
from tests.builders import TO_SCHEMA_2

GOOD = NewItem("good", "a text", ImageFile("ab" * 32, "image/png", 1, 2), {}, b"tt", b"ii")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.sqlite3"


def opened(path: Path, bundle_id: str = "one", n_bits: int = 16) -> SqlCatalog:
    return SqlCatalog(f"sqlite:///{path}", bundle_id=bundle_id, n_bits=n_bits)


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture
def catalog(path: Path) -> Iterator[SqlCatalog]:
    with closing(opened(path)) as catalog:
        yield catalog


def test_reopening_finds_everything_and_counts_on(catalog: SqlCatalog, path: Path) -> None:
    catalog.upsert_many([GOOD, NewItem("last", "t", text_code=b"tt")])
    catalog.delete_many(["last"])
    before, revision = list(catalog.scan()), catalog.revision
    catalog.close()
    with closing(opened(path)) as again:
        assert (list(again.scan()), again.revision) == (before, revision)
        assert again.upsert_many([GOOD])[0].row_id > 2  # the row of a deleted last item is not given again


def test_a_write_is_seen_by_another_process_at_once(catalog: SqlCatalog, path: Path) -> None:
    with closing(opened(path)) as other:
        catalog.upsert_many([GOOD])
        assert other.get_many(["good"]) == catalog.get_many(["good"])
        other.delete_many(["good"])
        assert (catalog.count(), catalog.revision) == (0, 2)


def test_commits_wait_for_the_disk(path: Path) -> None:
    engine = open_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    engine.dispose()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}  # 2 is FULL


@pytest.mark.parametrize("moment", ["INSERT ON items WHEN NEW", "DELETE ON items WHEN OLD"])
def test_a_batch_that_fails_in_the_middle_leaves_nothing_behind(catalog: SqlCatalog, path: Path, moment: str) -> None:
    catalog.upsert_many([GOOD, NewItem("bad", "t")])
    before, revision = list(catalog.scan()), catalog.revision
    execute(path, f"CREATE TRIGGER fire BEFORE {moment}.item_id = 'bad' BEGIN SELECT RAISE(ABORT, 'disk on fire'); END")
    with pytest.raises(CatalogError, match="disk on fire"):
        catalog.upsert_many([NewItem("good", "changed"), NewItem("new", "t"), NewItem("bad", "t")])
    assert (list(catalog.scan()), catalog.revision) == (before, revision)
    assert catalog.upsert_many([NewItem("good", "changed")])[0].replaced == before[0]


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (NewItem("bad", "t", text_code=b"ttt"), CodeError),
        (NewItem("bad", image_code=b""), CodeError),
        (NewItem("bad", "half a pair \ud83d"), InvalidRequest),
        (NewItem("bad \udc00"), InvalidRequest),
        (NewItem("bad", payload={"a": [float("nan")]}), InvalidRequest),
    ],
    ids=["long code", "no code", "text", "id", "payload"],
)
def test_what_cannot_be_stored_is_refused_and_nothing_written(catalog: SqlCatalog, bad: NewItem, error: type[Exception]) -> None:
    with pytest.raises(error):
        catalog.upsert_many([GOOD, bad])
    assert (catalog.count(), catalog.revision) == (0, 0)


def test_another_bundle_is_refused_in_one_clear_line(catalog: SqlCatalog, path: Path) -> None:
    with pytest.raises(BundleMismatch) as caught:
        opened(path, "two")
    [line] = str(caught.value).splitlines()
    assert "bundle one" in line
    assert "bundle two" in line
    assert "--data-dir" in line
    with pytest.raises(BundleMismatch, match="32 bits"):
        opened(path, n_bits=32)


def test_another_schema_version_is_refused(catalog: SqlCatalog, path: Path) -> None:
    execute(path, "UPDATE meta SET schema_version = 99")
    with pytest.raises(CatalogError, match="schema version 99"):
        opened(path)


def test_a_catalogue_of_before_there_were_digests_is_upgraded(catalog: SqlCatalog, path: Path) -> None:
    catalog.upsert_many([NewItem(str(number), f"t{number // 2}", text_code=b"tt") for number in range(1_200)] + [GOOD])
    groups, before = catalog.alike("text", "", 1_000), list(catalog.scan())
    catalog.close()
    execute(path, *TO_SCHEMA_2)
    for _ in range(2):
        with closing(opened(path)) as upgraded:
            assert (len(groups), upgraded.alike("text", "", 1_000), list(upgraded.scan())) == (600, groups, before)
            assert upgraded.answer("none") is None


def test_an_answer_is_kept_only_if_the_write_is(catalog: SqlCatalog, path: Path) -> None:
    execute(path, "CREATE TRIGGER fire BEFORE INSERT ON answers BEGIN SELECT RAISE(ABORT, 'disk on fire'); END")
    with pytest.raises(CatalogError, match="disk on fire"):
        catalog.upsert_many([GOOD], lambda _: [KeptAnswer("n", "d", 200, "", 0)])
    assert (catalog.count(), catalog.revision, catalog.answer("n")) == (0, 0, None)


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(path: Path) -> None:
    path.write_bytes(b"a shopping list\n" * 100)
    with pytest.raises(CatalogError, match="not a database"):
        opened(path)
    assert path.read_bytes() == b"a shopping list\n" * 100


@pytest.mark.parametrize(
    "tables",
    [["CREATE TABLE songs (title)"], ["CREATE TABLE items (x)", "CREATE TABLE meta (y)"], ["CREATE TABLE items (x)"]],
    ids=["other tables", "other columns", "half"],
)
def test_a_database_of_something_else_is_refused(path: Path, tables: list[str]) -> None:
    execute(path, *tables)
    with pytest.raises(CatalogError):
        opened(path)


def test_a_catalogue_without_its_meta_row_is_refused(catalog: SqlCatalog, path: Path) -> None:
    execute(path, "DELETE FROM meta")
    with pytest.raises(CatalogError):
        opened(path)


def test_a_file_cut_short_is_a_catalog_error(catalog: SqlCatalog, path: Path) -> None:
    catalog.upsert_many([NewItem(str(number), "t" * 1000) for number in range(500)])
    catalog.close()
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.raises(CatalogError), closing(opened(path)) as damaged:
        list(damaged.scan())


def test_a_damaged_payload_is_a_catalog_error(catalog: SqlCatalog, path: Path) -> None:
    catalog.upsert_many([GOOD])
    execute(path, "UPDATE items SET payload = '{'")
    with pytest.raises(CatalogError, match="damaged"):
        catalog.get_many(["good"])


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////no/such/folder/catalog.sqlite3",
        "sqlite://",
        "sqlite:///:memory:",
        "nonsense",
        "nosuchdb://x",
        "postgresql+asyncpg9://x",
    ],
)
def test_an_address_that_cannot_be_used_is_a_catalog_error(url: str) -> None:
    with pytest.raises(CatalogError):
        SqlCatalog(url, bundle_id="one", n_bits=16)


def test_a_copy_holds_the_last_commit_and_a_place_that_is_none_is_told(catalog: SqlCatalog, path: Path) -> None:
    catalog.upsert_many([GOOD])
    copy = path.parent / "copy.sqlite3"
    catalog.copy_to(copy)
    catalog.delete_many(["good"])
    with closing(opened(copy)) as copied:
        assert ([item.item_id for item in copied.scan()], copied.revision) == (["good"], 1)
    with pytest.raises(CatalogError, match="unable to open"):
        catalog.copy_to(path.parent / "no" / "copy.sqlite3")


def test_damage_is_told(catalog: SqlCatalog, path: Path) -> None:
    catalog.upsert_many([NewItem(str(number), "t" * 3000) for number in range(100)])
    assert catalog.damage() == []
    execute(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[-4096 * 3 :] = bytes(4096 * 3)
    catalog.close()
    path.write_bytes(content)
    with closing(opened(path)) as damaged:
        assert damaged.damage() != []


def test_numbers_and_texts_no_database_can_hold_are_catalog_errors(catalog: SqlCatalog) -> None:
    with pytest.raises(CatalogError):
        catalog.get_rows([2**70])
    with pytest.raises(CatalogError):
        catalog.get_many(["\ud83d"])


def test_a_code_length_that_is_no_multiple_of_8_is_refused(path: Path) -> None:
    with pytest.raises(CodeError):
        opened(path, n_bits=12)
    assert not path.exists()
