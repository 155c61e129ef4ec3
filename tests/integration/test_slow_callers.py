"""Slow and vanishing callers against a real server on a loopback socket."""

import logging
import socket
import threading
from contextlib import contextmanager

import pytest
import uvicorn

from app.main import create_app, start_services
from app.server import bind
from tests.builders import fake_parts, settings_for

HEAD = b"POST /search/text HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


@contextmanager
def served(parts, settings):
    """Serves an application on a free port of loopback, in a thread; yields the address."""
    server = uvicorn.Server(uvicorn.Config(create_app(settings, services=start_services(parts, settings)), log_config=None))
    with bind("127.0.0.1", 0) as bound:
        started = threading.Event()
        startup = server.startup

        async def start_and_tell(sockets=None):
            await startup(sockets)
            started.set()

        server.startup = start_and_tell
        thread = threading.Thread(target=server.run, args=([bound],))
        thread.start()
        assert started.wait(30)
        try:
            yield bound.getsockname()
        finally:
            server.should_exit = True
            thread.join(30)


def connected(address):
    return socket.create_connection(address, timeout=30)


def everything(connection):
    """Reads until the other side closes the connection."""
    read = b""
    while piece := connection.recv(65_536):
        read += piece
    return read


def test_a_caller_that_stops_sending_is_answered_and_hung_up(tmp_path):
    settings = settings_for(tmp_path, body_timeout_s=0.1)
    with served(fake_parts(tmp_path), settings) as address, connected(address) as connection:
        connection.sendall(HEAD % 100 + b'{"query": "x')
        told = everything(connection)
    assert told.startswith(b"HTTP/1.1 408 ")
    assert b"/problems/request-timeout" in told


class Ended(logging.Handler):
    """Counts requests that have ended, by the lines of the access log."""

    def __init__(self):
        super().__init__()
        self.one = threading.Semaphore(0)

    def emit(self, record):
        self.one.release()


@pytest.fixture
def ended():
    handler, log = Ended(), logging.getLogger("app.access")
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield handler
    log.removeHandler(handler)
    log.setLevel(before)


def test_what_waits_for_callers_that_have_hung_up_leaves_the_queue_and_is_never_begun(tmp_path, ended):
    parts, entered, go, begun = fake_parts(tmp_path), threading.Event(), threading.Event(), []

    def prepare(raw):
        begun.append(raw)
        entered.set()
        go.wait(30)
        return raw

    parts.encoders["text"].prepare = prepare
    with served(parts, settings_for(tmp_path, max_waiting=1)) as address, connected(address) as first:
        first.sendall(HEAD % 18 + b'{"query": "first"}')
        assert entered.wait(30)
        for number in range(3):  # each finds the one place in the queue free again
            with connected(address) as gone:
                gone.sendall(HEAD % 18 + b'{"query": "gone%d"}' % number)
            assert ended.one.acquire(timeout=30)
        with connected(address) as last:
            last.sendall(HEAD % 17 + b'{"query": "last"}')
            go.set()
            assert [connection.recv(12) for connection in (first, last)] == [b"HTTP/1.1 200"] * 2
    assert begun == ["first", "last"]
