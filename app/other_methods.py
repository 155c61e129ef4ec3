"""What no route says of methods: HEAD is GET without a body, and ``Allow`` of an answer 405 names all methods of an address.

Does not know what the routes do.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import instance_of, problem, problem_response, routing_kind


def allowed_methods(routers: Sequence[Router], scope: Scope) -> set[str]:
    """Collects the methods of the first route at an address and of those with the same template.

    Args:
        routers: The application's.
        scope: A request's.

    Returns:
        Methods; none where no route of the routers is.
    """
    routes = [route for router in routers for route in router.routes if isinstance(route, Route)]
    first = next((route for route in routes if route.matches(scope)[0] is not Match.NONE), None)
    methods = {method for route in routes if first is not None and route.path == first.path for method in route.methods or ()}
    return methods | {"HEAD"} if "GET" in methods else methods


def install_allow(app: Starlette, routers: Sequence[Router]) -> None:
    """Makes an application name all methods of an address when a request comes with another one.

    Args:
        app: The application.
        routers: What was included in it.
    """

    async def on_other_method(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        allowed = allowed_methods(routers, request.scope)
        headers = {"Allow": ", ".join(sorted(allowed))} if allowed else error.headers
        return problem_response(problem(routing_kind(error.status_code), instance=instance_of(request.scope)), headers)

    app.add_exception_handler(405, on_other_method)


class HeadAsGet:
    """Answers HEAD as GET, without the body (RFC 9110, 9.3.2).

    Args:
        app: What it surrounds.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; see ASGI."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        inner = {**scope, "method": "GET"}
        try:
            await self._app(inner, receive, send_without_body)
        finally:
            scope["route"] = inner.get("route")  # for the log line and the figures
