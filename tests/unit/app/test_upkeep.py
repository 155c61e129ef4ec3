import pytest

from app.catalog.base import NewItem
from app.media import MediaStore
from app.pools import Pool
from app.snapshots import SnapshotFile
from app.upkeep import Upkeep
from app.writer import ItemWriter
from tests.fakes import FakeCatalog, FakeCodeIndex

pytestmark = pytest.mark.anyio


class Bench:
    def __init__(self, folder):
        self.now_s, self.hours = 0.0, []
        self.file = SnapshotFile(folder / "s")
        indexes = {"image": FakeCodeIndex(8), "text": FakeCodeIndex(8)}
        self.writer = ItemWriter(catalog=FakeCatalog("b"), indexes=indexes, media=MediaStore(folder / "m"), snapshot=self.file)
        self.pool = Pool("writing", n_threads=1, max_waiting=1)
        self.upkeep = Upkeep(
            writer=self.writer,
            writer_pool=self.pool,
            every_changes=3,
            every_s=10.0,
            hourly=lambda: self.hours.append(self.now_s),
            clock=lambda: self.now_s,
        )

    def write(self, *names):
        self.writer.write([NewItem(name, "t", text_code=b"c") for name in names], {})


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.pool.close()


async def test_a_snapshot_is_taken_after_so_many_changes(bench):
    bench.write("a", "b")
    assert not await bench.upkeep.look()
    bench.write("c")
    assert await bench.upkeep.look()
    assert bench.file.read().n_items == 3
    assert not await bench.upkeep.look()


async def test_a_snapshot_is_taken_after_so_long_if_anything_has_changed(bench):
    bench.now_s = 11.0
    assert not await bench.upkeep.look()
    bench.write("a")
    assert await bench.upkeep.look()


async def test_one_that_fails_is_not_tried_at_every_look(bench):
    bench.file.path.mkdir()
    (bench.file.path / "x").write_text("")
    bench.write("a", "b", "c")
    assert [await bench.upkeep.look() for _ in range(2)] == [False, False]
    (bench.file.path / "x").unlink()
    bench.file.path.rmdir()
    assert not await bench.upkeep.look()
    bench.now_s = 11.0
    assert await bench.upkeep.look()


async def test_the_last_one_is_taken_at_the_end(bench):
    bench.write("a")
    await bench.upkeep.finish()
    assert bench.file.read().n_items == 1


async def test_what_is_due_every_hour_is_done_at_the_start_and_then_every_hour(bench):
    for bench.now_s in (0.0, 10.0, 3599.0, 3600.0, 3601.0, 9000.0):
        await bench.upkeep.look()
    assert bench.hours == [0.0, 3600.0, 9000.0]
