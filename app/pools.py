"""Threads for blocking work, with a bounded queue before each.

Decides how much may wait. Does not know what the work is.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, Protocol, TypeVar

from app.caller import current_caller
from model.errors import Overloaded

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """A pool at one moment.

    Attributes:
        name: What runs there.
        n_waiting: Tasks that wait for a thread.
        n_running: Tasks that run.
        n_refused: Tasks refused since the start, because too many waited.
    """

    name: str
    n_waiting: int
    n_running: int
    n_refused: int


class Queue(Protocol):
    """What is looked at, and closed at the end."""

    def figures(self) -> PoolFigures:
        """Returns how much waits and runs right now."""
        ...

    def close(self, *, drain: bool = False) -> None:
        """Ends its threads; see :meth:`Pool.close`.

        Args:
            drain: Whether waiting work is done first.
        """
        ...


class Pool:
    """A fixed number of threads; refuses work when too much is waiting.

    Args:
        name: What runs here, in plain words; part of the threads' names and of the refusal.
        n_threads: Threads.
        max_waiting: Tasks that may wait while all threads are busy.
    """

    def __init__(self, name: str, *, n_threads: int, max_waiting: int) -> None:
        self._name = name
        self._threads = ThreadPoolExecutor(n_threads, thread_name_prefix=name)
        self._n_threads = n_threads
        self._max_tasks = n_threads + max_waiting
        self._counting = threading.Lock()
        self._n_tasks = 0
        self._n_refused = 0

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs blocking work on one of the threads; started work is finished even if the caller goes away.

        The work sees the caller's context variables, so that its log lines carry the request's id. Work whose request has no time
        left, or whose caller has gone, is dropped before it begins; see :mod:`app.caller`.

        Args:
            work: What to call.
            *args: Its arguments.
            **kwargs: Its keyword arguments.

        Returns:
            What it returns.

        Raises:
            Overloaded: If the queue is full, or the pool closed.
            DeadlinePassed: If the time was up, or the caller had gone, before the work began.
        """
        caller = current_caller()
        caller.check()
        self._take_place()

        def begin() -> T:
            caller.check()
            return work(*args, **kwargs)

        try:
            future = self._threads.submit(contextvars.copy_context().run, begin)
        except RuntimeError as error:
            self._give_back()
            raise Overloaded("the service is stopping") from error
        future.add_done_callback(self._give_back)
        result = asyncio.wrap_future(future)
        with caller.waiting_for(future):
            done, _ = await asyncio.wait({result}, timeout=caller.remaining_s())
            if future.cancelled() or (not done and future.cancel()):
                caller.check()
            return await result

    def figures(self) -> PoolFigures:
        """Returns how much waits and runs right now."""
        with self._counting:
            n_waiting = max(0, self._n_tasks - self._n_threads)
            return PoolFigures(self._name, n_waiting, self._n_tasks - n_waiting, self._n_refused)

    def close(self, *, drain: bool = False) -> None:
        """Waits for running work and ends the threads.

        Args:
            drain: Whether waiting work is done first; otherwise it is dropped.
        """
        self._threads.shutdown(wait=True, cancel_futures=not drain)

    def _take_place(self) -> None:
        with self._counting:
            if self._n_tasks >= self._max_tasks:
                self._n_refused += 1
                raise Overloaded(f"too many requests are waiting for {self._name}")
            self._n_tasks += 1

    def _give_back(self, _: Future[T] | None = None) -> None:
        with self._counting:
            self._n_tasks -= 1
