"""A circuit breaker: after a failure a resource is left alone for a while, and the log hears of an outage twice.

Decides when to try again: one caller after each pause, not all of them at once. Does not know what the resource is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)


class CircuitBreaker:
    """Remembers whether a resource failed last and when it may be tried again; for one event loop.

    Args:
        name: What fails, for the log.
        pause_s: Seconds without a try after each failure.
        clock: Monotonic time in seconds.
    """

    def __init__(self, name: str, *, pause_s: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._pause_s = pause_s
        self._clock = clock
        self._try_again_at: float | None = None

    @property
    def is_broken(self) -> bool:
        """Whether the last try failed."""
        return self._try_again_at is not None

    @property
    def is_pausing(self) -> bool:
        """Whether the last try failed and it is too early for another."""
        return self._try_again_at is not None and self._clock() < self._try_again_at

    def allows(self) -> bool:
        """Tells whether the caller may try now; during an outage one caller a pause may."""
        if self.is_pausing:
            return False
        if self.is_broken:
            self._pause()
        return True

    def failed(self, reason: Exception) -> None:
        """Begins or prolongs an outage.

        Args:
            reason: What the try raised; logged when the outage begins.
        """
        if not self.is_broken:
            logger.warning("%s: outage begins (%s: %s)", self._name, type(reason).__name__, reason)
        self._pause()

    def succeeded(self) -> None:
        """Ends an outage, if there was one."""
        if self.is_broken:
            logger.warning("%s: outage ended", self._name)
        self._try_again_at = None

    def _pause(self) -> None:
        self._try_again_at = self._clock() + self._pause_s
