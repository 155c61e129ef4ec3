"""The child process: awaited by its own words, told apart from strangers, stopped by its id."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.errors import DemoError
from demo.service import Service, check_port, serve_command

SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"{}")
    def log_message(self, *words): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(f"Bitlens is ready at http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""


@contextmanager
def child(code: str, tmp_path: Path) -> Iterator[Service]:
    with Service([sys.executable, "-c", code], tmp_path / "service.log") as service:
        yield service


def test_the_address_is_the_one_the_child_names(tmp_path: Path) -> None:
    with child(SERVER, tmp_path) as service:
        assert service.wait_ready(30).startswith("http://127.0.0.1:")
        service.check_alive()


def test_the_child_is_stopped_with_the_block(tmp_path: Path) -> None:
    with child(SERVER, tmp_path) as service:
        service.wait_ready(30)
    with pytest.raises(DemoError, match="ended with exit status -15"):
        service.check_alive()


def test_a_child_that_ends_is_told_with_its_last_lines(tmp_path: Path) -> None:
    with child("import sys; sys.exit('the bundle is broken')", tmp_path) as service:
        with pytest.raises(DemoError, match=r"(?s)exit status 1.*the bundle is broken"):
            service.wait_ready(30)
        with pytest.raises(DemoError, match="the bundle is broken"):
            service.wait()


def test_a_silent_child_is_given_up_even_if_a_stranger_answers(tmp_path: Path) -> None:
    with child(SERVER, tmp_path) as stranger:
        stranger.wait_ready(30)
        with (
            child("import time; time.sleep(60)", tmp_path / "own") as service,
            pytest.raises(DemoError, match="not ready within 0 s"),
        ):
            service.wait_ready(0.3)


def test_a_taken_port_is_told_before_anything_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(DemoError, match=r"port \d+ on 127.0.0.1 is taken"):
        check_port(taken.getsockname()[1])
    check_port(0)


def test_the_service_is_bound_to_this_machine() -> None:
    words = serve_command(Path("bundle"), Path("data"), 8123)
    assert words[words.index("--host") + 1] == "127.0.0.1"
    assert words[words.index("--port") + 1] == "8123"
