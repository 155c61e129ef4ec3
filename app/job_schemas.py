"""The shapes of bulk jobs, with examples for OpenAPI.

Decides field names. Does not know how jobs are worked on.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from app.job_records import Job, JobFailure, JobState
from app.thing_schemas import Strict, example

JOB_IN: dict[str, Any] = {"manifest": "spring/manifest.jsonl"}
JOB_OUT: dict[str, Any] = {
    "id": "0b8f6a3e5c1d4f7a9e2b6c8d0f1a3b5c",
    "state": "done",
    "manifest": "spring/manifest.jsonl",
    "n_asked": 1000,
    "n_added": 990,
    "n_replaced": 8,
    "n_failed": 2,
    "n_left": 0,
    "error": None,
    "created_at_s": 1764000000,
    "started_at_s": 1764000001,
    "ended_at_s": 1764000099,
    "failures": [
        {"line": 17, "id": "beach-8", "type": "/problems/undecodable-image", "detail": "the image is damaged or incomplete"}
    ],
}


class JobIn(Strict):
    """A job that reads a manifest in the server's folder."""

    model_config = example(JOB_IN)

    manifest: str = Field(description="Path of a JSON Lines file in the server's folder.", min_length=1, max_length=1024)


class FailureOut(BaseModel):
    """Why one item of a job was not written."""

    line: int = Field(description="Line of the manifest, from 1.")
    id: str | None
    type: str
    detail: str


class JobOut(BaseModel):
    """A bulk job. When it is done, `n_asked` is `n_added` + `n_replaced` + `n_failed`."""

    model_config = example(JOB_OUT)

    id: str
    state: JobState
    manifest: str | None = Field(description="Path in the server's folder; null if an archive was uploaded.")
    n_asked: int | None = Field(description="Items in the manifest; null as long as it has not been read.")
    n_added: int
    n_replaced: int
    n_failed: int
    n_left: int | None = Field(description="Items that have not been tried.")
    error: str | None = Field(description="Why the job as a whole has failed.")
    created_at_s: int = Field(description="Seconds since 1970.")
    started_at_s: int | None
    ended_at_s: int | None
    failures: list[FailureOut] = Field([], description="The first few items that failed; all are at `…/failures`.")


class JobsOut(BaseModel):
    """The newest jobs."""

    model_config = example({"jobs": [{**JOB_OUT, "failures": []}]})

    jobs: list[JobOut]


def failure_out(failure: JobFailure) -> FailureOut:
    """Describes a failure.

    Args:
        failure: As the catalogue holds it.

    Returns:
        The failure.
    """
    return FailureOut(line=failure.line, id=failure.item_id, type=failure.type, detail=failure.detail)


def job_out(job: Job, failures: list[JobFailure]) -> JobOut:
    """Describes a job.

    Args:
        job: As the catalogue holds it.
        failures: Some of its failures.

    Returns:
        The job.
    """
    n_tried = job.n_added + job.n_replaced + job.n_failed
    return JobOut(
        id=job.job_id,
        state=job.state,
        manifest=job.manifest,
        n_asked=job.n_asked,
        n_added=job.n_added,
        n_replaced=job.n_replaced,
        n_failed=job.n_failed,
        n_left=None if job.n_asked is None else job.n_asked - n_tried,
        error=job.error,
        created_at_s=job.created_at_s,
        started_at_s=job.started_at_s,
        ended_at_s=job.ended_at_s,
        failures=[failure_out(failure) for failure in failures],
    )
