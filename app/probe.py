"""``python -m app.probe``: whether the service of this container can answer, for its health check.

Decides where to ask, from ``HOST`` and ``PORT`` as the service itself reads them. Imports next to nothing, as it runs every few
seconds. Does not know what readiness is: ``GET /readyz`` says.
"""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Mapping

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
_TIMEOUT_S = 3.0


def address(environment: Mapping[str, str]) -> tuple[str, int]:
    """Returns where the service of this environment listens, as seen from the same machine.

    Args:
        environment: Its variables; an empty one counts as not set.

    Returns:
        Host and port.
    """
    host = environment.get("HOST") or "127.0.0.1"
    return _EVERYWHERE.get(host, host), int(environment.get("PORT") or 8000)


def problem(host: str, port: int) -> str | None:
    """Asks for readiness.

    Args:
        host: Name or address.
        port: Port.

    Returns:
        What is wrong, in one line, or None if the service is ready.
    """
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        told = answer.read(4096).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"{host}:{port} does not answer: {error}"
    finally:
        connection.close()
    return None if answer.status == http.client.OK else f"{answer.status} {told}"


def main() -> int:
    """Tells whether the service is ready, in its exit status; what is wrong is printed.

    Returns:
        0 if it is, 1 if not.
    """
    found = problem(*address(os.environ))
    if found:
        sys.stdout.write(f"{found}\n")
    return int(found is not None)


if __name__ == "__main__":
    sys.exit(main())
