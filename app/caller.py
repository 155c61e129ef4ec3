"""Whether somebody still waits for the answer: the deadline of a request, and whether its caller has gone.

Decides when work is not worth beginning. Does not know what the work is (``app.pools`` asks before it begins any) nor how requests
arrive (``app.arrival``).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from model.errors import DeadlinePassed


class Cancellable(Protocol):
    """A future, of whichever kind."""

    def cancel(self) -> Any:
        """Drops what has not begun."""
        ...


class _Bunch:
    """Futures that are cancelled together."""

    def __init__(self, futures: Sequence[asyncio.Future[Any]]) -> None:
        self._futures = futures

    def cancel(self) -> None:
        """Cancels those that are not done."""
        for future in self._futures:
            future.cancel()


class Caller:
    """One request, for as long as it is open.

    Args:
        timeout_s: Seconds it may take; None for any time.
        clock: Monotonic time in seconds.
    """

    def __init__(self, timeout_s: float | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._timeout_s = timeout_s
        self._since = clock()
        self._has_gone = False
        self._is_answered = False
        self._waiting: set[Cancellable] = set()
        self._begin_watch: Callable[[], None] | None = None

    def remaining_s(self) -> float | None:
        """Returns the seconds that are left, 0 if none; None for any time."""
        if self._timeout_s is None or self._is_answered:
            return None
        return max(0.0, self._since + self._timeout_s - self._clock())

    def check(self) -> None:
        """Passes while it makes sense to begin more work.

        Raises:
            DeadlinePassed: If the time is up or the caller has gone. What outlives its request is not concerned.
        """
        if self._is_answered:
            return
        if self._has_gone:
            raise DeadlinePassed("the caller has gone")
        if self.remaining_s() == 0:
            raise DeadlinePassed(f"the request could not be done within {self._timeout_s:g} seconds")

    def may_take(self, timeout_s: float) -> None:
        """Sets another time.

        Args:
            timeout_s: Seconds in all.
        """
        self._timeout_s = timeout_s

    def has_arrived(self) -> None:
        """Starts the clock: the request has been read."""
        self._since = self._clock()

    def watched_by(self, begin: Callable[[], None]) -> None:
        """Sets what is called before the first wait: who does not wait need not be watched.

        Args:
            begin: Begins to watch whether the caller goes; may be called again.
        """
        self._begin_watch = begin

    @contextmanager
    def waiting_for(self, work: Cancellable) -> Iterator[None]:
        """Cancels work that has not begun when the caller goes, or when the block is left.

        Args:
            work: What was put into a queue.

        Yields:
            Nothing.
        """
        if self._begin_watch is not None:
            self._begin_watch()
        self._waiting.add(work)
        try:
            yield
        finally:
            self._waiting.discard(work)
            work.cancel()  # does nothing to work that has begun

    async def wait_for(self, results: Sequence[asyncio.Future[Any]]) -> None:
        """Waits until all are done; those that are not are cancelled when the time is up, the caller goes or the wait is cancelled.

        Args:
            results: One or more futures.

        Raises:
            DeadlinePassed: If the time was up or the caller had gone.
        """
        pending = set(results)
        with self.waiting_for(_Bunch(results)):
            while pending:
                _, pending = await asyncio.wait(pending, timeout=self.remaining_s())
                if pending or any(result.cancelled() for result in results):
                    self.check()

    def has_gone(self) -> None:
        """Notes that nobody waits any more."""
        self._has_gone = True
        for work in tuple(self._waiting):
            work.cancel()

    def is_answered(self) -> None:
        """Notes the end of the request."""
        self._is_answered = True


_nobody = Caller(None)
_nobody.is_answered()
_current: ContextVar[Caller] = ContextVar("caller", default=_nobody)


def current_caller() -> Caller:
    """Returns the caller of the request that is being served here; outside of requests, one who waits for ever."""
    return _current.get()


def set_caller(caller: Caller) -> None:
    """Makes somebody the caller of everything that is called from here.

    Args:
        caller: Who.
    """
    _current.set(caller)


def forget_caller() -> None:
    """Makes everything that is called from here work for nobody in particular."""
    _current.set(_nobody)
