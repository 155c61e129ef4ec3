"""A short way past the framework for the search that is asked most: ``POST /search/text``.

Decides when it is taken: for JSON that is in order and asks for nothing unusual. Everything else goes the long way, and so do all
mistakes, whose answers are the framework's. The gate stands before both. Plain ASGI; does not know what is searched.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.arrival import header_of
from app.gate import ADMITTED
from app.keys import Role
from model.errors import HashingError

Answer = Callable[[bytes, Any], Awaitable[bytes | None]]
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class ShortWay:
    """How one route's requests may be answered.

    Attributes:
        route: The route as the framework has it.
        role: What it needs.
        answer: Makes the answer's JSON from a body and the running services; None for what must go the long way.
    """

    route: Any
    role: Role
    answer: Answer


class Shortcut:
    """Innermost: answers what it can before the framework does anything.

    Args:
        app: The framework.
        ways: Short ways of POST requests, by path.
    """

    def __init__(self, app: ASGIApp, ways: Mapping[str, ShortWay]) -> None:
        self._app = app
        self._ways = ways

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; see ASGI."""
        way = self._ways.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if way is None or scope["query_string"] or not _is_json(scope):
            await self._app(scope, receive, send)
            return
        scope["route"] = way.route  # for the log line and the figures
        try:
            answer, read = await _answered(way, scope, receive)
        except (HashingError, HTTPException) as error:
            kind = HashingError if isinstance(error, HashingError) else HTTPException
            answer_error = scope["app"].exception_handlers[kind]
            await (await answer_error(Request(scope), error))(scope, receive, send)
        else:
            if answer is None:
                await self._app(scope, _again(read, receive), send)
            else:
                await _send(answer, send)


async def _answered(way: ShortWay, scope: Scope, receive: Receive) -> tuple[bytes | None, list[Message]]:
    """Returns the answer, or None and what has been read of the request."""
    state = scope["app"].state
    await state.gate.admit(scope, way.role)
    scope["state"][ADMITTED] = way.role
    read = [await receive()]
    while read[-1].get("more_body", False):
        read.append(await receive())
    if read[-1]["type"] != "http.request":
        return None, read
    return await way.answer(b"".join(message.get("body", b"") for message in read), state.services), read


def _is_json(scope: Scope) -> bool:
    media_type = header_of(scope, b"content-type")
    return media_type == _JSON or media_type.startswith(_JSON + ";")


def _again(read: list[Message], receive: Receive) -> Receive:
    """Gives what has been read once more, then the rest."""
    messages = iter(read)

    async def receive_again() -> Message:
        return next(messages, None) or await receive()

    return receive_again


async def _send(answer: bytes, send: Send) -> None:
    headers = [(b"content-length", b"%d" % len(answer)), (b"content-type", _JSON.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
