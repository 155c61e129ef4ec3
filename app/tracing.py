"""Spans of requests and stages, sent to an OpenTelemetry collector; imported only where one is named.

Decides names and attributes of spans: route templates, never addresses, texts or keys. Does not know what else is measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.cache.base import Modality
from app.figures import Figures
from app.logs import logged_with
from app.meters import Meters, Outcome, Stage


class TracedMeters:
    """A :class:`~app.meters.Meters` that makes spans besides.

    Args:
        meters: What counts and times.
        provider: Makes spans, and is shut down with this.
    """

    def __init__(self, meters: Meters, provider: TracerProvider) -> None:
        self._meters = meters
        self._provider = provider
        self._tracer = provider.get_tracer("bitlens")

    @contextmanager
    def request(self, headers: Sequence[tuple[bytes, bytes]]) -> Iterator[None]:
        """Surrounds a request with a span that continues its caller's trace; log lines carry the trace's id.

        Args:
            headers: The request's, as ASGI has them: names in lower case.

        Yields:
            Nothing.
        """
        context = TraceContextTextMapPropagator().extract(
            {str(name, "latin-1"): str(value, "latin-1") for name, value in headers if name.startswith(b"trace")}
        )
        with (
            self._meters.request(headers),
            self._tracer.start_as_current_span("request", context, SpanKind.SERVER) as span,
            logged_with(trace_id=f"{span.get_span_context().trace_id:032x}"),
        ):
            yield

    @contextmanager
    def stage(self, name: Stage) -> Iterator[None]:
        """Surrounds a stage with a span.

        Args:
            name: Which kind of work.

        Yields:
            Nothing.
        """
        with self._tracer.start_as_current_span(name, record_exception=False), self._meters.stage(name):
            yield

    def answered(self, route: str, method: str, status: int, latency_s: float) -> None:
        """Completes the request's span.

        Args:
            route: The route's template.
            method: HTTP method.
            status: HTTP status.
            latency_s: Seconds.
        """
        self._meters.answered(route, method, status, latency_s)
        span = get_current_span()
        span.update_name(f"{method} {route}")
        span.set_attributes({"http.request.method": method, "http.route": route, "http.response.status_code": status})
        if status >= 500 or not status:
            span.set_status(Status(StatusCode.ERROR))

    def looked_up(self, outcome: Outcome, n_keys: int) -> None:
        """Counts keys that the code cache was asked for.

        Args:
            outcome: What it answered.
            n_keys: How many.
        """
        self._meters.looked_up(outcome, n_keys)

    def lookups(self) -> dict[Outcome, int]:
        """Returns the keys counted so far by outcome."""
        return self._meters.lookups()

    def batched(self, modality: Modality, n_inputs: int) -> None:
        """Counts one forward pass.

        Args:
            modality: Of its inputs.
            n_inputs: How many they are.
        """
        self._meters.batched(modality, n_inputs)

    def coalesced(self, n_keys: int) -> None:
        """Counts inputs that were under way already.

        Args:
            n_keys: How many.
        """
        self._meters.coalesced(n_keys)

    def nearest(self, target: Modality, distance: int) -> None:
        """Counts the distance of a search's first hit.

        Args:
            target: What it was compared by.
            distance: Differing bits.
        """
        self._meters.nearest(target, distance)

    def render(self, figures: Figures) -> bytes:
        """Writes everything in Prometheus' text format.

        Args:
            figures: What is a state, seen just now.

        Returns:
            UTF-8 text.
        """
        return self._meters.render(figures)

    def close(self) -> None:
        """Sends the last spans."""
        self._provider.shutdown()


def traced(meters: Meters, endpoint: str, version: str) -> TracedMeters:
    """Sends spans to a collector, in batches and in the background; one that is away costs nothing but the spans.

    Args:
        meters: What counts and times.
        endpoint: OTLP over HTTP, such as ``http://collector:4318``.
        version: The service's.

    Returns:
        Meters that make spans besides.
    """
    url = endpoint if urlsplit(endpoint).path.strip("/") else endpoint.rstrip("/") + "/v1/traces"
    provider = TracerProvider(resource=Resource.create({"service.name": "bitlens", "service.version": version}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
    return TracedMeters(meters, provider)
