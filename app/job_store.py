"""The part of a catalogue that holds bulk jobs.

Decides what may be asked of it. Does not know SQL, HTTP or how a job is worked on.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from app.job_records import Job, JobFailure, JobState
from app.records import Seal, no_records


class Jobs(Protocol):
    """The part of a catalogue that holds jobs."""

    def add_job(self, job: Job, seal: Seal[Job] = no_records) -> None:
        """Writes down a new job.

        Args:
            job: With a name that no other has.
            seal: Makes the records that are kept with it.
        """
        ...

    def job(self, job_id: str) -> Job | None:
        """Looks a job up.

        Args:
            job_id: Which.

        Returns:
            The job, or None if there is none.
        """
        ...

    def jobs(self, states: Collection[JobState] | None = None, limit: int = 100) -> list[Job]:
        """Lists jobs, the newest first.

        Args:
            states: Only jobs in one of these; None for all.
            limit: At most so many.

        Returns:
            The jobs.
        """
        ...

    def change_job(self, job_id: str, **changes: str | int | None) -> bool:
        """Changes a job that is not finished.

        Args:
            job_id: Which.
            **changes: New values by attribute.

        Returns:
            Whether there is such a job that was not finished.
        """
        ...

    def forget_jobs(self, before_s: int) -> int:
        """Deletes old jobs with what is told of their items.

        Args:
            before_s: Seconds since 1970; jobs that ended before are deleted.

        Returns:
            How many were deleted.
        """
        ...

    def failures(self, job_id: str, after_line: int = 0, limit: int = 100) -> list[JobFailure]:
        """Lists items that failed.

        Args:
            job_id: Of which job.
            after_line: Only behind this line.
            limit: At most so many.

        Returns:
            Failures by line.
        """
        ...
