"""Whether the service is on its way out.

Decides nothing: the server says so (``app.server``), readiness tells it (``app.routes.health``).
"""

from __future__ import annotations


class Life:
    """One service's, from its start to its end."""

    def __init__(self) -> None:
        self._is_stopping = False

    @property
    def is_stopping(self) -> bool:
        """Whether the service has been told to stop; it goes on answering until it does."""
        return self._is_stopping

    def stop(self) -> None:
        """Notes that the service has been told to stop."""
        self._is_stopping = True
