"""Errors on the wire: RFC 9457 problems, from one table of classes.

Decides status, type and title of every error, and what of it a client may read. Does not know where errors come from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.responses import Response
from starlette.types import Scope

from model import errors
from model.errors import HashingError, InvalidRequest

PROBLEM_MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem.

    Attributes:
        status: HTTP status.
        slug: Last part of the stable ``type``, ``/problems/<slug>``.
        title: The same for every occurrence.
        public: Whether the error's own message is for the client; otherwise only the title is told and the message is logged.
    """

    status: int
    slug: str
    title: str
    public: bool = True


PROBLEMS: Mapping[type[HashingError], Kind] = {
    errors.HashingError: Kind(500, "internal-error", "Internal error", public=False),
    errors.CodeError: Kind(500, "internal-error", "Internal error", public=False),
    errors.BundleError: Kind(503, "bundle-unavailable", "The encoder bundle cannot be used", public=False),
    errors.BundleNotFound: Kind(503, "bundle-unavailable", "The encoder bundle cannot be used", public=False),
    errors.BundleCorrupt: Kind(503, "bundle-unavailable", "The encoder bundle cannot be used", public=False),
    errors.BundleIncompatible: Kind(503, "bundle-unavailable", "The encoder bundle cannot be used", public=False),
    errors.BackboneError: Kind(503, "bundle-unavailable", "The encoder bundle cannot be used", public=False),
    errors.InputError: Kind(422, "invalid-input", "The input cannot be used"),
    errors.UndecodableImage: Kind(422, "undecodable-image", "The image cannot be decoded"),
    errors.ImageTooLarge: Kind(413, "image-too-large", "The image is too large"),
    errors.UnsupportedMediaType: Kind(415, "unsupported-media-type", "The media type is not supported"),
    errors.EmptyText: Kind(422, "empty-text", "The text is empty"),
    errors.InvalidRequest: Kind(422, "invalid-request", "The request is not valid"),
    errors.BadFilter: Kind(422, "bad-filter", "The filter is not valid"),
    errors.ImageUrlRefused: Kind(422, "image-url-refused", "The image's address is not allowed"),
    errors.ImageNotFetched: Kind(422, "image-not-fetched", "The image could not be fetched"),
    errors.AccessError: Kind(403, "forbidden", "This is not allowed"),
    errors.Unauthenticated: Kind(401, "unauthenticated", "A valid key is needed"),
    errors.Forbidden: Kind(403, "forbidden", "This is not allowed"),
    errors.RateLimited: Kind(429, "rate-limited", "Too many requests"),
    errors.IdempotencyKeyReused: Kind(422, "idempotency-key-reused", "The Idempotency-Key came with another request"),
    errors.RequestInProgress: Kind(409, "request-in-progress", "The same request is being worked on"),
    errors.JobFailed: Kind(422, "job-failed", "The job cannot go on"),
    errors.JobEnded: Kind(409, "job-ended", "The job is over"),
    errors.CatalogError: Kind(503, "catalogue-unavailable", "The catalogue cannot be used right now", public=False),
    errors.UnknownItem: Kind(404, "unknown-item", "There is no such item"),
    errors.UnknownJob: Kind(404, "unknown-job", "There is no such job"),
    errors.BundleMismatch: Kind(409, "bundle-mismatch", "Codes of different bundles meet"),
    errors.SnapshotUnusable: Kind(503, "catalogue-unavailable", "The catalogue cannot be used right now", public=False),
    errors.Overloaded: Kind(503, "overloaded", "The service is busy"),
    errors.DeadlinePassed: Kind(503, "deadline-passed", "The time for the request was up"),
    errors.ConfigError: Kind(500, "internal-error", "Internal error", public=False),
    errors.DatasetError: Kind(500, "internal-error", "Internal error", public=False),
    errors.TrainingStopped: Kind(500, "internal-error", "Internal error", public=False),
}
ROUTING: Mapping[int, Kind] = {
    400: Kind(400, "malformed-request", "The request cannot be read"),
    404: Kind(404, "not-found", "There is nothing at this address"),
    405: Kind(405, "method-not-allowed", "The method is not allowed here"),
    408: Kind(408, "request-timeout", "The request did not arrive in time"),
    413: Kind(413, "request-too-large", "The request is too large"),
    422: PROBLEMS[InvalidRequest],
}
INTERNAL = PROBLEMS[HashingError]


def kind_of(error: HashingError) -> Kind:
    """Returns the table's entry for an error: its own class's, else the nearest parent's.

    Args:
        error: Any error raised on purpose.

    Returns:
        What kind of problem it is.
    """
    return next(PROBLEMS[cls] for cls in type(error).__mro__ if cls in PROBLEMS)


def problem(kind: Kind, detail: str | None = None, **more: Any) -> dict[str, Any]:
    """Builds the members of a problem.

    Args:
        kind: What kind of problem.
        detail: What happened this time, or None to say no more than the title.
        **more: Further members, such as ``instance`` or ``errors``.

    Returns:
        The members, ready for JSON.
    """
    return {"type": f"/problems/{kind.slug}", "title": kind.title, "status": kind.status, "detail": detail or kind.title, **more}


def problem_of(error: HashingError, **more: Any) -> dict[str, Any]:
    """Builds the problem that tells a client about an error.

    Args:
        error: What happened.
        **more: Further members.

    Returns:
        The members, ready for JSON.
    """
    kind = kind_of(error)
    return problem(kind, str(error) if kind.public else None, **more)


def routing_kind(status: int) -> Kind:
    """Returns the kind for an HTTP status that the framework or a middleware decided.

    Args:
        status: 400 to 599.

    Returns:
        What kind of problem it is.
    """
    return ROUTING.get(status) or Kind(status, "http-error", HTTPStatus(status).phrase)


def problem_response(body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """Makes a response of a problem; ASCII JSON, so that no message can break it.

    Args:
        body: What :func:`problem` built.
        headers: Further headers.

    Returns:
        The response.
    """
    return Response(json.dumps(body), status_code=body["status"], headers=dict(headers or {}), media_type=PROBLEM_MEDIA_TYPE)


def instance_of(scope: Scope) -> str:
    """Returns the path of a request as it was sent, without its query.

    Args:
        scope: The ASGI scope.

    Returns:
        The path, percent-encoded.
    """
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.split(b"?", 1)[0].decode("ascii", "replace")


def problem_responses(*classes: type[HashingError], statuses: Sequence[int] = ()) -> dict[int | str, dict[str, Any]]:
    """Describes the problems of a route for OpenAPI, one example each.

    Args:
        *classes: Errors that the route may raise.
        statuses: Further statuses that the framework or a middleware may decide.

    Returns:
        What FastAPI takes as ``responses``.
    """
    by_status: dict[int | str, dict[str, Any]] = {}
    for kind in [*(PROBLEMS[cls] for cls in classes), *map(routing_kind, statuses)]:
        entry = by_status.setdefault(kind.status, _described(kind))
        entry["content"][PROBLEM_MEDIA_TYPE]["examples"][kind.slug] = {"value": problem(kind, instance="/…")}
    return by_status


def _described(kind: Kind) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": kind.title, "content": {PROBLEM_MEDIA_TYPE: {"schema": schema, "examples": {}}}}
