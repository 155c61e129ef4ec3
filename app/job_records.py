"""What the catalogue keeps of bulk jobs, so that one goes on after a crash where its last written batch ended.

Decides what a job's state consists of. Does not know SQL, HTTP or how a job is worked on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

JobState: TypeAlias = Literal["waiting", "running", "done", "cancelled", "failed"]
UNFINISHED: tuple[JobState, ...] = ("waiting", "running")


@dataclass(frozen=True, slots=True)
class Job:
    """A bulk job; when it is done, what was asked is what was added, replaced and failed.

    Attributes:
        job_id: Its name.
        state: Where it stands.
        manifest: Path of the manifest in the server's folder; None if an archive was uploaded.
        created_at_s: Seconds since 1970.
        started_at_s: When work on it began, or None.
        ended_at_s: When it was done, cancelled or had failed, or None.
        manifest_sha256: Digest of the manifest, or None as long as it has not been read.
        n_asked: Items in the manifest, or None as long as it has not been read.
        n_added: Items written that are new.
        n_replaced: Items written in the place of others.
        n_failed: Items that could not be written.
        line: Lines of the manifest that are behind.
        offset: Bytes of the manifest that are behind.
        error: Why the job as a whole has failed, or None.
    """

    job_id: str
    state: JobState
    manifest: str | None
    created_at_s: int
    started_at_s: int | None = None
    ended_at_s: int | None = None
    manifest_sha256: str | None = None
    n_asked: int | None = None
    n_added: int = 0
    n_replaced: int = 0
    n_failed: int = 0
    line: int = 0
    offset: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class JobFailure:
    """Why one item of a job was not written.

    Attributes:
        line: Line of the manifest, from 1.
        item_id: As it stands there, or None if there is no usable one.
        type: Problem type, ``/problems/…``.
        detail: In plain words.
    """

    line: int
    item_id: str | None
    type: str
    detail: str


@dataclass(frozen=True, slots=True)
class JobStep:
    """What one batch adds to a job; written in the transaction of its items.

    Attributes:
        job_id: Which job.
        line: Lines that are behind now.
        offset: Bytes that are behind now.
        n_added: More items added.
        n_replaced: More items replaced.
        failures: More items that failed.
    """

    job_id: str
    line: int
    offset: int
    n_added: int
    n_replaced: int
    failures: Sequence[JobFailure]
