"""The circuit breaker, by a clock that the test turns."""

from __future__ import annotations

import logging

import pytest

from app.breaker import CircuitBreaker


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker("the thing", pause_s=5, clock=clock)


def test_a_thing_that_works_is_always_tried(breaker: CircuitBreaker) -> None:
    assert breaker.allows()
    breaker.succeeded()
    assert breaker.allows()
    assert not breaker.is_broken


def test_after_a_failure_nobody_tries_until_the_pause_is_over(breaker: CircuitBreaker, clock: Clock) -> None:
    breaker.failed(OSError())
    clock.now_s += 4.9
    assert (breaker.allows(), breaker.is_pausing, breaker.is_broken) == (False, True, True)
    clock.now_s += 0.2
    assert (breaker.is_pausing, breaker.allows()) == (False, True)


def test_after_the_pause_one_caller_tries_for_all(breaker: CircuitBreaker, clock: Clock) -> None:
    breaker.failed(OSError())
    clock.now_s += 5
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert [breaker.allows() for _ in range(3)] == [True, True, True]


def test_a_caller_that_never_reports_back_does_not_block_the_others_for_ever(breaker: CircuitBreaker, clock: Clock) -> None:
    breaker.failed(OSError())
    for _ in range(3):
        clock.now_s += 5
        assert breaker.allows()


def test_an_outage_is_logged_when_it_begins_and_when_it_ends(
    breaker: CircuitBreaker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        breaker.succeeded()
        for _ in range(10):
            clock.now_s += 5
            breaker.failed(OSError("no route"))
        for _ in range(10):
            breaker.succeeded()
    assert caplog.messages == ["the thing: outage begins (OSError: no route)", "the thing: outage ended"]
