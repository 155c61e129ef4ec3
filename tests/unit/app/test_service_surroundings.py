import dataclasses
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from app import examples, query_schemas, schemas, stats_schemas, thing_schemas
from app.assembly import start_services
from app.deps import Parts
from app.main import create_app
from model.errors import CatalogError
from tests.builders import fake_parts, index, is_problem, logged_lines, picture, running, search, settings_for

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_livez_answers(client):
    assert client.get("/livez").json() == {"status": "ok"}


def test_readyz_tells_what_is_served(client):
    index(client, {"id": "a", "text": "x"})
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {
        "status": "ready",
        "checks": {
            "bundle": "ok",
            "catalogue": "ok",
            "index": "ok",
            "cache": "ok",
            "disk": "ok",
            "service": "ok",
            "background": "ok",
        },
        "missing": [],
        "bundle_id": "fake-bundle",
        "n_bits": 64,
        "n_items": 1,
        "calibrated": False,
        "calibration": None,
    }


def test_a_cache_that_is_down_is_told_and_does_no_harm(parts, client):
    parts.cache.available = False
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]["cache"]) == (200, "degraded")


def test_readiness_names_what_is_missing(parts, client):
    def away():
        raise CatalogError("away")

    parts.catalog.count = away
    client.app.state.services.life.stop()
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["missing"]) == (503, ["catalogue", "index", "service"])


class Dying:
    """Work in the background that ends."""

    async def run(self):
        raise RuntimeError("a mistake of ours")


@pytest.mark.parametrize("part", ["jobs", "upkeep", "recalibration"])
def test_work_in_the_background_that_has_ended_is_missing(parts, tmp_path, part):
    services = start_services(parts, settings_for(tmp_path))
    dying = Dying()
    dying.finish = services.upkeep.finish
    app = create_app(settings_for(tmp_path), services=dataclasses.replace(services, **{part: dying}))
    with logged_lines() as lines, TestClient(app) as client:
        ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["missing"]) == (503, ["background"])
    assert [line["event"] for line in lines if line["level"] == "error"] == ["work in the background has ended"]


def test_a_full_disk_is_told_and_keeps_no_search_back(parts, tmp_path):
    with running(parts, settings_for(tmp_path, min_free_bytes=2**62)) as client:
        ready = client.get("/readyz").json()
    assert (ready["status"], ready["checks"]["disk"], ready["missing"]) == ("ready", "full", [])


def test_an_index_that_differs_from_the_catalogue_is_not_ready(parts, client):
    index(client, {"id": "a", "text": "x"})
    parts.indexes["text"].remove(np.array([1]))
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["status"], ready.json()["checks"]["index"]) == (503, "not_ready", "differs")


def test_stats_count_items_and_codes(parts, client):
    index(client, {"id": "a", "text": "x"}, {"id": "b", "text": "y"})
    found = client.get("/stats").json()
    assert found["n_items"] == 2
    rest = {"engine": "fake", "n_different": None, "n_tail": 0, "n_removed": 0}
    assert found["index"] == {
        "image": {"n_codes": 0, "n_bytes": 0, **rest},
        "text": {"n_codes": 2, "n_bytes": 2 * (8 + found["n_bits"] // 8), **rest},
    }
    assert (found["bundle_id"], found["cache"]) == (parts.bundle_id, "ok")
    assert found["uptime_s"] >= 0
    parts.cache.available = False
    assert client.get("/stats").json()["cache"] == "degraded"


def test_a_body_that_is_no_json_is_told_where_reading_stopped(client):
    response = client.post("/search/text", content='{"query": nonsense}', headers={"content-type": "application/json"})
    is_problem(response, 422, "invalid-request")
    assert "not readable JSON: " in response.json()["detail"]
    assert response.json()["detail"].endswith("at character 10")


def test_stats_tell_of_queues_and_of_the_cache_while_the_catalogue_is_away(parts, client):
    def away():
        raise CatalogError("away")

    search(client, "x")
    parts.catalog.count = away
    found = client.get("/stats").json()
    assert found["n_items"] is None
    assert [pool["name"] for pool in found["pools"]] == ["writing", "searching", "decoding", "encoding"]
    assert found["cache_lookups"] == {"found": 0, "missing": 1, "unavailable": 0}


@pytest.mark.parametrize(
    ("method", "address", "allowed"),
    [("PUT", "/index/rex", "DELETE, GET, HEAD"), ("DELETE", "/index", "GET, HEAD, POST"), ("GET", "/search/text", "POST")],
)
def test_all_methods_of_an_address_are_named_where_another_one_came(client, method, address, allowed):
    response = client.request(method, address)
    is_problem(response, 405, "method-not-allowed")
    assert response.headers["allow"] == allowed


def test_unknown_addresses_and_methods_are_problems(client):
    is_problem(client.get("/nope"), 404, "not-found")
    is_problem(client.get("/web/nope.js"), 404, "not-found")
    refused = client.put("/search/text")
    is_problem(refused, 405, "method-not-allowed")
    assert refused.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/search/text", "application/json"),
        ("/search/image", "multipart/form-data; boundary=x"),
        ("/index", "multipart/form-data; boundary=x"),
        ("/index", "application/json"),
    ],
)
def test_a_huge_upload_is_refused_with_or_without_its_length(client, path, content_type):
    def chunks():
        yield from [b"x" * 10_000] * 30

    for content in (b"x" * 300_000, chunks()):
        is_problem(client.post(path, content=content, headers={"content-type": content_type}), 413, "request-too-large")


def test_a_forms_flood_of_parts_is_refused(client):
    files = [(f"f{number}", ("f", b"")) for number in range(50)]
    is_problem(client.post("/index", files=files), 400, "malformed-request")
    is_problem(client.post("/search/image", files=files), 400, "malformed-request")


def test_every_answer_carries_an_id_and_security_headers(client):
    for response in (client.get("/livez"), client.get("/nope"), client.get("/")):
        assert len(response.headers["x-request-id"]) == 32
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in response.headers["content-security-policy"]
        assert "unsafe" not in response.headers["content-security-policy"]
        assert response.headers.keys() >= {"permissions-policy", "cross-origin-opener-policy", "cross-origin-resource-policy"}


def test_the_page_has_nothing_that_its_content_policy_forbids(client):
    page = client.get("/").text
    assert re.findall(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|javascript:|https?://", page) == []


def test_a_sensible_request_id_is_echoed_and_another_is_not(client):
    assert client.get("/livez", headers={"x-request-id": "abc-1"}).headers["x-request-id"] == "abc-1"
    assert client.get("/livez", headers={"x-request-id": "a b\tc"}).headers["x-request-id"] != "a b\tc"


def test_one_line_is_logged_for_a_request_and_nothing_of_its_content(client):
    with logged_lines() as lines:
        client.post("/search/text?token=hidden", json={"query": "my secret"}, headers={"x-request-id": "abc"})
    [line] = lines
    told = [line[name] for name in ("event", "method", "route", "status", "request_id")]
    assert told == ["request", "POST", "/search/text", 422, "abc"]
    assert line["latency_ms"] > 0 < line["n_bytes"]
    assert "secret" not in str(lines)
    assert "hidden" not in str(lines)


def test_an_unexpected_error_is_logged_and_hidden(parts, tmp_path, caplog):
    def explode(raw):
        raise RuntimeError("secret internals")

    parts.encoders["text"].prepare = explode
    app = create_app(settings_for(tmp_path), services=start_services(parts, settings_for(tmp_path)))
    with TestClient(app, raise_server_exceptions=False) as client:
        response = client.post("/search/text", json={"query": "x"})
    is_problem(response, 500, "internal-error")
    assert "secret" not in response.text
    assert "secret internals" in caplog.text


def test_a_busy_service_says_when_to_come_back(parts, tmp_path):
    entered, leave = threading.Event(), threading.Event()

    def wait(raw):
        entered.set()
        leave.wait(30)
        return raw

    parts.encoders["text"].prepare = wait
    with running(parts, settings_for(tmp_path, max_waiting=0)) as client, ThreadPoolExecutor(1) as another:
        first = another.submit(client.post, "/search/text", json={"query": "x"})
        entered.wait(30)
        refused = client.post("/search/text", json={"query": "y"})
        leave.set()
        assert first.result().status_code == 200
        is_problem(refused, 503, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        assert client.post("/search/text", json={"query": "y"}).status_code == 200


def test_stopping_closes_what_was_opened(tmp_path):
    parts = fake_parts(tmp_path)
    closed: list[bool] = []
    own = Parts(
        parts.bundle_id, parts.encoders, parts.indexes, parts.cache, parts.catalog, parts.media, lambda: closed.append(True)
    )
    with running(own, settings_for(tmp_path)):
        assert not closed
    assert closed
    assert parts.cache.closed


def test_openapi_describes_every_route_with_its_problems(client):
    document = client.get("/openapi.json").json()
    assert set(document["paths"]) == {
        "/search/text", "/search/image", "/search/id", "/search/code", "/search/mix", "/search/many", "/search/url",
            "/encode", "/compare", "/feedback", "/recalibrate",
        "/index", "/index/list", "/index/lookup", "/index/count", "/index/duplicates", "/index/delete",
        "/index/jobs", "/index/jobs/{job_id}", "/index/jobs/{job_id}/failures", "/index/jobs/{job_id}/cancel",
        "/index/{item_id}", "/index/{item_id}/image", "/livez", "/readyz", "/stats", "/stats/codes", "/stats/calibration",
        "/metrics",
    }  # fmt: skip
    assert set(document["paths"]["/index"]["post"]["requestBody"]["content"]) == {"application/json", "multipart/form-data"}
    assert "application/problem+json" in document["paths"]["/search/image"]["post"]["responses"]["415"]["content"]
    assert "HTTPValidationError" not in str(document)


def test_openapi_refers_to_nothing_it_lacks_and_shows_an_example_of_every_answer(client):
    document = client.get("/openapi.json").json()
    referred = set(re.findall(r"#/components/schemas/([A-Za-z0-9_]+)", json.dumps(document)))
    assert referred <= set(document["components"]["schemas"])
    for name in (
        "TextQuery",
        "SearchOut",
        "MixQuery",
        "ManyOut",
        "EncodeOut",
        "CompareOut",
        "IndexOut",
        "ItemOut",
        "PageOut",
        "CountOut",
        "DeleteIn",
        "DeleteOut",
        "DuplicatesOut",
        "JobOut",
        "JobsOut",
        "StatsOut",
        "CodeStatsOut",
        "Ready",
        "Live",
    ):
        assert document["components"]["schemas"][name]["examples"]


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (query_schemas.TextQuery, examples.TEXT_QUERY),
        (query_schemas.SearchOut, examples.SEARCH_OUT),
        (query_schemas.IdQuery, examples.ID_QUERY),
        (query_schemas.CodeQuery, examples.CODE_QUERY),
        (query_schemas.MixQuery, examples.MIX_QUERY),
        (query_schemas.ManyQueries, examples.MANY_QUERIES),
        (query_schemas.ManyOut, examples.MANY_OUT),
        (thing_schemas.EncodeIn, examples.ENCODE_IN),
        (thing_schemas.EncodeOut, examples.ENCODE_OUT),
        (thing_schemas.CompareIn, examples.COMPARE_IN),
        (thing_schemas.CompareOut, examples.COMPARE_OUT),
        (schemas.IndexOut, examples.INDEX_OUT),
        (schemas.ItemOut, examples.ITEM_OUT),
        (schemas.Ready, examples.READY),
        (stats_schemas.StatsOut, examples.STATS),
    ],
)
def test_the_examples_are_what_they_say(model, example):
    assert model.model_validate(example).model_dump(exclude_unset=True) == example


@pytest.mark.parametrize("path", ["/", "/operator", "/docs"])
def test_pages_load_nothing_from_elsewhere_and_run_nothing_that_stands_in_them(client, path):
    page = client.get(path)
    assert page.headers["content-type"].startswith("text/html")
    links = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    assert links
    for link in links:
        assert ":" not in link
        assert client.get(f"/{link.removeprefix('./')}").status_code == 200
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=", page.text)


def test_files_of_pages_are_asked_about_each_time_but_not_sent_again(client):
    first = client.get("/web/style.css")
    assert (first.headers["content-type"].partition(";")[0], first.headers["cache-control"]) == ("text/css", "no-cache")
    again = client.get("/web/style.css", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["cache-control"]) == (304, b"", "no-cache")
    assert client.get("/redoc").status_code == 404


@FUZZ
@given(JSON | st.dictionaries(st.sampled_from(["query", "k", "max_distance", "target"]), JSON))
def test_no_text_search_breaks_the_service(client, body):
    response = client.post("/search/text", json=body if _is_sendable(body) else {})
    assert response.status_code in {200, 400, 422}


@FUZZ
@given(JSON | st.fixed_dictionaries({"items": st.lists(JSON | st.fixed_dictionaries({"id": JSON, "text": JSON, "payload": JSON}))}))
def test_no_items_break_the_service(client, body):
    response = client.post("/index", json=body if _is_sendable(body) else {})
    assert response.status_code in {200, 415, 422}  # None is sent as no body at all
    assert client.get("/readyz").status_code == 200


@FUZZ
@given(st.binary(max_size=200), st.sampled_from(["/index", "/search/text", "/search/image"]))
def test_no_bytes_break_the_service(client, body, path):
    for content_type in ("application/json", "multipart/form-data; boundary=x", ""):
        response = client.post(path, content=body, headers={"content-type": content_type})
        assert 400 <= response.status_code < 500


def test_a_picture_and_a_text_of_the_same_meaning_have_one_code(client):
    index(client, {"id": "a", "text": "red", "image": "f"}, pictures={"f": picture(colour="red", kind="JPEG")})
    codes = client.get("/index/a").json()["codes"]
    assert codes["image"] == codes["text"]


def _is_sendable(value: object) -> bool:
    """httpx refuses NaN and infinity itself."""
    return "nan" not in repr(value) and "inf" not in repr(value)
