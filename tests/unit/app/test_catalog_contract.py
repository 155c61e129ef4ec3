"""What every catalogue keeps, and the fake as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog import open_catalog
from app.catalog.base import Catalog, ImageFile, Item, NewItem
from app.job_records import Job, JobFailure, JobStep
from app.records import N_NAMED, Alike, KeptAnswer
from tests.fakes import FakeCatalog

PICTURE = ImageFile("ab" * 32, "image/png", 640, 480)


def _fake(folder: Path) -> Catalog:
    return FakeCatalog("bundle one")


def _sqlite(folder: Path) -> Catalog:
    return open_catalog(f"sqlite:///{folder / 'catalog.sqlite3'}", bundle_id="bundle one", n_bits=16)


@pytest.fixture(params=[_sqlite, _fake], ids=["sqlite", "fake"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    make: Callable[[Path], Catalog] = request.param
    catalog = make(tmp_path)
    yield catalog
    catalog.close()


def new_item(item_id: str, text: str | None = "a text", image: ImageFile | None = None) -> NewItem:
    return NewItem(item_id, text, image, {"from": item_id}, b"tt" if text else None, b"ii" if image else None)


def as_item(new: NewItem, row_id: int) -> Item:
    return Item(new.item_id, new.text, new.image, new.payload, new.text_code, new.image_code, row_id)


def test_a_new_catalogue_is_empty(catalog: Catalog) -> None:
    assert (catalog.bundle_id, catalog.count(), list(catalog.scan())) == ("bundle one", 0, [])
    assert catalog.get_many(["a"]) == [None]
    assert catalog.get_rows([1]) == [None]


def test_items_come_back_as_they_were_written(catalog: Catalog) -> None:
    payload = {"ä": [1, 2.5, None, {"deep": True}], "big": 2**80, "": "\0 \U0001f600"}
    written = [
        NewItem("both", "ein Text\n\0 \U0001f600", PICTURE, payload, b"\0\xff", b"ab"),
        new_item("text only"),
        NewItem("image only", None, PICTURE, {}, None, b"cd"),
    ]
    rows = [answer.row_id for answer in catalog.upsert_many(written)]
    expected = [as_item(new, row) for new, row in zip(written, rows, strict=True)]
    assert catalog.get_many([new.item_id for new in written]) == expected
    assert catalog.get_rows(rows) == expected
    assert list(catalog.scan()) == expected


def test_answers_come_in_the_order_asked(catalog: Catalog) -> None:
    [one, two] = [answer.row_id for answer in catalog.upsert_many([new_item("one"), new_item("two")])]
    ids = [item and item.item_id for item in catalog.get_many(["two", "no", "one", "two"])]
    assert ids == ["two", None, "one", "two"]
    assert [item and item.item_id for item in catalog.get_rows([two, 999, one, two])] == ["two", None, "one", "two"]


def test_a_replaced_item_gets_a_new_row_and_is_told(catalog: Catalog) -> None:
    old = new_item("a", "old", PICTURE)
    [first] = catalog.upsert_many([old])
    [second] = catalog.upsert_many([new_item("a", "new")])
    assert first.replaced is None
    assert second.replaced == as_item(old, first.row_id)
    assert second.row_id > first.row_id
    assert catalog.get_rows([first.row_id]) == [None]
    assert (catalog.count(), catalog.images_among([PICTURE.sha256])) == (1, set())


def test_of_two_with_the_same_id_in_one_batch_the_later_stays(catalog: Catalog) -> None:
    batch = [new_item("a", "1"), new_item("b"), new_item("a", "2"), new_item("a", "3")]
    answers = catalog.upsert_many(batch)
    assert [answer.replaced for answer in answers] == [
        None,
        None,
        as_item(batch[0], answers[0].row_id),
        as_item(batch[2], answers[2].row_id),
    ]
    assert list(catalog.scan()) == [as_item(batch[1], answers[1].row_id), as_item(batch[3], answers[3].row_id)]


def test_a_row_id_is_never_given_twice(catalog: Catalog) -> None:
    [first] = catalog.upsert_many([new_item("a")])
    catalog.delete_many(["a"])
    [second] = catalog.upsert_many([new_item("a")])
    assert second.row_id > first.row_id
    assert second.replaced is None


def test_deleting_tells_what_was_deleted(catalog: Catalog) -> None:
    [answer] = catalog.upsert_many([new_item("a")])
    assert catalog.delete_many(["no", "a", "a"]) == [None, as_item(new_item("a"), answer.row_id), None]
    assert catalog.count() == 0


def test_the_revision_grows_with_writes_only(catalog: Catalog) -> None:
    seen = [catalog.revision]
    for write in (
        lambda: catalog.upsert_many([new_item("a"), new_item("b")]),
        lambda: catalog.upsert_many([new_item("a")]),
        lambda: catalog.delete_many(["a"]),
    ):
        write()
        seen.append(catalog.revision)
    assert seen == sorted(set(seen))
    catalog.upsert_many([])
    catalog.delete_many(["a", "no"])
    catalog.get_many(["b"])
    assert catalog.revision == seen[-1]


def test_a_scan_begins_after_the_row_given(catalog: Catalog) -> None:
    rows = [answer.row_id for answer in catalog.upsert_many([new_item(str(number)) for number in range(10)])]
    assert [item.row_id for item in catalog.scan(rows[6])] == rows[7:]
    assert list(catalog.scan(rows[-1])) == []


def test_thousands_of_items_and_ids_are_no_matter(catalog: Catalog) -> None:
    n_items = 1_100
    rows = [answer.row_id for answer in catalog.upsert_many([new_item(str(number)) for number in range(n_items)])]
    assert rows == sorted(set(rows))
    ids = [str(number) for number in range(33_000)]
    assert [item is not None for item in catalog.get_many(ids)] == [number < n_items for number in range(33_000)]
    assert [item.row_id for item in catalog.scan()] == rows
    assert [item is not None for item in catalog.get_rows([*rows, *range(10**9, 10**9 + 100)])] == [True] * n_items + [False] * 100
    assert sum(answer.replaced is not None for answer in catalog.upsert_many([new_item(id_) for id_ in ids[:1_500]])) == n_items
    assert sum(item is not None for item in catalog.delete_many(ids)) == 1_500


def test_a_picture_is_known_while_an_item_refers_to_it(catalog: Catalog) -> None:
    catalog.upsert_many([new_item("a", image=PICTURE), new_item("b", image=PICTURE)])
    known = [catalog.images_among([PICTURE.sha256])]
    for item_id in ("a", "b"):
        catalog.delete_many([item_id])
        known.append(catalog.images_among([PICTURE.sha256]))
    assert known == [{PICTURE.sha256}, {PICTURE.sha256}, set()]


def test_of_many_pictures_those_are_known_that_items_refer_to(catalog: Catalog) -> None:
    digests = [f"{number:064x}" for number in range(1_200)]
    catalog.upsert_many([new_item(digest, image=replace(PICTURE, sha256=digest)) for digest in digests[::3]])
    assert catalog.images_among(digests) == set(digests[::3])
    assert catalog.images_among([]) == set()


def test_rows_and_pictures_are_listed_in_order(catalog: Catalog) -> None:
    pictures = [ImageFile(digits * 32, "image/png", 1, 1) for digits in ("cd", "ab", "cd")]
    rows = [
        answer.row_id
        for answer in catalog.upsert_many([*(new_item(str(n), "t", image) for n, image in enumerate(pictures)), new_item("bare")])
    ]
    catalog.delete_many(["1"])
    assert catalog.row_ids(rows[2]).tolist() == [rows[0], rows[2]]
    assert catalog.row_ids(0).tolist() == []
    assert list(catalog.images()) == ["cd" * 32]
    assert catalog.damage() == []


def kept(name: str, body: str = "", kept_at_s: int = 0) -> KeptAnswer:
    return KeptAnswer(name, "digest", 200, body, kept_at_s)


def test_records_are_kept_with_a_write_and_the_last_of_a_name_stays(catalog: Catalog) -> None:
    catalog.upsert_many([new_item("a")], lambda answers: [kept("one", str(len(answers))), kept("two")])
    catalog.delete_many(["a", "b"], lambda deleted: [kept("one", str([item is None for item in deleted]))])
    revision = catalog.revision
    catalog.upsert_many([], lambda _: [kept("three")])
    assert catalog.answer("one") == kept("one", "[False, True]")
    assert (catalog.answer("two"), catalog.answer("three"), catalog.answer("four")) == (kept("two"), kept("three"), None)
    assert catalog.revision == revision


def test_old_answers_are_forgotten(catalog: Catalog) -> None:
    catalog.upsert_many([], lambda _: [kept(str(second), kept_at_s=second) for second in range(5)])
    assert catalog.forget_answers(3) == 3
    assert [catalog.answer(str(second)) is None for second in range(5)] == [True, True, True, False, False]


def test_jobs_are_kept_and_listed_the_newest_first(catalog: Catalog) -> None:
    jobs = [Job(name, "waiting", manifest, number) for number, (name, manifest) in enumerate([("a", "m"), ("b", None), ("c", "n")])]
    for job in jobs:
        catalog.add_job(job)
    assert catalog.change_job("b", state="failed", error="no", ended_at_s=7)
    assert catalog.jobs() == [jobs[2], replace(jobs[1], state="failed", error="no", ended_at_s=7), jobs[0]]
    assert [job.job_id for job in catalog.jobs(("waiting", "running"), 1)] == ["c"]
    assert (catalog.job("a"), catalog.job("nobody")) == (jobs[0], None)


def test_jobs_that_ended_long_ago_are_forgotten_with_their_failures(catalog: Catalog) -> None:
    for name in ("old", "new", "open"):
        catalog.add_job(Job(name, "running", None, 0))
        step = JobStep(name, 1, 1, 0, 0, [JobFailure(1, None, "/problems/x", "no")])
        catalog.upsert_many([new_item(name)], lambda _, step=step: [step])
    assert catalog.change_job("old", state="done", ended_at_s=4)
    assert catalog.change_job("new", state="failed", ended_at_s=5)
    assert catalog.forget_jobs(5) == 1
    assert [job.job_id for job in catalog.jobs()] == ["open", "new"]
    assert [len(catalog.failures(name)) for name in ("old", "new", "open")] == [0, 1, 1]


def test_a_job_that_is_over_does_not_change(catalog: Catalog) -> None:
    catalog.add_job(Job("a", "running", None, 0))
    assert [catalog.change_job("a", state="done"), catalog.change_job("a", state="cancelled")] == [True, False]
    assert not catalog.change_job("nobody", state="done")
    assert [job.state for job in catalog.jobs()] == ["done"]


def test_steps_add_up_and_their_failures_are_listed_by_line(catalog: Catalog) -> None:
    catalog.add_job(Job("a", "running", "m", 0))
    catalog.add_job(Job("b", "running", "m", 0))
    failures = [JobFailure(line, None if line == 2 else f"i{line}", "/problems/x", "why") for line in (1, 2, 5)]
    catalog.upsert_many([new_item("i")], lambda _: [JobStep("a", 3, 30, 1, 0, failures[:2])])
    catalog.upsert_many([], lambda _: [JobStep("a", 6, 60, 2, 1, failures[2:])])
    counted = Job("a", "running", "m", 0, n_added=3, n_replaced=1, n_failed=3, line=6, offset=60)
    assert (catalog.job("a"), catalog.job("b")) == (counted, Job("b", "running", "m", 0))
    assert (catalog.failures("a"), catalog.failures("a", 1, 1), catalog.failures("b")) == (failures, failures[1:2], [])


def test_items_that_are_alike_are_told_and_listed(catalog: Catalog) -> None:
    other = ImageFile("cd" * 32, "image/png", 1, 1)
    batch = [new_item("a", "t", PICTURE), new_item("b", "t", other), new_item("c", None, PICTURE), new_item("d", "u")]
    answers = catalog.upsert_many(batch)
    assert [answer.same_image for answer in answers] == [("c",), (), ("a",), ()]
    assert [answer.same_text for answer in answers] == [("b",), ("a",), (), ()]
    assert catalog.alike("image", "", 9) == [Alike(PICTURE.sha256, 2, ("a", "c"))]
    assert catalog.alike("image", PICTURE.sha256, 9) == []
    [text] = catalog.alike("text", "", 9)
    catalog.delete_many(["a"])
    assert (text.item_ids, catalog.alike("text", "", 9)) == (("a", "b"), [])


def test_groups_come_by_digest_and_name_the_first_few(catalog: Catalog) -> None:
    catalog.upsert_many([new_item(f"{text}{number:02}", text) for number in range(15) for text in "abc"])
    groups = catalog.alike("text", "", 9)
    assert [group.sha256 for group in groups] == sorted(group.sha256 for group in groups)
    assert [(group.n_items, len(group.item_ids)) for group in groups] == [(15, N_NAMED)] * 3
    assert catalog.alike("text", groups[0].sha256, 1) == groups[1:2]


def test_what_was_read_may_be_changed_without_changing_the_catalogue(catalog: Catalog) -> None:
    catalog.upsert_many([new_item("a")])
    [item] = catalog.get_many(["a"])
    assert item is not None
    item.payload["more"] = 1
    assert catalog.get_many(["a"])[0] != item


def test_several_threads_write_and_read(catalog: Catalog) -> None:
    def write(writer: int) -> list[int]:
        batches = ([new_item(f"{writer} {number}"), new_item("shared", f"{writer} {number}")] for number in range(25))
        return [answer.row_id for batch in batches for answer in catalog.upsert_many(batch)]

    def read(_: int) -> int:
        for _ in range(25):
            items = list(catalog.scan())
            assert [item.row_id for item in items] == sorted({item.row_id for item in items})
        return catalog.count()

    before = catalog.revision
    with ThreadPoolExecutor(4) as pool:
        reading = pool.map(read, range(2))
        rows = [row for writer in pool.map(write, range(2)) for row in writer]
        assert max(reading) <= 51
    assert len(set(rows)) == 100
    assert (catalog.count(), catalog.revision - before) == (51, 50)


texts = st.text(max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def kept_open(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with closing(_sqlite(tmp_path_factory.mktemp("kept"))) as catalog:
        yield catalog


@given(item_id=texts, text=texts | st.none(), payload=st.dictionaries(texts, json_values, max_size=4))
def test_any_text_and_payload_survive_sqlite(
    kept_open: Catalog, item_id: str, text: str | None, payload: dict[str, object]
) -> None:
    new = NewItem(item_id, text, None, payload, b"tt", None)
    [answer] = kept_open.upsert_many([new])
    [item] = kept_open.get_rows([answer.row_id])
    assert item is not None
    assert asdict(item) == {**asdict(new), "row_id": answer.row_id}
