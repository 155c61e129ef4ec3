"""Bulk jobs in SQL.

Decides what a step changes. Does not know how jobs are worked on.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict

import sqlalchemy as sa

from app.catalog.sql_database import SqlDatabase
from app.catalog.sql_tables import job_failures, jobs
from app.job_records import UNFINISHED, Job, JobFailure, JobState, JobStep

_COLUMNS = [column for column in jobs.c if column.name != "number"]


class SqlJobs(SqlDatabase):
    """The part of a catalogue that reads and changes jobs; see :class:`app.job_store.Jobs`."""

    def job(self, job_id: str) -> Job | None:
        """Looks a job up.

        Args:
            job_id: Which.

        Returns:
            The job, or None if there is none.
        """
        with self._reader() as connection:
            row = connection.execute(sa.select(*_COLUMNS).where(jobs.c.job_id == job_id)).mappings().one_or_none()
        return None if row is None else Job(**row)

    def jobs(self, states: Collection[JobState] | None = None, limit: int = 100) -> list[Job]:
        """Lists jobs, the newest first.

        Args:
            states: Only jobs in one of these; None for all.
            limit: At most so many.

        Returns:
            The jobs.
        """
        query = sa.select(*_COLUMNS).order_by(jobs.c.number.desc()).limit(limit)
        query = query if states is None else query.where(jobs.c.state.in_(states))
        with self._reader() as connection:
            return [Job(**row) for row in connection.execute(query).mappings()]

    def change_job(self, job_id: str, **changes: str | int | None) -> bool:
        """Changes a job that is not finished.

        Args:
            job_id: Which.
            **changes: New values by attribute.

        Returns:
            Whether there is such a job that was not finished.
        """
        unfinished = sa.and_(jobs.c.job_id == job_id, jobs.c.state.in_(UNFINISHED))
        with self._writer() as connection:
            return connection.execute(sa.update(jobs).where(unfinished).values(**changes)).rowcount == 1

    def forget_jobs(self, before_s: int) -> int:
        """Deletes old jobs with what is told of their items.

        Args:
            before_s: Seconds since 1970; jobs that ended before are deleted.

        Returns:
            How many were deleted.
        """
        old = sa.and_(jobs.c.ended_at_s < before_s, jobs.c.state.not_in(UNFINISHED))
        with self._writer() as connection:
            of_old = sa.select(jobs.c.job_id).where(old)
            connection.execute(sa.delete(job_failures).where(job_failures.c.job_id.in_(of_old)))
            return connection.execute(sa.delete(jobs).where(old)).rowcount

    def failures(self, job_id: str, after_line: int = 0, limit: int = 100) -> list[JobFailure]:
        """Lists items that failed.

        Args:
            job_id: Of which job.
            after_line: Only behind this line.
            limit: At most so many.

        Returns:
            Failures by line.
        """
        columns = [column for column in job_failures.c if column.name != "job_id"]
        query = sa.select(*columns).where(job_failures.c.job_id == job_id, job_failures.c.line > after_line)
        with self._reader() as connection:
            return [JobFailure(**row) for row in connection.execute(query.order_by(job_failures.c.line).limit(limit)).mappings()]


def write_step(connection: sa.Connection, step: JobStep) -> None:
    """Writes what a batch adds to its job.

    Args:
        connection: In the transaction that writes the batch.
        step: What it adds.
    """
    counts = {
        "n_added": jobs.c.n_added + step.n_added,
        "n_replaced": jobs.c.n_replaced + step.n_replaced,
        "n_failed": jobs.c.n_failed + len(step.failures),
    }
    connection.execute(sa.update(jobs).where(jobs.c.job_id == step.job_id).values(line=step.line, offset=step.offset, **counts))
    if step.failures:
        connection.execute(sa.insert(job_failures), [{"job_id": step.job_id, **asdict(one)} for one in step.failures])
