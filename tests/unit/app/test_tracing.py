import subprocess
import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from starlette.testclient import TestClient

from app.assembly import open_meters, start_services
from app.main import create_app
from app.metrics import PrometheusMeters
from app.tracing import TracedMeters
from model.errors import ConfigError
from tests.builders import fake_parts, index, logged_lines, search, settings_for

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def spans(tmp_path):
    """A client, and what has been exported so far."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    settings = settings_for(tmp_path)
    services = start_services(fake_parts(tmp_path), settings, TracedMeters(PrometheusMeters(), provider))
    with TestClient(create_app(settings, services=services), raise_server_exceptions=False) as client:
        yield client, exporter.get_finished_spans


def test_a_request_is_a_span_with_its_stages_inside_across_threads(spans):
    client, finished = spans
    index(client, {"id": "a", "text": "x"})
    before = len(finished())
    search(client, "my secret", target="text")
    found = finished()[before:]
    [root] = [span for span in found if span.parent is None]
    assert root.name == "POST /search/text"
    assert root.attributes == {"http.request.method": "POST", "http.route": "/search/text", "http.response.status_code": 200}
    assert {span.name for span in found} >= {"cache", "prepare", "forward", "search", "catalogue_read"}
    assert {span.context.trace_id for span in found} == {root.context.trace_id}
    assert "secret" not in str([span.to_json() for span in found])


def test_the_callers_trace_is_continued_and_stands_in_the_log(spans):
    client, finished = spans
    with logged_lines() as lines:
        client.get("/index/a", headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
    [root] = [span for span in finished() if span.name.startswith("GET")]
    assert (root.name, f"{root.context.trace_id:032x}") == ("GET /index/{item_id:path}", TRACE)
    assert [line["trace_id"] for line in lines if line["logger"] == "app.access"] == [TRACE]


def test_a_failure_is_marked(spans):
    client, finished = spans

    def explode(raw):
        raise RuntimeError("boom")

    client.app.state.services.parts.encoders["text"]._part.prepare = explode
    assert client.post("/search/text", json={"query": "x"}).status_code == 500
    [root] = [span for span in finished() if span.parent is None]
    assert (root.name, root.status.status_code) == ("POST /search/text", StatusCode.ERROR)


def test_without_the_extra_a_named_collector_is_a_clear_mistake(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "app.tracing", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ConfigError, match=r"bitlens\[otel\]"):
        open_meters(settings_for(tmp_path, otlp_endpoint="http://127.0.0.1:4318"))


def test_a_collector_that_is_away_costs_nothing_but_the_spans(tmp_path):
    meters = open_meters(settings_for(tmp_path, otlp_endpoint="http://127.0.0.1:9"))
    assert isinstance(meters, TracedMeters)
    assert type(open_meters(settings_for(tmp_path))) is PrometheusMeters


def test_nothing_that_sends_spans_is_loaded_unless_a_collector_is_named():
    program = "import sys, app.__main__; sys.exit('app.tracing' in sys.modules or 'opentelemetry.exporter' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
