"""How a request arrives: its body in time and not nested too deep, and whether its caller stays for the answer.

Decides when a body is too slow. Plain ASGI; does not know routes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from functools import partial
from types import coroutine
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.caller import Caller, set_caller
from app.json_depth import JsonDepth
from model.errors import InvalidRequest

BYTES_PER_SECOND = 8 * 1024
"""A body that has begun may take a second more for so many bytes: slow lines are fine, single bytes now and then are not."""


class Arrive:
    """Watches bodies arrive (408 when one is too slow, 422 for JSON that is too deep) and callers leave.

    Args:
        app: What it surrounds.
        body_timeout_s: Seconds that a body may take, and a second more for each :data:`BYTES_PER_SECOND`.
        request_timeout_s: Seconds from then on in which steps of the work may begin; see :mod:`app.caller`.
    """

    def __init__(self, app: ASGIApp, body_timeout_s: float, request_timeout_s: float) -> None:
        self._app = app
        self._body_timeout_s = body_timeout_s
        self._request_timeout_s = request_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; see ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        caller = Caller(self._request_timeout_s)
        set_caller(caller)
        is_json = "json" in header_of(scope, b"content-type").partition(";")[0].lower()
        body = _Body(receive, caller, self._body_timeout_s, JsonDepth() if is_json else None)

        async def send_and_note(message: Message) -> None:
            caller.is_answered()  # an answer that has begun is not cut off
            await send(message)

        try:
            await self._app(scope, body.receive, send_and_note)
        finally:
            caller.is_answered()
            body.close()


class _Body:
    """Stands between the server and the application while one request is read and answered."""

    def __init__(self, receive: Receive, caller: Caller, timeout_s: float, depth: JsonDepth | None) -> None:
        self._receive = receive
        self._caller = caller
        self._depth = depth
        self._deadline_s = asyncio.get_running_loop().time() + timeout_s
        self._gone: asyncio.Event | None = None
        self._watching: asyncio.Task[None] | None = None
        self._is_complete = False

    async def receive(self) -> Message:
        """Gives the application its next message; see ASGI."""
        if self._is_complete:
            self._begin_watch()
            if self._gone is not None:
                await self._gone.wait()
            return {"type": "http.disconnect"}
        message = await self._next()
        if message["type"] == "http.disconnect":
            self._caller.has_gone()
            return message
        content = message.get("body", b"")
        self._deadline_s += len(content) / BYTES_PER_SECOND
        if self._depth is not None:
            self._check(self._depth, content)
        if not message.get("more_body", False):
            self._caller.has_arrived()
            self._is_complete = True
            self._caller.watched_by(self._begin_watch)
        return message

    def close(self) -> None:
        """Ends the watch."""
        if self._watching is not None:
            self._watching.cancel()

    def _begin_watch(self) -> None:
        if self._watching is None:
            self._gone = asyncio.Event()
            self._watching = asyncio.create_task(self._watch(self._gone))

    async def _next(self) -> Message:
        coming: Any = self._receive()
        try:
            awaited = coming.send(None)
        except StopIteration as there:  # nothing had to be waited for, so that nothing has to watch the clock
            message: Message = there.value
            return message
        try:
            async with asyncio.timeout_at(self._deadline_s):
                return await _rest(coming, awaited)
        except TimeoutError as error:
            raise HTTPException(408, "the body did not arrive in time", {"Connection": "close"}) from error

    def _check(self, depth: JsonDepth, content: bytes) -> None:
        try:
            depth.feed(content)
        except InvalidRequest as error:  # FastAPI lets only HTTP errors through while it reads a body
            raise HTTPException(422, str(error)) from error

    async def _watch(self, gone: asyncio.Event) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._caller.has_gone()
        gone.set()


@coroutine
def _rest(begun: Coroutine[Any, Any, Message], awaited: object) -> Generator[Any, Any, Message]:
    """Goes on with what has been begun by hand and waits for something."""
    while True:
        try:
            go_on = partial(begun.send, (yield awaited))
        except asyncio.CancelledError as error:
            go_on = partial(begun.throw, error)
        try:
            awaited = go_on()
        except StopIteration as end:
            message: Message = end.value
            return message


def header_of(scope: Scope, name: bytes) -> str:
    """Returns the first value of a request's header; for what stands in every request's way.

    Args:
        scope: The ASGI scope.
        name: In lower case.

    Returns:
        The value, or nothing.
    """
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return ""
