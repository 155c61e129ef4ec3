import json

import numpy as np
import pytest

from app.catalog.base import NewItem
from app.media import MediaStore
from app.snapshots import Snapshot, SnapshotFile, current
from app.writer import ItemWriter
from model.errors import CatalogError, SnapshotUnusable
from tests.fakes import FakeCatalog, FakeCodeIndex

BUNDLE = "b"


class Bench:
    """A writer with a snapshot, started as often as wanted over the same catalogue; counts the rows a start reads."""

    def __init__(self, folder):
        self.folder, self.catalog, self.rows_read = folder, FakeCatalog(BUNDLE), 0
        self.file = SnapshotFile(folder / "index.snapshot")
        self.start()

    def start(self):
        self.indexes = {"image": FakeCodeIndex(8), "text": FakeCodeIndex(8)}
        scan = self.catalog.scan
        catalog = Counting(self.catalog, scan)
        media = MediaStore(self.folder / "media")
        self.writer = ItemWriter(catalog=catalog, indexes=self.indexes, media=media, snapshot=self.file)
        self.writer.rebuild()
        self.rows_read = catalog.rows_read

    def write(self, *names):
        self.writer.write([item(name) for name in names], {})

    def held(self):
        return {name: {row: code.tolist() for row, code in index.codes.items()} for name, index in self.indexes.items()}

    def agrees(self):
        """Tells whether the indexes hold what the catalogue says, code by code."""
        live = list(self.catalog.scan())
        expected = {name: {one.row_id: list(one.code(name)) for one in live if one.code(name)} for name in self.indexes}
        return self.held() == expected and self.writer.state() == (len(live), True)


class Counting:
    def __init__(self, catalog, scan):
        self._catalog, self._scan, self.rows_read = catalog, scan, 0

    def __getattr__(self, name):
        return getattr(self._catalog, name)

    def scan(self, after_row_id=0):
        for one in self._scan(after_row_id):
            self.rows_read += 1
            yield one


def item(name):
    code = bytes([sum(name.encode()) % 256])
    return NewItem(name, "text", None, {}, code if "i" not in name else None, None if "t" in name else code)


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    bench.write("t1", "i2", "3", "t4", "i5")
    assert bench.writer.take_snapshot()
    return bench


def test_a_start_reads_nothing_that_the_snapshot_has(bench):
    bench.start()
    assert (bench.rows_read, bench.agrees()) == (0, True)


def test_a_start_reads_only_what_is_newer_and_leaves_out_what_is_gone(bench):
    bench.write("new", "3")
    bench.writer.delete(["t1"])
    bench.start()
    assert (bench.rows_read, bench.agrees()) == (2, True)


def test_a_start_finds_all_deleted(bench):
    for name in ("t1", "i2", "3", "t4", "i5"):
        bench.writer.delete([name])
    bench.start()
    assert (bench.rows_read, bench.agrees()) == (0, True)


def test_a_snapshot_is_not_written_again_when_nothing_has_changed(bench):
    assert not bench.writer.take_snapshot()
    bench.start()
    assert not bench.writer.take_snapshot()
    bench.write("more")
    assert bench.writer.take_snapshot()


def test_a_snapshot_of_nothing_is_a_snapshot(tmp_path):
    file = SnapshotFile(tmp_path / "s")
    none = np.empty(0, np.int64), np.empty((0, 2), np.uint8)
    file.write(Snapshot(BUNDLE, 16, 0, 0, {"image": none, "text": none}))
    assert (file.read().n_items, file.read().last_row_id) == (0, 0)


def test_whatever_byte_is_damaged_the_snapshot_is_refused_and_the_index_rebuilt(bench, caplog):
    good = bench.file.path.read_bytes()
    for at in range(len(good)):
        bench.file.path.write_bytes(good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :])
        with pytest.raises(SnapshotUnusable, match="damaged"):
            bench.file.read()
    bench.start()
    assert (bench.rows_read, bench.agrees()) == (5, True)
    assert "its snapshot cannot be used: it is damaged" in caplog.text


def test_whatever_is_cut_off_or_added_the_snapshot_is_refused(bench):
    good = bench.file.path.read_bytes()
    for content in [*(good[:length] for length in range(len(good))), good + b"\0"]:
        bench.file.path.write_bytes(content)
        with pytest.raises(SnapshotUnusable, match="damaged"):
            bench.file.read()


def test_a_damaged_snapshot_is_replaced_by_a_good_one(bench):
    bench.file.path.write_bytes(b"damaged")
    bench.start()
    assert bench.writer.take_snapshot()
    bench.start()
    assert (bench.rows_read, bench.agrees()) == (0, True)


def test_a_half_written_file_is_passed_over(bench):
    (bench.folder / "index.snapshot.abc.tmp").write_bytes(b"half")
    bench.start()
    assert (bench.rows_read, bench.agrees()) == (0, True)
    assert [path.name for path in bench.file.leftovers()] == ["index.snapshot.abc.tmp"]


def test_a_snapshot_that_is_no_file_is_passed_over_and_cannot_be_written(bench, caplog):
    bench.file.path.unlink()
    (bench.file.path / "full").mkdir(parents=True)
    bench.start()
    assert (bench.rows_read, bench.agrees()) == (5, True)
    assert not bench.writer.take_snapshot()
    assert "no snapshot of the index was taken" in caplog.text
    assert bench.file.leftovers() == []


def changed(bench, **facts):
    snapshot = bench.file.read()
    fields = {name: getattr(snapshot, name) for name in ("bundle_id", "n_bits", "revision", "n_items", "codes")}
    bench.file.write(Snapshot(**(fields | facts)))


@pytest.mark.parametrize(
    ("facts", "reason"),
    [({"bundle_id": "other"}, "bundle other"), ({"revision": 99}, "revision 99"), ({"n_items": 5}, None)],
)
def test_a_snapshot_of_something_else_is_ignored_with_a_log_line(bench, caplog, facts, reason):
    changed(bench, **facts)
    bench.start()
    assert (bench.rows_read, bench.agrees()) == (5 if reason else 0, True)
    assert (reason or "") in caplog.text


@pytest.mark.parametrize("turn", ["a row is missing", "a code differs"])
def test_a_snapshot_that_contradicts_the_catalogue_is_ignored(bench, caplog, turn):
    codes = dict(bench.file.read().codes)
    rows, packed = codes["text"]
    codes["text"] = (rows[1:], packed[1:]) if turn == "a row is missing" else (rows, packed ^ np.uint8(1))
    changed(bench, codes=codes)
    with pytest.raises(SnapshotUnusable):
        current(bench.file.read(), bench.catalog, n_bits=8)
    bench.start()
    assert (bench.rows_read, bench.agrees()) == (5, True)


def test_a_snapshot_of_another_code_length_is_ignored(bench):
    with pytest.raises(SnapshotUnusable, match="8 bits"):
        current(bench.file.read(), bench.catalog, n_bits=16)


def test_the_file_says_in_plain_json_what_it_holds(bench):
    head = json.loads(bench.file.path.read_bytes().split(b"\n")[1])
    assert head == {"bundle_id": BUNDLE, "n_bits": 8, "revision": 1, "n_items": 5, "n_codes": {"image": 3, "text": 3}}


def test_a_snapshot_can_be_discarded_twice(bench):
    bench.file.discard()
    bench.file.discard()
    with pytest.raises(SnapshotUnusable, match="there is none"):
        bench.file.read()
    assert issubclass(SnapshotUnusable, CatalogError)
