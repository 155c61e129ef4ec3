"""Bulk jobs: one worker that indexes manifests, batch after batch, beside what requests ask for.

Decides what is tried again, what fails a job as a whole, and when a job is done. Each batch's step is written in the transaction of
its items, so that a job that was interrupted by a crash goes on behind its last written batch and counts nothing twice. Only
one is under way and its forward passes are small, so that a search waits behind at most one of a job. Does not know HTTP.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Sequence

from app.errors import problem_of
from app.indexing import Indexing, Outcome
from app.job_files import JobFiles
from app.job_manifest import Batch, ManifestFile
from app.job_pace import Pace
from app.job_records import UNFINISHED, Job, JobFailure, JobStep
from app.job_store import Jobs
from app.pools import Pool
from app.records import Seal, no_records
from model.errors import CatalogError, CodeError, HashingError, InputError, JobEnded, JobFailed, Overloaded, UnknownJob

_log = logging.getLogger(__name__)
_MAX_BYTES = 32 * 1024 * 1024  # pictures of a batch
_N_TRIES = 6
_MAX_DETAIL = 500  # characters


class JobWorker:
    """Takes jobs and works on them, the oldest first.

    Args:
        store: Where jobs are written down.
        files: Their files.
        indexing: Writes items.
        read_pool: Runs reads of the catalogue.
        writer_pool: Runs writes of the catalogue; one thread.
        max_unfinished: Jobs that may be waiting or running.
        pause_s: Seconds before something is tried again; doubled each time.
        clock: Tells the time in seconds.
    """

    def __init__(
        self,
        *,
        store: Jobs,
        files: JobFiles,
        indexing: Indexing,
        read_pool: Pool,
        writer_pool: Pool,
        max_unfinished: int,
        pause_s: float = 0.5,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self.files = files
        self._indexing = indexing
        self._read_pool = read_pool
        self._writer_pool = writer_pool
        self._max_unfinished = max_unfinished
        self._pause_s = pause_s
        self._clock = clock
        self._there_is_work = asyncio.Event()

    async def check_room(self) -> None:
        """Refuses a further job if there are too many.

        Raises:
            Overloaded: If so.
        """
        if len(await self._read_pool.run(self._store.jobs, UNFINISHED, self._max_unfinished)) >= self._max_unfinished:
            raise Overloaded(f"{self._max_unfinished} jobs are waiting already", retry_after_s=60)

    async def add(self, manifest: str | None, job_id: str | None = None, seal: Seal[Job] = no_records) -> Job:
        """Takes a job; it is written down when this returns.

        Args:
            manifest: Path in the server's folder, or None if an archive was uploaded.
            job_id: The name under which it was uploaded, or None for a new one.
            seal: Makes the records that are kept with it.

        Returns:
            The job.

        Raises:
            Overloaded: If there are too many.
        """
        await self.check_room()
        job = Job(job_id or new_job_id(), "waiting", manifest, int(time.time()))
        await self._writer_pool.run(self._store.add_job, job, seal)
        self._there_is_work.set()
        return job

    async def get(self, job_id: str) -> Job:
        """Looks a job up.

        Args:
            job_id: Which.

        Returns:
            The job.

        Raises:
            UnknownJob: If there is none.
        """
        job = await self._read_pool.run(self._store.job, job_id)
        if job is None:
            raise UnknownJob(f"there is no job {job_id!r}")
        return job

    async def cancel(self, job_id: str) -> Job:
        """Ends a job: what it has written stays, and a batch that is under way is still written.

        Args:
            job_id: Which.

        Returns:
            The job.

        Raises:
            UnknownJob: If there is none.
            JobEnded: If it is over already.
        """
        job = await self.get(job_id)
        if not await self._end(job, state="cancelled"):
            raise JobEnded(f"the job {job_id} is over: it is {(await self.get(job_id)).state}")
        return await self.get(job_id)

    async def run(self) -> None:
        """Works until it is cancelled; jobs that were interrupted come first."""
        while True:
            self._there_is_work.clear()
            try:
                worked = await self.work()
            except HashingError:
                _log.warning("bulk jobs have to wait", exc_info=True)
                await asyncio.sleep(self._pause_s)
                continue
            if not worked:
                await self._there_is_work.wait()

    async def work(self) -> bool:
        """Works on the oldest job to its end.

        Returns:
            Whether there was one.

        Raises:
            CatalogError: If not even the job's state can be read or written.
            Overloaded: If too much is waiting.
        """
        unfinished = await self._read_pool.run(self._store.jobs, UNFINISHED, 10_000)
        if not unfinished:
            return False
        job = unfinished[-1]
        try:
            done = await self._index(job)
            if done:
                await self._end(job, state="done")
        except (InputError, CodeError) as error:
            await self._end(job, state="failed", error=str(error)[:_MAX_DETAIL])
        await asyncio.to_thread(self.files.forget, job.job_id)
        return True

    async def _index(self, job: Job) -> bool:
        """Indexes what is left of a job; returns whether it came to its end."""
        started_at_s = job.started_at_s or int(time.time())
        await self._change(job, state="running", started_at_s=started_at_s)
        manifest = await asyncio.to_thread(self.files.manifest, job)
        sha256, n_asked = await asyncio.to_thread(manifest.measure)
        if job.manifest_sha256 not in (None, sha256):
            raise JobFailed("the manifest has changed since the job began")
        await self._change(job, manifest_sha256=sha256, n_asked=n_asked)
        line, offset, pace = job.line, job.offset, Pace()
        while (await self.get(job.job_id)).state == "running":
            began_s = self._clock()
            batch = await self._read(manifest, line, offset, pace.n_items)
            if not batch.n_items:
                return True
            await self._write(job, batch)
            line, offset = batch.line, batch.offset
            pace.took(self._clock() - began_s)
        return False

    async def _read(self, manifest: ManifestFile, line: int, offset: int, n_items: int) -> Batch:
        max_items = min(n_items, self._indexing.max_items)
        return await asyncio.to_thread(manifest.read, line, offset, max_items=max_items, max_bytes=_MAX_BYTES)

    async def _write(self, job: Job, batch: Batch) -> None:
        """Writes a batch and its step; what the service cannot do right now is tried again."""

        def seal(outcomes: list[Outcome]) -> list[JobStep]:
            return [_step(job, batch, outcomes)]

        n_failed = 0
        while True:
            try:
                await self._indexing.index(batch.raw_items, batch.files, seal)
                return
            except Overloaded:
                await asyncio.sleep(self._pause_s)
            except CatalogError as error:
                n_failed += 1
                if n_failed == _N_TRIES:
                    raise JobFailed(f"line {batch.line}: the catalogue could not be written {_N_TRIES} times") from error
                _log.warning("a batch of job %s is tried again", job.job_id, exc_info=True)
                await asyncio.sleep(self._pause_s * 2**n_failed)

    async def _change(self, job: Job, **changes: str | int | None) -> bool:
        return await self._writer_pool.run(self._store.change_job, job.job_id, **changes)

    async def _end(self, job: Job, **changes: str) -> bool:
        ended = await self._change(job, ended_at_s=int(time.time()), **changes)
        if ended:
            _log.info("job %s is %s", job.job_id, changes["state"])
        return ended


def new_job_id() -> str:
    """Returns a name that no other job has."""
    return uuid.uuid4().hex


def _step(job: Job, batch: Batch, outcomes: Sequence[Outcome]) -> JobStep:
    failed = list(batch.failed)
    for line, outcome in zip(batch.lines, outcomes, strict=True):
        if outcome.error is not None:
            failed.append((line, outcome.item_id, outcome.error))
    counts = {status: sum(one.status == status for one in outcomes) for status in ("added", "replaced")}
    failures = [_failure(*one) for one in sorted(failed, key=lambda one: one[0])]
    return JobStep(job.job_id, batch.line, batch.offset, counts["added"], counts["replaced"], failures)


def _failure(line: int, item_id: str | None, error: HashingError) -> JobFailure:
    told = problem_of(error)
    return JobFailure(line, None if item_id is None else _storable(item_id), told["type"], _storable(told["detail"]))


def _storable(text: str) -> str:
    """Returns text that every database takes."""
    return text[:_MAX_DETAIL].encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
