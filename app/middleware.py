"""What surrounds every request: its id and log line, security headers, the last resort for errors, the limit on its size.

Decides headers and the meaning of ``%2F`` in an address. Plain ASGI: does not know routes or what a request is about.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from random import getrandbits

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.arrival import header_of
from app.errors import INTERNAL, instance_of, problem, problem_response, routing_kind
from app.logs import log_request, logged_with
from app.meters import Meters

_log = logging.getLogger(__name__)
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'; script-src 'self'; script-src-attr 'none'; style-src 'self'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_SECURITY = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_REQUEST_ID_HEADER = b"x-request-id"
_ALWAYS = frozenset([_REQUEST_ID_HEADER, *(name for name, _ in _SECURITY)])


class Observe:
    """Outermost: gives every request an id and one log line, every response the security headers, and hides unexpected errors.

    Args:
        app: What it surrounds.
        meters: Count and time requests.
    """

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self._app = app
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; see ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        with logged_with(request_id=request_id), self._meters.request(scope["headers"]):
            await self._observe(scope, receive, send, request_id)

    async def _observe(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        started_s = time.perf_counter()
        status = n_bytes = 0
        state = scope.setdefault("state", {})  # the gate leaves the caller's name and headers for the answer there

        async def send_with_headers(message: Message) -> None:
            nonlocal status, n_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, request_id, state.get("answer_headers"))
            else:
                n_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            _log.exception("unexpected error")
            if status:
                raise
            body = problem(INTERNAL, instance=instance_of(scope), request_id=request_id)
            await problem_response(body)(scope, receive, send_with_headers)
        finally:
            self._record(scope, status, n_bytes, time.perf_counter() - started_s)

    def _record(self, scope: Scope, status: int, n_bytes: int, latency_s: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", "none")  # the template: an address may hold what nobody should log
        self._meters.answered(route, method, status, latency_s)
        facts = {"method": method, "route": route, "status": status, "latency_ms": round(latency_s * 1000, 1), "n_bytes": n_bytes}
        if "key_name" in scope["state"]:
            facts["key_name"] = scope["state"]["key_name"]
        log_request(facts)


class LimitSize:
    """Refuses a request whose body is larger than allowed: by its Content-Length at once, otherwise as soon as it has become so.

    Args:
        app: What it surrounds.
        max_bytes: Largest body, bytes.
        by_path: Other limits for single paths.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, by_path: Mapping[str, int]) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._by_path = by_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; see ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._by_path.get(scope["path"], self._max_bytes)
        announced = header_of(scope, b"content-length")
        if announced.isdecimal() and int(announced[:20]) > limit:
            body = problem(routing_kind(413), _too_large(limit), instance=instance_of(scope))
            await problem_response(body)(scope, receive, send)
            return
        if announced.isdecimal() and not header_of(scope, b"transfer-encoding"):
            await self._app(scope, receive, send)  # no server reads more than is announced
            return
        n_bytes = 0

        async def receive_counting() -> Message:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > limit:
                raise HTTPException(413, _too_large(limit))
            return message

        await self._app(scope, receive_counting, send)


class EncodedItemIds:
    """Routes ``/index/…`` by the path as it was sent, so that an id's own slashes (``%2F``) are not taken for the path's.

    ``/index/a%2Fimage`` is the item ``a/image``; ``/index/a/image`` is the picture of the item ``a``; ``/index/a/b`` is the item
    ``a/b`` all the same. What the routes see as the id is still percent-encoded.

    Args:
        app: What it surrounds.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; see ASGI."""
        if scope["type"] == "http" and scope["path"].startswith("/index/"):
            inner = {**scope, "path": instance_of(scope)}
            try:
                await self._app(inner, receive, send)
            finally:
                scope["route"] = inner.get("route")  # for the log line and the figures
            return
        await self._app(scope, receive, send)


def _request_id(scope: Scope) -> str:
    sent = header_of(scope, b"x-request-id")
    return sent if _REQUEST_ID.fullmatch(sent) else f"{getrandbits(128):032x}"  # it names, it guards nothing


def _add_headers(message: Message, request_id: str, callers: Mapping[str, str] | None) -> None:
    headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
    own = [(_REQUEST_ID_HEADER, request_id.encode("latin-1"))]
    if callers:
        own += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in callers.items()]
    names = {name for name, _ in headers}
    if not callers and names.isdisjoint(_ALWAYS):
        message["headers"] = headers + own + _SECURITY
        return
    replaced = {name for name, _ in own}
    headers = [header for header in headers if header[0] not in replaced]
    message["headers"] = headers + own + [header for header in _SECURITY if header[0] not in names]


def _too_large(limit: int) -> str:
    return f"the request has more than {limit} bytes"
