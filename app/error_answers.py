"""How errors become answers: handlers for our own, the framework's, and those of what was sent.

Decides what is told of a request that does not validate. Does not know which status an error has (``app.errors``).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from app.errors import PROBLEMS, instance_of, kind_of, problem, problem_of, problem_response, routing_kind
from model.errors import HashingError, InvalidRequest, Overloaded, RateLimited, Unauthenticated

_log = logging.getLogger(__name__)
_NO_OBJECT = {"model_type", "model_attributes_type", "dict_type", "dataclass_type"}
_OBJECT = "Input should be an object"


def field_errors(found: Sequence[Any]) -> list[dict[str, Any]]:
    """Reduces pydantic's errors to place, message and type: what was sent is not echoed.

    Args:
        found: Entries of a validation error.

    Returns:
        As many entries with ``loc``, ``msg`` and ``type``.
    """
    return [{"loc": list(entry["loc"]), "msg": _message(entry), "type": entry["type"]} for entry in found]


def _message(entry: Any) -> str:
    if entry["type"] == "json_invalid":  # of no JSON the place is the character where reading stopped
        return f"not readable JSON: {entry['ctx']['error']} at character {entry['loc'][-1]}"
    return _OBJECT if entry["type"] in _NO_OBJECT else str(entry["msg"]).removeprefix("Value error, ")


def install_handlers(app: FastAPI) -> None:
    """Makes an application answer every expected error as a problem.

    Args:
        app: The application.
    """
    app.add_exception_handler(HashingError, _on_hashing_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)


async def _on_hashing_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HashingError):
        raise error
    if not kind_of(error).public:
        _log.error("%s %s", request.method, instance_of(request.scope), exc_info=error)
    return problem_response(problem_of(error, instance=instance_of(request.scope)), _headers_of(error))


def _headers_of(error: HashingError) -> dict[str, str]:
    if isinstance(error, Overloaded | RateLimited):
        return {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": 'Bearer realm="bitlens"' + (', error="invalid_token"' if error.had_key else "")}
    return {}


async def _on_validation_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    found = field_errors(error.errors())
    detail = "; ".join(f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}" for entry in found[:3])
    if found[0]["loc"] == ["body"] and found[0]["msg"] == _OBJECT and not _is_json(request):
        sent = request.headers.get("content-type", "") or "nothing"
        detail = f"the body is JSON, to be sent with Content-Type: application/json; what came says {sent[:100]}"
    body = problem(PROBLEMS[InvalidRequest], detail, instance=instance_of(request.scope), errors=found)
    return problem_response(body)


async def _on_http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    kind = routing_kind(error.status_code)
    detail = error.detail if error.detail != HTTPStatus(error.status_code).phrase else None
    return problem_response(problem(kind, detail, instance=instance_of(request.scope)), error.headers)


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").split(";")[0].strip().lower().endswith(("/json", "+json"))
