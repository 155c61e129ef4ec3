"""A service in this process for the client that is tried: what it asks goes to the application, without a socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
from starlette.testclient import TestClient


class ToApplication(httpx.BaseTransport):
    """Carries requests into an application that runs in this process."""

    def __init__(self, client: TestClient) -> None:
        self._client = client

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = [(name, value) for name, value in request.headers.items() if name not in {"host", "transfer-encoding"}]
        path = request.url.raw_path.decode()
        answer = self._client.request(request.method, path, headers=headers, content=request.read())
        return httpx.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)


class Script(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers one request after the other from a list; an error in it is raised, a function of the request is called."""

    def __init__(self, *answers: httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return self.handle_request(httpx.Request(request.method, request.url, headers=request.headers, content=request.content))

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def async_sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


def refusal(status: int, slug: str = "overloaded", **headers: str) -> httpx.Response:
    """Returns a problem as the service words it."""
    said: dict[str, Any] = {"type": f"/problems/{slug}", "title": "T", "status": status, "detail": "why", "instance": "/x"}
    return httpx.Response(status, json=said, headers={"Content-Type": "application/problem+json", **headers})
