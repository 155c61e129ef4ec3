"""Work under way, by key: who wants what is being made already waits for it instead of having it made again.

Decides what becomes of those who wait when one of them goes: the work goes on as long as anybody waits for it. Does not know what
the work is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from app.batching import Turn
from app.caller import Caller, current_caller, set_caller

V = TypeVar("V")
R = TypeVar("R")
Work = Callable[[Mapping[str, V], Turn], Awaitable[Mapping[str, R]]]


@dataclass(slots=True, eq=False)
class _Flight(Generic[R]):
    """Some keys' work under way, for all who wait; its own caller goes when the last of them has gone."""

    turn: Turn
    keys: frozenset[str]
    caller: Caller = field(default_factory=lambda: Caller(None))
    n_aboard: int = 0
    task: asyncio.Task[Mapping[str, R]] | None = None


class Flights(Generic[V, R]):
    """Lets work for a key run once at a time; for one event loop.

    Args:
        work: Makes the results of some keys.
        on_join: Told how many keys were under way already.
    """

    def __init__(self, work: Work[V, R], on_join: Callable[[int], None]) -> None:
        self._work = work
        self._on_join = on_join
        self._under_way: dict[str, _Flight[R]] = {}

    async def results(self, wanted: Mapping[str, V], *, is_search: bool, may_retry: bool = True) -> dict[str, R]:
        """Returns results, made now or by others who began before.

        What has failed for others is tried again, once: it may have been their haste, or another key of theirs.

        Args:
            wanted: What to work on, by key.
            is_search: Whether somebody waits at a screen.
            may_retry: Whether what has failed for others is tried again.

        Returns:
            Results by key.

        Raises:
            DeadlinePassed: If the time was up, or the caller had gone.
        """
        joined = list(dict.fromkeys(self._under_way[key] for key in wanted if key in self._under_way))
        own = {key: value for key, value in wanted.items() if key not in self._under_way}
        if joined:
            self._on_join(len(wanted) - len(own))
        for flight in joined:
            flight.turn.is_search |= is_search
        flights = [*joined, *([self._begin(own, is_search)] if own else [])]
        outcomes = await self._landed(flights)
        failed: dict[str, V] = {}
        found: dict[str, R] = {}
        for flight, outcome in zip(flights, outcomes, strict=True):
            mine = wanted.keys() & flight.keys
            if not isinstance(outcome, BaseException):
                found |= {key: outcome[key] for key in mine}
            elif may_retry and flight in joined:
                failed |= {key: wanted[key] for key in mine}
            else:
                raise outcome
        return found | (await self.results(failed, is_search=is_search, may_retry=False) if failed else {})

    def _begin(self, own: Mapping[str, V], is_search: bool) -> _Flight[R]:
        flight: _Flight[R] = _Flight(Turn(is_search), frozenset(own))
        self._under_way |= dict.fromkeys(own, flight)
        flight.task = asyncio.create_task(self._fly(flight, own))
        flight.task.add_done_callback(_heed)
        return flight

    async def _fly(self, flight: _Flight[R], own: Mapping[str, V]) -> Mapping[str, R]:
        set_caller(flight.caller)
        try:
            return await self._work(own, flight.turn)
        finally:
            self._leave_air(flight)

    async def _landed(self, flights: Sequence[_Flight[R]]) -> Sequence[Mapping[str, R] | BaseException]:
        outcomes = [asyncio.shield(flight.task) for flight in flights if flight.task]
        for outcome in outcomes:
            outcome.add_done_callback(_heed)
        with self._aboard(flights):
            await current_caller().wait_for(outcomes)
            return [outcome.exception() or outcome.result() for outcome in outcomes]

    @contextmanager
    def _aboard(self, flights: Sequence[_Flight[R]]) -> Iterator[None]:
        for flight in flights:
            flight.n_aboard += 1
        try:
            yield
        finally:
            for flight in flights:
                flight.n_aboard -= 1
                if not flight.n_aboard:
                    flight.caller.has_gone()
                    self._leave_air(flight)

    def _leave_air(self, flight: _Flight[R]) -> None:
        for key in flight.keys:
            if self._under_way.get(key) is flight:
                del self._under_way[key]


def _heed(done: asyncio.Future[Any]) -> None:
    """Takes note of a failure, which whoever is aboard is told; when all have gone it is nobody's, and no matter for the log."""
    if not done.cancelled():
        done.exception()
