"""Forward passes that several requests share.

Decides what makes up the next pass. An idle encoder begins at once; what arrives during a pass makes up the next one: searches
before bulk work, the oldest first, inputs of one modality, and nothing whose caller has gone. Does not know codes, nor what is
looked up first.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from app.cache.base import Modality
from app.caller import current_caller, forget_caller
from app.pools import Pool, PoolFigures
from model.errors import Overloaded

R = TypeVar("R")
_PATIENCE_S = 1.0
"""After so long bulk work has one pass before searches: those of a busy hour must not stop it for good."""


@dataclass(frozen=True, slots=True)
class BatchRules:
    """How passes are made up.

    Attributes:
        max_batch: Inputs of one pass: a search waits behind at most one, and on processors larger ones are hardly faster.
        max_wait_s: Seconds that an input may be held back, if the encoder has just been busy, so that passes are fuller.
        max_waiting: Calls that may wait; searches and bulk work are counted apart.
    """

    max_batch: int = 8
    max_wait_s: float = 0.0
    max_waiting: int = 64


@dataclass(slots=True)
class Turn:
    """Whose turn it is.

    Attributes:
        is_search: Whether somebody waits at a screen; may become true later, when a search wants what bulk work is about to make.
    """

    is_search: bool = True


@dataclass(slots=True, eq=False)
class _Waiting(Generic[R]):
    """One input in the queue."""

    modality: Modality
    value: Any
    turn: Turn
    since_s: float
    result: asyncio.Future[R]
    context: contextvars.Context = field(default_factory=contextvars.copy_context)


class Batcher(Generic[R]):
    """A queue before the encoders; for one event loop.

    Args:
        encode: Runs one forward pass on a thread: a modality and some inputs, one result each.
        pool: Has that thread; a pass uses the processor as a whole.
        rules: How passes are made up.
        on_pass: Told modality and inputs of each pass.
    """

    def __init__(
        self,
        encode: Callable[[Modality, Sequence[Any]], Sequence[R]],
        *,
        pool: Pool,
        rules: BatchRules,
        on_pass: Callable[[Modality, int], None],
    ) -> None:
        self._encode = encode
        self._pool = pool
        self._rules = rules
        self._on_pass = on_pass
        self._queue: list[_Waiting[R]] = []
        self._running: asyncio.Task[None] | None = None
        self._arrived = asyncio.Event()
        self._n_calls = {True: 0, False: 0}
        self._n_refused = 0
        self._last_bulk_s = 0.0

    async def run(self, modality: Modality, inputs: Sequence[Any], turn: Turn | None = None) -> list[R]:
        """Encodes inputs, together with those of others.

        Args:
            modality: What they are.
            inputs: N inputs.
            turn: Whose turn it is; a search's by default.

        Returns:
            N results, in order.

        Raises:
            Overloaded: If too much is waiting, or the service is stopping.
            DeadlinePassed: If the time was up, or the caller had gone, before the pass began.
        """
        turn = turn or Turn()
        is_search, caller = turn.is_search, current_caller()
        caller.check()
        if self._n_calls[is_search] > self._rules.max_waiting:
            self._n_refused += 1
            raise Overloaded("too many requests are waiting for encoding")
        self._n_calls[is_search] += 1
        results = self._enqueue(modality, inputs, turn)
        try:
            await caller.wait_for(results)
            errors = [error for result in results if (error := result.exception()) is not None]
            if errors:
                raise errors[0]
            return [result.result() for result in results]
        finally:
            self._n_calls[is_search] -= 1

    def figures(self) -> PoolFigures:
        """Returns how much waits and runs right now; inputs of others in a pass that is under way count as waiting."""
        n_calls, n_running = sum(self._n_calls.values()), self._pool.figures().n_running
        return PoolFigures("encoding", max(0, n_calls - n_running), n_running, self._n_refused)

    def close(self, *, drain: bool = False) -> None:
        """Ends the thread after the pass that is under way; what waits is refused.

        Args:
            drain: As for pools.
        """
        self._pool.close(drain=drain)

    def _enqueue(self, modality: Modality, inputs: Sequence[Any], turn: Turn) -> list[asyncio.Future[R]]:
        loop = asyncio.get_running_loop()
        waiting = [_Waiting(modality, value, turn, loop.time(), loop.create_future()) for value in inputs]
        self._queue += waiting
        self._arrived.set()
        if waiting and (self._running is None or self._running.done()):
            self._running = asyncio.create_task(self._run_passes(), context=contextvars.Context())
        return [one.result for one in waiting]

    async def _run_passes(self) -> None:
        while batch := self._next_batch():
            await self._run_pass(batch)
            await self._hold_back()

    async def _hold_back(self) -> None:
        """Lets a pass become fuller that would begin right behind another one."""
        loop = asyncio.get_running_loop()
        while 0 < len(self._queue) < self._rules.max_batch:
            until_s = self._queue[0].since_s + self._rules.max_wait_s
            if until_s <= loop.time():
                return
            self._arrived.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until_s):
                    await self._arrived.wait()

    def _next_batch(self) -> list[_Waiting[R]]:
        waiting = [one for one in self._queue if not one.result.done()]  # the others' callers have gone
        searches = [one for one in waiting if one.turn.is_search]
        bulk = [one for one in waiting if not one.turn.is_search]
        now_s = asyncio.get_running_loop().time()
        if bulk and (not searches or now_s - max(bulk[0].since_s, self._last_bulk_s) > _PATIENCE_S):
            self._last_bulk_s, searches = now_s, bulk
        batch = [one for one in searches if one.modality == searches[0].modality][: self._rules.max_batch]
        self._queue = [one for one in waiting if one not in batch]
        return batch

    async def _run_pass(self, batch: Sequence[_Waiting[R]]) -> None:
        modality, values = batch[0].modality, [one.value for one in batch]
        self._on_pass(modality, len(batch))
        context = batch[0].context.copy()  # so that log lines and spans of the pass belong to a request
        context.run(forget_caller)  # but not its end: others wait as well
        passing = asyncio.create_task(self._pool.run(self._encode, modality, values), context=context)
        await asyncio.wait({passing})
        error = passing.exception()
        if error is None:
            for one, result in zip(batch, passing.result(), strict=True):
                if not one.result.done():
                    one.result.set_result(result)
        elif len(batch) == 1:
            if not batch[0].result.done():
                batch[0].result.set_exception(error)
        else:  # whatever is wrong with one of them is not the others' fault
            for one in batch:
                await self._run_pass([one])
