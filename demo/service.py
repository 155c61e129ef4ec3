"""The service as a child process: started, awaited, stopped, and never mistaken for somebody else's.

Decides that only the child's own words prove that it listens: another server on the same port makes the child fail, and its log
says so. Does not know what is asked of the service.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import httpx

from demo.errors import DemoError

START_LIMIT_S = 120.0
STOP_LIMIT_S = 15.0
_POLL_S = 0.1
_LAST_LINES = 12
_READY_LINE = re.compile(r"ready at (http://\S+)")


def serve_command(bundle: Path, data_dir: Path, port: int) -> list[str]:
    """Returns the command that serves a bundle on this machine only.

    Args:
        bundle: Folder of the bundle.
        data_dir: Where the service keeps its items.
        port: 0 for any free one.

    Returns:
        Words of the command.
    """
    places = ["--bundle", str(bundle), "--data-dir", str(data_dir), "--host", "127.0.0.1", "--port", str(port)]
    return [sys.executable, "-m", "app", "serve", *places]


def check_port(port: int) -> None:
    """Makes sure early, before minutes of training, that the port can be had.

    Args:
        port: 0 always can.

    Raises:
        DemoError: If something listens there already.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise DemoError(
                f"port {port} on 127.0.0.1 is taken ({error.strerror}); stop what uses it or give another --port"
            ) from error


class Service:
    """One child process; stops with the ``with`` block.

    Args:
        command: What :func:`serve_command` gave.
        log: File for everything the child says.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as file:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)

    def __enter__(self) -> Service:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def wait_ready(self, limit_s: float = START_LIMIT_S) -> str:
        """Waits until the child has said where it listens and ``/readyz`` there says ready.

        Args:
            limit_s: Seconds to wait at most.

        Returns:
            Address, such as ``http://127.0.0.1:8000``.

        Raises:
            DemoError: If the child ends or does not get ready in time; with its last lines.
        """
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            self.check_alive()
            said = _READY_LINE.search(self._log.read_text(encoding="utf-8", errors="replace"))
            if said and _is_ready(said[1]):
                return said[1]
            time.sleep(_POLL_S)
        raise DemoError(f"the service was not ready within {limit_s:.0f} s; its last lines:\n{self.last_lines()}")

    def check_alive(self) -> None:
        """Raises if the child has ended.

        Raises:
            DemoError: With the exit status and the child's last lines.
        """
        status = self._process.poll()
        if status is not None:
            raise DemoError(f"the service ended with exit status {status}; its last lines:\n{self.last_lines()}")

    def wait(self) -> None:
        """Returns never: waits until the child ends by itself, which is an error, or until Ctrl-C.

        Raises:
            DemoError: When the child ends.
        """
        self._process.wait()
        self.check_alive()

    def stop(self) -> None:
        """Ends the child by its process id, gently first; does nothing if it has ended."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def last_lines(self) -> str:
        """Returns the end of what the child said."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_LAST_LINES:]) or "(nothing)"


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz", timeout=5, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
