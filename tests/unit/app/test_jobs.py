import asyncio
from dataclasses import replace
from itertools import count

import pytest

from app.assembly import start_services
from app.job_files import JobFiles
from app.job_pace import Pace
from app.jobs import JobWorker
from model.errors import CatalogError, JobEnded, Overloaded, UnknownJob
from tests.builders import fake_parts, picture, settings_for
from tests.fakes import FakeCatalog
from tests.job_fixtures import manifest, write

pytestmark = pytest.mark.anyio


class Tired(FakeCatalog):
    """Fails writes of items so many times, or once after so many batches."""

    n_tired, die_after = 0, None

    def __init__(self, bundle_id):
        super().__init__(bundle_id)
        self.batches = []

    def upsert_many(self, items, seal=None):
        self.batches.append(len(items))
        if self.die_after == 0:
            self.die_after = None
            raise asyncio.CancelledError
        if self.die_after is not None:
            self.die_after -= 1
        if self.n_tired:
            self.n_tired -= 1
            raise CatalogError("too tired")
        return super().upsert_many(items, seal)


class Bench:
    """A worker over fakes and a folder of manifests."""

    def __init__(self, folder):
        self.bulk, self.catalog = folder / "bulk", Tired("fake-bundle")
        self.bulk.mkdir()
        self.settings = settings_for(folder, max_text_chars=100, bulk_folder=self.bulk)
        self.services = start_services(fake_parts(folder, catalog=self.catalog), self.settings)
        self.worker = self.made()

    def made(self, max_unfinished=3, clock=None):
        """Returns a worker to whom every batch seems slow, so that none is larger than the first, unless a clock says otherwise."""
        files = JobFiles(self.settings.data_dir / "jobs", self.bulk, 100_000, 50_000)
        pools = {"read_pool": self.services.read_pool, "writer_pool": self.services.writer_pool}
        return JobWorker(
            store=self.catalog,
            files=files,
            indexing=self.services.indexing,
            max_unfinished=max_unfinished,
            pause_s=0.0,
            clock=clock or count(0, 2).__next__,
            **pools,
        )

    async def add(self, *items, name="m.jsonl"):
        write(self.bulk, {name: manifest(*items)})
        return await self.worker.add(name)

    async def done(self, job):
        while await self.worker.work():
            pass
        return await self.worker.get(job.job_id)


@pytest.fixture
async def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    for pool in bench.services.pools:
        pool.close()


def counts(job):
    return job.n_asked, job.n_added, job.n_replaced, job.n_failed


def texts(n, start=0):
    return [{"id": f"i{number}", "text": f"word{number}"} for number in range(start, start + n)]


async def test_what_was_asked_is_what_was_added_replaced_and_failed(bench):
    write(bench.bulk, {"good.png": picture("cat"), "bad.png": b"no picture"})
    items = [*texts(40), {"id": "i0", "text": "again"}, "nonsense", {"id": "p", "image": "good.png"}]
    job = await bench.done(await bench.add(*items, {"id": "b", "image": "bad.png"}, {"id": "e", "text": " "}, {"text": "x"}))
    assert (job.state, counts(job)) == ("done", (46, 41, 1, 4))
    assert bench.catalog.count() == 41
    assert [(one.line, one.item_id, one.type) for one in bench.catalog.failures(job.job_id)] == [
        (42, None, "/problems/invalid-request"),
        (44, "b", "/problems/undecodable-image"),
        (45, "e", "/problems/empty-text"),
        (46, None, "/problems/invalid-request"),
    ]


async def test_jobs_are_worked_on_in_the_order_of_their_coming(bench):
    first, second = await bench.add(*texts(1)), await bench.add(*texts(1, 1), name="n.jsonl")
    assert await bench.worker.work()
    assert [(await bench.worker.get(job.job_id)).state for job in (first, second)] == ["done", "waiting"]
    assert (await bench.done(second)).state == "done"
    assert not await bench.worker.work()


async def test_an_empty_manifest_is_done_at_once(bench):
    job = await bench.done(await bench.add())
    assert (job.state, counts(job)) == ("done", (0, 0, 0, 0))


async def test_a_job_that_was_interrupted_goes_on_behind_its_last_batch(bench):
    job = await bench.add(*texts(100), "nonsense")
    bench.catalog.die_after = 2
    with pytest.raises(asyncio.CancelledError):
        await bench.worker.work()
    halfway = await bench.worker.get(job.job_id)
    assert (halfway.state, halfway.n_added) == ("running", 64)
    bench.worker = bench.made()  # as after a restart
    assert counts(await bench.done(job)) == (101, 100, 0, 1)  # none of them counted as replaced


async def test_batches_grow_as_long_as_they_are_quick(bench):
    bench.worker = bench.made(clock=lambda: 0.0)
    job = await bench.add(*texts(1500))
    assert (await bench.done(job)).n_added == 1500
    assert bench.catalog.batches == [32, 64, 128, 256, 512, 508]


def test_the_pace_slackens_where_batches_are_slow():
    pace = Pace()
    sizes = []
    for seconds in (0.1, 0.1, 0.5, 1.5, 1.5, 1.5):
        pace.took(seconds)
        sizes.append(pace.n_items)
    assert sizes == [64, 128, 128, 64, 32, 32]


async def test_a_manifest_that_changes_under_a_job_fails_it(bench):
    job = await bench.add(*texts(100))
    bench.catalog.die_after = 1
    with pytest.raises(asyncio.CancelledError):
        await bench.worker.work()
    write(bench.bulk, {"m.jsonl": manifest(*texts(50))})
    ended = await bench.done(job)
    assert (ended.state, ended.error) == ("failed", "the manifest has changed since the job began")


async def test_what_the_catalogue_refuses_is_tried_again(bench):
    job = await bench.add(*texts(3))
    bench.catalog.n_tired = 5
    assert counts(await bench.done(job)) == (3, 3, 0, 0)


async def test_a_catalogue_that_refuses_for_long_fails_the_job(bench):
    job = await bench.add(*texts(3))
    bench.catalog.n_tired = 6
    ended = await bench.done(job)
    assert (ended.state, counts(ended)) == ("failed", (3, 0, 0, 0))
    assert "could not be written" in ended.error


async def test_a_manifest_that_is_gone_fails_the_job(bench):
    job = await bench.add(*texts(1))
    (bench.bulk / "m.jsonl").unlink()
    ended = await bench.done(job)
    assert (ended.state, "no file 'm.jsonl'" in ended.error) == ("failed", True)


async def test_a_cancelled_job_writes_no_more(bench):
    job = await bench.add(*texts(3))
    assert (await bench.worker.cancel(job.job_id)).state == "cancelled"
    assert not await bench.worker.work()
    assert bench.catalog.count() == 0
    with pytest.raises(JobEnded, match="cancelled"):
        await bench.worker.cancel(job.job_id)


async def test_a_job_that_is_cancelled_at_work_stops_after_its_batch(bench):
    job = await bench.add(*texts(100))
    bench.catalog.die_after = 1
    with pytest.raises(asyncio.CancelledError):
        await bench.worker.work()
    await bench.worker.cancel(job.job_id)
    ended = await bench.done(job)
    assert (ended.state, counts(ended)) == ("cancelled", (100, 32, 0, 0))


async def test_an_unknown_job_is_told(bench):
    for ask in (bench.worker.get, bench.worker.cancel):
        with pytest.raises(UnknownJob):
            await ask("nobody")


async def test_only_so_many_jobs_may_wait(bench):
    for _ in range(3):
        await bench.add(*texts(1))
    with pytest.raises(Overloaded, match="3 jobs"):
        await bench.add(*texts(1))


async def test_ids_that_no_database_takes_do_not_stop_a_job(bench):
    job = await bench.done(await bench.add('{"id": "\\ud800 \\u0000", "text": "x"}', {"id": "a", "text": "x"}))
    assert counts(job) == (2, 1, 0, 1)
    assert bench.catalog.failures(job.job_id)[0].item_id == "? \N{REPLACEMENT CHARACTER}"


async def test_the_upkeep_forgets_jobs_that_ended_long_ago(bench):
    old, new = [await bench.done(await bench.add(*texts(1), name=name)) for name in ("m.jsonl", "n.jsonl")]
    for job, hours in ((old, 7 * 24 + 1), (new, 7 * 24 - 1)):
        bench.catalog._jobs[job.job_id] = replace(job, ended_at_s=job.ended_at_s - 3600 * hours)
    await bench.services.upkeep.look()
    assert bench.catalog.jobs() == [bench.catalog.job(new.job_id)]
    with pytest.raises(UnknownJob):
        await bench.worker.get(old.job_id)


async def test_a_service_without_a_folder_fails_jobs_of_manifests(bench):
    job = await bench.add(*texts(1))
    bench.worker.files = replace(bench.worker.files, bulk_folder=None)
    assert (await bench.done(job)).error == "the server reads no manifests any more"
