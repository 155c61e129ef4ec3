"""Times things against each other in one run: in turns, medians with their spread, ratios turn by turn.

Decides that whatever else the machine does falls on all contestants alike: each turn calls every one once, in an order that moves
on from turn to turn, after warm-up calls that do not count and with the garbage collector off. Does not know what is timed.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

import numpy as np


@dataclass(frozen=True, slots=True)
class Spread:
    """A measured number and how far it moves.

    Attributes:
        value: The median.
        low: Lower quartile.
        high: Upper quartile.
        n: How many measurements.
    """

    value: float
    low: float
    high: float
    n: int = 1

    @staticmethod
    def of(values: Sequence[float]) -> Spread:
        """Returns median and quartiles.

        Args:
            values: At least one.

        Returns:
            The spread.
        """
        low, middle, high = np.quantile(np.asarray(values, np.float64), (0.25, 0.5, 0.75)).tolist()
        return Spread(middle, low, high, len(values))

    @staticmethod
    def exactly(value: float) -> Spread:
        """Returns a number that does not move: a count, a size."""
        return Spread(value, value, value)

    def times(self, factor: float) -> Spread:
        """Returns the same in another unit.

        Args:
            factor: How many of the new unit make one of the old.

        Returns:
            The spread.
        """
        return Spread(self.value * factor, self.low * factor, self.high * factor, self.n)


@dataclass(frozen=True, slots=True)
class Turns:
    """What contestants took.

    Attributes:
        seconds: By name, one number a turn, seconds of one call.
    """

    seconds: Mapping[str, Sequence[float]]

    def of(self, name: str) -> Spread:
        """Returns the seconds of one call.

        Args:
            name: Of a contestant.

        Returns:
            Median and quartiles over the turns.
        """
        return Spread.of(self.seconds[name])

    def ratio(self, slower: str, faster: str) -> Spread:
        """Returns how many times the one takes of what the other takes.

        Args:
            slower: Divided.
            faster: By this.

        Returns:
            Median and quartiles of the ratios of the turns; above 1 if the second one is faster.
        """
        return Spread.of([a / b for a, b in zip(self.seconds[slower], self.seconds[faster], strict=True)])


def take_turns(
    contestants: Mapping[str, Callable[[], object]],
    *,
    rounds: int = 7,
    warm_ups: int = 1,
    at_least_s: float = 0.0,
    clock: Callable[[], float] = perf_counter,
) -> Turns:
    """Times contestants in turns.

    Args:
        contestants: What is called, by name.
        rounds: Turns that count.
        warm_ups: Calls of each before the first turn.
        at_least_s: A call that takes less is repeated within a turn until about so many seconds have passed.
        clock: Tells the time in seconds.

    Returns:
        Seconds of one call, turn by turn.
    """
    names = list(contestants)
    repeats = {name: _repeats(contestants[name], warm_ups, at_least_s, clock) for name in names}
    seconds: dict[str, list[float]] = {name: [] for name in names}
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for turn in range(rounds):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                seconds[name].append(_seconds(contestants[name], repeats[name], clock))
    finally:
        if was_on:
            gc.enable()
    return Turns(seconds)


def _repeats(call: Callable[[], object], warm_ups: int, at_least_s: float, clock: Callable[[], float]) -> int:
    taken = [_seconds(call, 1, clock) for _ in range(warm_ups)]
    if not taken or at_least_s <= 0:
        return 1
    return max(1, round(at_least_s / max(median(taken[-3:]), 1e-9)))


def _seconds(call: Callable[[], object], repeats: int, clock: Callable[[], float]) -> float:
    started = clock()
    for _ in range(repeats):
        call()
    return (clock() - started) / repeats
