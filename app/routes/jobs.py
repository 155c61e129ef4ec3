"""``POST /index/jobs`` and everything under ``/index/jobs/{id}``.

Decides how bulk jobs are sent and told of over HTTP. Does not know how they are worked on.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from app.deps import IdempotencyDep, RequestKey, Services, ServicesDep
from app.errors import problem_responses
from app.idempotency import Answer, Keep
from app.job_records import Job
from app.job_schemas import JOB_IN, JobIn, JobOut, JobsOut, failure_out, job_out
from app.jobs import new_job_id
from app.routes.guarded import GuardedRoute, needs
from app.routes.item_answers import once
from app.thing_schemas import read_as
from model.errors import (
    CatalogError,
    IdempotencyKeyReused,
    InvalidRequest,
    JobEnded,
    Overloaded,
    RequestInProgress,
    UnknownJob,
    UnsupportedMediaType,
)

router = APIRouter(prefix="/index/jobs", tags=["jobs"], route_class=GuardedRoute)

_PACKED = ("application/gzip", "application/x-gzip", "application/x-bzip2", "application/x-xz")
_ARCHIVES = ("application/zip", "application/x-zip-compressed", "application/x-tar", *_PACKED)
_N_FAILURES, _BLOCK = 20, 500
_MAX_JSON = 64 * 1024  # bytes
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": JobIn.model_json_schema(), "example": JOB_IN},
            **{media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in _ARCHIVES},
        },
    }
}
_JobId = Annotated[str, Path(description="The job's id.")]
_Limit = Annotated[int, Query(ge=1, le=1_000, description="At most so many jobs.")]


@router.post(
    "",
    status_code=202,
    response_model=JobOut,
    openapi_extra=_BODY,
    responses=problem_responses(
        InvalidRequest, UnsupportedMediaType, IdempotencyKeyReused, RequestInProgress, CatalogError, Overloaded, statuses=[400, 413]
    ),
    summary="Index many items in the background",
)
@needs("write")
async def start_job(request: Request, services: ServicesDep, key: IdempotencyDep) -> Response:
    """Takes a manifest in the server's folder, or an archive with a `manifest.jsonl` and the pictures it names.

    Archives are ZIP, or TAR, which may be packed by gzip, bzip2 or xz. Each line of the manifest is an item as in `POST /index`,
    whose `image` is a path relative to the manifest.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json":
        answer = await _by_manifest(services, await _small_body(request), key)
    elif media_type in _ARCHIVES:
        answer = await _by_archive(services, request, key)
    else:
        raise UnsupportedMediaType(f"send application/json, {', '.join(_ARCHIVES)}")
    answer.headers["Location"] = f"/index/jobs/{json.loads(bytes(answer.body))['id']}"
    return answer


@router.get("", response_model=JobsOut, responses=problem_responses(InvalidRequest, CatalogError, Overloaded), summary="List jobs")
@needs("read")
async def list_jobs(services: ServicesDep, limit: _Limit = 100) -> JobsOut:
    """Lists jobs, the newest first."""
    found = await services.read_pool.run(services.parts.catalog.jobs, None, limit)
    return JobsOut(jobs=[job_out(job, []) for job in found])


@router.get("/{job_id}", response_model=JobOut, responses=problem_responses(UnknownJob, CatalogError, Overloaded), summary="A job")
@needs("read")
async def get_job(job_id: _JobId, services: ServicesDep) -> JobOut:
    """Tells how far a job is, and the first items that failed."""
    job = await services.jobs.get(job_id)
    return job_out(job, await services.read_pool.run(services.parts.catalog.failures, job_id, 0, _N_FAILURES))


@router.get(
    "/{job_id}/failures",
    response_class=StreamingResponse,
    responses={
        200: {"description": "A line of JSON an item.", "content": {"application/x-ndjson": {}}},
        **problem_responses(UnknownJob, CatalogError, Overloaded),
    },
    summary="All items of a job that failed",
)
@needs("read")
async def get_failures(job_id: _JobId, services: ServicesDep) -> StreamingResponse:
    """Returns a file with a line of JSON for each item that failed so far."""
    job = await services.jobs.get(job_id)
    headers = {"Content-Disposition": f'attachment; filename="failures-{job.job_id}.jsonl"'}
    return StreamingResponse(_failures(services, job.job_id), media_type="application/x-ndjson", headers=headers)


@router.post(
    "/{job_id}/cancel",
    response_model=JobOut,
    responses=problem_responses(UnknownJob, JobEnded, CatalogError, Overloaded),
    summary="Cancel a job",
)
@needs("write")
async def cancel_job(job_id: _JobId, services: ServicesDep) -> JobOut:
    """Ends a job; what it has written stays."""
    return job_out(await services.jobs.cancel(job_id), [])


async def _by_manifest(services: Services, body: bytes, key: RequestKey) -> Response:
    try:
        asked = read_as(JobIn, json.loads(body))
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("the body is not readable JSON") from error

    async def work(keep: Keep) -> Answer:
        await asyncio.to_thread(services.jobs.files.check_manifest, asked.manifest)
        return _told([await services.jobs.add(asked.manifest, seal=keep(_told))])

    return await once(services, key, asked.model_dump(), work)


async def _small_body(request: Request) -> bytes:
    """Reads a body that is no archive: it may not be as large as one, as it is held in memory."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_JSON:
            raise HTTPException(413, f"the request has more than {_MAX_JSON} bytes")
    return bytes(body)


async def _by_archive(services: Services, request: Request, key: RequestKey) -> Response:
    """Streams an archive to disk; whatever goes wrong, or has been done before, nothing of it is left."""
    if key.key is None:  # with a key, what is asked may have been done already
        await services.jobs.check_room()
    job_id, files, is_kept = new_job_id(), services.jobs.files, False

    async def work(keep: Keep) -> Answer:
        nonlocal is_kept
        await asyncio.to_thread(files.accept, job_id)
        answer = _told([await services.jobs.add(None, job_id, keep(_told))])
        is_kept = True
        return answer

    try:
        return await once(services, key, {"archive": await _receive(services, request, job_id)}, work)
    finally:
        if not is_kept:
            await asyncio.shield(asyncio.to_thread(files.forget, job_id))


async def _receive(services: Services, request: Request, job_id: str) -> str:
    """Writes an archive to disk and returns its sha256."""
    archive, digest = await asyncio.to_thread(services.jobs.files.new_archive, job_id), hashlib.sha256()
    try:
        with archive.open("xb") as file:
            async for chunk in request.stream():
                await asyncio.to_thread(file.write, chunk)
                await asyncio.to_thread(digest.update, chunk)
    except ClientDisconnect as error:
        raise InvalidRequest("the archive was not sent to its end") from error
    except OSError as error:
        raise CatalogError(f"an uploaded archive could not be written: {error}") from error
    return digest.hexdigest()


async def _failures(services: Services, job_id: str) -> AsyncIterator[str]:
    line = 0
    while block := await services.read_pool.run(services.parts.catalog.failures, job_id, line, _BLOCK):
        yield "".join(failure_out(failure).model_dump_json() + "\n" for failure in block)
        line = block[-1].line


def _told(added: list[Job]) -> Answer:
    return Answer(202, job_out(added[0], []).model_dump_json())
