"""Runs an application on one socket until a signal stops it.

Decides how connections are served and ended. Does not know what is served.
"""

from __future__ import annotations

import gc
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

_GRACE_S = 10
_GARBAGE = 10_000  # objects made and kept since the last look for garbage: a look takes less than a millisecond, and so it is rare


@dataclass(frozen=True, slots=True)
class Stop:
    """How a server stops.

    Attributes:
        announce: Called when the first signal arrives.
        drain_s: Seconds for which requests are still taken after that, so that whoever asks for readiness can turn away; a second
            signal cuts them short.
        grace_s: Seconds that running requests are given then.
    """

    announce: Callable[[], None] = lambda: None
    drain_s: float = 0.0
    grace_s: int = _GRACE_S


def bind(host: str, port: int) -> socket.socket:
    """Takes an address; connections are refused until the application is ready.

    Args:
        host: IPv4 or IPv6 address, or a name.
        port: Port, 0 for any free one.

    Returns:
        A bound socket that does not listen yet.

    Raises:
        OSError: If the address is taken, unknown or not ours.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def run(app: ASGIApp, bound: socket.socket, stop: Stop | None = None) -> bool:
    """Serves until SIGTERM or SIGINT, then lets running requests finish for some seconds.

    Args:
        app: The application.
        bound: What :func:`bind` returned.
        stop: How it stops; by default at once, with ten seconds for running requests.

    Returns:
        Whether the application had started.
    """
    stop = stop or Stop()
    config = uvicorn.Config(
        app, access_log=False, log_config=None, server_header=False, lifespan="on", timeout_graceful_shutdown=stop.grace_s
    )
    server = _Server(config, stop)
    # uvicorn raises the signal that stopped it once more when it has finished; by then there is nothing left to do.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    server.run(sockets=[bound])
    return server.started


class _Server(uvicorn.Server):
    """Says on standard output when it is ready, in one line, and goes on for a while after a signal."""

    def __init__(self, config: uvicorn.Config, stop: Stop) -> None:
        super().__init__(config)
        self._stop = stop
        self._exit_at_s: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts, then says where it listens.

        Args:
            sockets: Bound sockets.
        """
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # what is there now stays: no collection looks through it again while requests wait
        gc.set_threshold(_GARBAGE, 20, 20)
        if self.started and sockets:
            sys.stdout.write(f"Bitlens is ready at {_address(sockets[0])}\n")
            sys.stdout.flush()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Takes a signal.

        Args:
            sig: Its number.
            frame: What it interrupted.
        """
        self._stop.announce()
        if self._stop.drain_s and self._exit_at_s is None:
            self._exit_at_s = time.monotonic() + self._stop.drain_s
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Looks ten times a second whether it is time to stop.

        Args:
            counter: Number of the look.

        Returns:
            Whether it is.
        """
        is_over = self._exit_at_s is not None and time.monotonic() >= self._exit_at_s
        return await super().on_tick(counter) or is_over


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
