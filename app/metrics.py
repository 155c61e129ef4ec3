"""Counts and times for Prometheus and ``GET /stats``.

Decides names, labels and buckets. What is counted is told in ``app.meters``; what is a state and no event is looked at when
somebody asks (``app.figures``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

from app.cache.base import Modality
from app.figures import Figures
from app.meters import Outcome, Stage
from app.prometheus_states import States

_REQUEST_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_STAGE_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
_DISTANCES = (0, 1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 28, 32, 48, 64, 96, 128)
_BATCH_SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64)
_inner_s: ContextVar[list[float] | None] = ContextVar("inner_s", default=None)


class PrometheusMeters:
    """A :class:`~app.meters.Meters` with a registry of its own, so that two applications in a process do not add up.

    Args:
        clock: Seconds, growing.
    """

    def __init__(self, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._registry = CollectorRegistry()
        self._requests_s = Histogram(
            "bitlens_request_seconds",
            "Latency of requests.",
            ("route", "method", "status"),
            buckets=_REQUEST_S,
            registry=self._registry,
        )
        self._stages_s = Histogram(
            "bitlens_stage_seconds", "Latency of single stages.", ("stage",), buckets=_STAGE_S, registry=self._registry
        )
        self._lookups = Counter(
            "bitlens_cache_lookups", "Keys that the code cache was asked for.", ("outcome",), registry=self._registry
        )
        self._n_lookups: dict[Outcome, int] = dict.fromkeys(get_args(Outcome), 0)
        self._of_lookup = {outcome: self._lookups.labels(outcome) for outcome in self._n_lookups}  # a count of zero is shown, too
        self._stage_s = {stage: self._stages_s.labels(stage) for stage in get_args(Stage)}
        self._of_request: dict[tuple[str, str, int], Histogram] = {}
        self._of_target: dict[Modality, Histogram] = {}
        self._batch_sizes = Histogram(
            "bitlens_batch_size", "Inputs of one forward pass.", ("modality",), buckets=_BATCH_SIZES, registry=self._registry
        )
        self._coalesced = Counter(
            "bitlens_coalesced", "Inputs not encoded, as the same one was under way.", registry=self._registry
        )
        self._nearest = Histogram(
            "bitlens_nearest_distance",
            "Distance of a search's first hit, bits.",
            ("target",),
            buckets=_DISTANCES,
            registry=self._registry,
        )
        ProcessCollector(namespace="", registry=self._registry)

    def request(self, headers: Sequence[tuple[bytes, bytes]]) -> AbstractContextManager[None]:
        """Does nothing around a request: it is counted when it has been answered.

        Args:
            headers: The request's.

        Returns:
            A context manager around it.
        """
        return nullcontext()

    def stage(self, name: Stage) -> AbstractContextManager[None]:
        """Times a block of work; see :class:`~app.meters.Meters`.

        Args:
            name: Which kind of work.

        Returns:
            A context manager around the work.
        """
        return _Stage(self._stage_s[name], self._clock)

    def answered(self, route: str, method: str, status: int, latency_s: float) -> None:
        """Counts one request; see :class:`~app.meters.Meters`.

        Args:
            route: The route's template.
            method: HTTP method.
            status: HTTP status.
            latency_s: Seconds.
        """
        key = (route, method, status)
        if key not in self._of_request:
            self._of_request[key] = self._requests_s.labels(route, method, str(status))
        self._of_request[key].observe(latency_s)

    def looked_up(self, outcome: Outcome, n_keys: int) -> None:
        """Counts keys that the code cache was asked for; see :class:`~app.meters.Meters`.

        Args:
            outcome: What it answered.
            n_keys: How many.
        """
        if not n_keys:
            return
        self._of_lookup[outcome].inc(n_keys)
        self._n_lookups[outcome] += n_keys

    def lookups(self) -> dict[Outcome, int]:
        """Returns the keys counted so far by outcome."""
        return dict(self._n_lookups)

    def batched(self, modality: Modality, n_inputs: int) -> None:
        """Counts one forward pass; see :class:`~app.meters.Meters`.

        Args:
            modality: Of its inputs.
            n_inputs: How many they are.
        """
        self._batch_sizes.labels(modality).observe(n_inputs)

    def coalesced(self, n_keys: int) -> None:
        """Counts inputs that were under way already; see :class:`~app.meters.Meters`.

        Args:
            n_keys: How many.
        """
        self._coalesced.inc(n_keys)

    def nearest(self, target: Modality, distance: int) -> None:
        """Counts the distance of a search's first hit; see :class:`~app.meters.Meters`.

        Args:
            target: What it was compared by.
            distance: Differing bits.
        """
        if target not in self._of_target:
            self._of_target[target] = self._nearest.labels(target)
        self._of_target[target].observe(distance)

    def render(self, figures: Figures) -> bytes:
        """Writes everything in Prometheus' text format; see :class:`~app.meters.Meters`.

        Args:
            figures: What is a state, seen just now.

        Returns:
            UTF-8 text.
        """
        return generate_latest(self._registry) + generate_latest(States(figures))

    def close(self) -> None:
        """Does nothing: there is nothing to give back."""


class _Stage:
    """Times one block; time of a stage inside it counts for that one only."""

    __slots__ = ("_clock", "_inner", "_seconds", "_since_s", "_token")

    def __init__(self, seconds: Histogram, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock

    def __enter__(self) -> None:
        self._inner = [0.0]
        self._token = _inner_s.set(self._inner)
        self._since_s = self._clock()

    def __exit__(self, *_: object) -> None:
        took_s = self._clock() - self._since_s
        outer = self._token.old_value
        _inner_s.reset(self._token)
        if isinstance(outer, list):
            outer[0] += took_s
        self._seconds.observe(max(0.0, took_s - self._inner[0]))
