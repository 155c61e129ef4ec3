import gc
from itertools import count

import pytest

from bench.timing import Spread, take_turns


class Watch:
    """A clock that only the contestants move."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def takes(self, *seconds):
        upcoming = iter(seconds)

        def call():
            self.now += next(upcoming, seconds[-1])

        return call


def test_a_ratio_is_the_median_of_the_ratios_of_the_turns_and_warm_ups_do_not_count():
    watch = Watch()
    turns = take_turns(
        {"slow": watch.takes(99.0, 2.0, 40.0, 6.0), "fast": watch.takes(77.0, 1.0, 10.0, 2.0)}, rounds=3, clock=watch
    )
    assert turns.seconds == {"slow": [2.0, 40.0, 6.0], "fast": [1.0, 10.0, 2.0]}
    assert turns.ratio("slow", "fast") == Spread(3.0, 2.5, 3.5, 3)
    assert turns.of("fast").value == 2.0


def test_the_order_moves_on_from_turn_to_turn():
    called = []
    take_turns({name: lambda name=name: called.append(name) for name in "abc"}, rounds=3, warm_ups=0)
    assert "".join(called) == "abcbcacab"


def test_a_quick_call_is_repeated_within_a_turn_and_told_by_the_call():
    watch, calls = Watch(), count()

    def call():
        next(calls)
        watch.now += 0.25

    turns = take_turns({"quick": call}, rounds=2, at_least_s=1.0, clock=watch)
    assert turns.seconds == {"quick": [0.25, 0.25]}
    assert next(calls) == 1 + 2 * 4


def test_the_garbage_collector_rests_meanwhile_and_is_back_after_an_error():
    seen = []
    take_turns({"look": lambda: seen.append(gc.isenabled())}, rounds=1, warm_ups=0)
    assert seen == [False]
    with pytest.raises(ZeroDivisionError):
        take_turns({"fails": lambda: 1 / 0}, rounds=1, warm_ups=0)
    assert gc.isenabled()


def test_a_spread_is_told_in_other_units():
    assert Spread.of([1.0, 2.0, 3.0, 4.0, 5.0]).times(1e3) == Spread(3000.0, 2000.0, 4000.0, 5)
    assert Spread.exactly(24) == Spread(24, 24, 24)
