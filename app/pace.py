"""How fast work has been lately: whether it may be done at once, or should go to a thread.

Decides what is quick. A hop to a thread and back costs about as much as the quickest searches; slower ones, done on the event loop,
would make everybody wait. Does not know what the work is.
"""

from __future__ import annotations

import time
from collections.abc import Callable

QUICK_S = 0.0003
"""Processor time, seconds, below which work is done at once."""
_SHARE = 0.125  # of the newest piece of work in what is remembered
_MOST_S = 10 * QUICK_S  # what is slow for once, as a collection of garbage falls into it, does not count for more than this


class Pace:
    """Remembers how long work has taken lately, on average; what is measured by several threads at once may be lost.

    Args:
        clock: Processor time of this thread, seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.thread_time) -> None:
        self._clock = clock
        self._usual_s: float | None = None

    @property
    def is_quick(self) -> bool:
        """Whether work has been quick lately; not before the first."""
        return self._usual_s is not None and self._usual_s < QUICK_S

    def now(self) -> float:
        """Returns the time for :meth:`took`."""
        return self._clock()

    def took(self, since_s: float) -> None:
        """Notes one piece of work that ends now.

        Args:
            since_s: When it began, by :meth:`now`.
        """
        took_s = min(self._clock() - since_s, _MOST_S)
        self._usual_s = took_s if self._usual_s is None else (1 - _SHARE) * self._usual_s + _SHARE * took_s
