"""Threads for blocking work, with a bounded queue before each.

Decides how much may wait. Does not know what the work is.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from app.caller import current_caller
from model.errors import Overloaded

P = ParamSpec("P")
T = TypeVar("T")


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
        self._slots = threading.BoundedSemaphore(n_threads + max_waiting)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs blocking work on one of the threads; started work is finished even if the caller goes away.

        Work whose request has no time left, or whose caller has gone, is dropped before it begins; see :mod:`app.caller`.

        Args:
            work: What to call.
            *args: Its arguments.
            **kwargs: Its keyword arguments.

        Returns:
            What it returns.

        Raises:
            Overloaded: If the queue is full.
            DeadlinePassed: If the time was up, or the caller had gone, before the work began.
        """
        caller = current_caller()
        caller.check()
        if not self._slots.acquire(blocking=False):
            raise Overloaded(f"too many requests are waiting for {self._name}")

        def begin() -> T:
            caller.check()
            return work(*args, **kwargs)

        future = self._threads.submit(begin)
        future.add_done_callback(self._give_back)
        result = asyncio.wrap_future(future)
        with caller.waiting_for(future):
            done, _ = await asyncio.wait({result}, timeout=caller.remaining_s())
            if future.cancelled() or (not done and future.cancel()):
                caller.check()
            return await result

    def close(self) -> None:
        """Waits for running work and ends the threads; waiting work is dropped."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _give_back(self, _: Future[T]) -> None:
        self._slots.release()
