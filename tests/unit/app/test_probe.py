from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from app.probe import address, problem


@pytest.fixture
def answering(request: pytest.FixtureRequest) -> Iterator[int]:
    """A server that answers readiness with the status of the test; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(request.param if self.path == "/readyz" else 404)
            self.end_headers()
            self.wfile.write(b'{"missing":["index"]}')

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        yield server.server_port
        thread.join()


@pytest.mark.parametrize(
    ("environment", "there"),
    [
        ({}, ("127.0.0.1", 8000)),
        ({"HOST": "", "PORT": ""}, ("127.0.0.1", 8000)),
        ({"HOST": "0.0.0.0", "PORT": "18080"}, ("127.0.0.1", 18080)),  # noqa: S104
        ({"HOST": "::"}, ("::1", 8000)),
        ({"HOST": "10.1.2.3"}, ("10.1.2.3", 8000)),
    ],
)
def test_readiness_is_asked_for_where_the_service_listens(environment, there):
    assert address(environment) == there


@pytest.mark.parametrize("answering", [200], indirect=True)
def test_a_service_that_is_ready_has_no_problem(answering):
    assert problem("127.0.0.1", answering) is None


@pytest.mark.parametrize("answering", [503], indirect=True)
def test_a_service_that_is_not_ready_says_what_is_missing(answering):
    assert problem("127.0.0.1", answering) == '503 {"missing":["index"]}'


def test_nobody_there_is_one_line():
    found = problem("127.0.0.1", 1)
    assert found is not None
    assert found.startswith("127.0.0.1:1 does not answer: ")
    assert "\n" not in found
