"""Runs an application on one socket until a signal stops it.

Decides how connections are served and ended. Does not know what is served.
"""

from __future__ import annotations

import signal
import socket
import sys

import uvicorn
from starlette.types import ASGIApp

_GRACE_S = 10


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


def run(app: ASGIApp, bound: socket.socket) -> bool:
    """Serves until SIGTERM or SIGINT, then lets running requests finish for some seconds.

    Args:
        app: The application.
        bound: What :func:`bind` returned.

    Returns:
        Whether the application had started.
    """
    server = _Server(
        uvicorn.Config(
            app, access_log=False, log_config=None, server_header=False, lifespan="on", timeout_graceful_shutdown=_GRACE_S
        )
    )
    # uvicorn raises the signal that stopped it once more when it has finished; by then there is nothing left to do.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    server.run(sockets=[bound])
    return server.started


class _Server(uvicorn.Server):
    """Says on standard output when it is ready, in one line."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts, then says where it listens.

        Args:
            sockets: Bound sockets.
        """
        await super().startup(sockets)
        if self.started and sockets:
            sys.stdout.write(f"Bitlens is ready at {_address(sockets[0])}\n")
            sys.stdout.flush()


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
