"""Whether the service is on its way out, or has lost a part of itself.

Decides nothing: the server and the work in the background say so (``app.server``, ``app.running``), readiness tells it
(``app.routes.health``).
"""

from __future__ import annotations


class Life:
    """One service's, from its start to its end."""

    def __init__(self) -> None:
        self._is_stopping = False
        self._is_whole = True

    @property
    def is_stopping(self) -> bool:
        """Whether the service has been told to stop; it goes on answering until it does."""
        return self._is_stopping

    @property
    def is_whole(self) -> bool:
        """Whether all work in the background goes on that should; only a new start brings back what has ended."""
        return self._is_whole

    def lose_background(self) -> None:
        """Notes that work in the background has ended."""
        self._is_whole = False

    def stop(self) -> None:
        """Notes that the service has been told to stop."""
        self._is_stopping = True
