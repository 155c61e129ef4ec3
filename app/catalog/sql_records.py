"""What is kept with items and jobs, in SQL: answers that are given again, and the steps of jobs.

Decides when one takes another's place. Does not know which requests they answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import sqlalchemy as sa

from app.catalog.sql_jobs import SqlJobs, write_step
from app.catalog.sql_tables import answers, jobs
from app.job_records import Job, JobStep
from app.records import KeptAnswer, Record, Seal, no_records


class SqlRecords(SqlJobs):
    """The part of a catalogue that holds records; see :class:`app.records.Records`."""

    def answer(self, name: str) -> KeptAnswer | None:
        """Looks an answer up.

        Args:
            name: Which request.

        Returns:
            The answer, or None if none is kept.
        """
        with self._reader() as connection:
            row = connection.execute(sa.select(answers).where(answers.c.name == name)).mappings().one_or_none()
        return None if row is None else KeptAnswer(**row)

    def add_job(self, job: Job, seal: Seal[Job] = no_records) -> None:
        """Writes down a new job.

        Args:
            job: With a name that no other has.
            seal: Makes the records that are kept with it.
        """
        with self._writer() as connection:
            connection.execute(sa.insert(jobs).values(**asdict(job)))
            self._write_records(connection, seal([job]))

    def forget_answers(self, before_s: int) -> int:
        """Deletes old answers.

        Args:
            before_s: Seconds since 1970; what was kept before is deleted.

        Returns:
            How many were deleted.
        """
        with self._writer() as connection:
            return connection.execute(sa.delete(answers).where(answers.c.kept_at_s < before_s)).rowcount

    @staticmethod
    def _write_records(connection: sa.Connection, records: Sequence[Record]) -> None:
        """Writes records in the transaction of what they are about; one of a name takes the place of the last."""
        for record in records:
            if isinstance(record, JobStep):
                write_step(connection, record)
                continue
            connection.execute(sa.delete(answers).where(answers.c.name == record.name))
            columns = {column.name: getattr(record, column.name) for column in answers.c}
            connection.execute(sa.insert(answers).values(**columns))
