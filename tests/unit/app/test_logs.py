import asyncio
import io
import json
import logging
import re
import time
import warnings
from datetime import UTC, datetime

import pytest

from app.logs import formatter, log_request, logged_with, set_up_logging
from app.pools import Pool
from tests.builders import index, logged_lines, running, settings_for


@pytest.fixture
def set_up():
    """Sets logging up as the service does, but into a string; as it was, afterwards."""
    root, stream = logging.getLogger(), io.StringIO()
    before = root.handlers[:], root.level

    def now():
        root.handlers[:] = []
        set_up_logging("info", "json", stream)
        return stream

    yield now
    root.handlers[:], root.level = before
    logging.captureWarnings(False)


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_logger_goes_through_the_same_pipe(set_up):
    pipe = set_up()
    logging.getLogger("uvicorn.error").info("Started %s", "it", extra={"color_message": "\x1b[1mit"})
    logging.getLogger("app.x").debug("too little")
    logging.getLogger("app.x").warning("ours", extra={"n_items": 3})
    first, second = lines(pipe)
    assert (first["event"], first["logger"], first["level"]) == ("Started it", "uvicorn.error", "info")
    assert "color_message" not in first
    assert (second["event"], second["n_items"]) == ("ours", 3)
    assert second["timestamp"].endswith("Z")


def test_warnings_of_python_are_log_lines(set_up):
    pipe = set_up()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)  # whoever was here before may have left it on, and then on does nothing
        logging.captureWarnings(True)  # pytest has its own way, which came later
        warnings.warn("old ways", UserWarning, stacklevel=1)
    logging.captureWarnings(False)
    assert [(line["logger"], "old ways" in line["event"]) for line in lines(pipe)] == [("py.warnings", True)]


def test_an_errors_traceback_is_one_field_without_the_values_of_variables(set_up):
    pipe = set_up()
    hidden = "my secret"
    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger("app").exception("it failed")
    [line] = lines(pipe)
    assert "ValueError: boom" in line["exception"]
    assert hidden not in pipe.getvalue()


def test_readers_get_one_line_with_its_fields():
    record = logging.makeLogRecord({"name": "app.access", "levelname": "INFO", "msg": "request", "status": 200})
    text = formatter("console").format(record)
    assert "request" in text
    assert "status=200" in text
    assert "\n" not in text


FACTS = {"method": "POST", "route": "/index/{item_id:path}", "status": 200, "latency_ms": 0.3, "n_bytes": 7, "key_name": "a b"}


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_requests_line_says_what_any_other_line_with_its_fields_would(log_format):
    def line(name):
        record = logging.makeLogRecord({"name": name, "levelname": "INFO", "msg": "request", **FACTS})
        with logged_with(request_id="r.1", trace_id="0f"):
            return re.sub(r"\d{4}-\d\d-\d\dT[0-9:]{8}\.\d{6}Z", "NOW", formatter(log_format).format(record))

    ours, usual = line("app.access"), line("app.accesx").replace("accesx", "access")
    assert "NOW" in ours
    read = json.loads if log_format == "json" else lambda line: sorted(line.split())
    assert read(ours) == read(usual)


@pytest.mark.parametrize("created", [1_700_000_000.0, 1_700_000_000.9999999, 1_717_171_717.1234565, 1_717_171_717.000001])
def test_a_requests_line_tells_when_it_was_made(created):
    record = logging.makeLogRecord({"name": "app.access", "levelname": "INFO", "msg": "request", "created": created})
    told = json.loads(formatter("json").format(record))["timestamp"]
    assert told == f"{datetime.fromtimestamp(created, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


class Listener(logging.Handler):
    """Keeps records."""

    def __init__(self):
        super().__init__()
        self.records = []
        self.emit = self.records.append


@pytest.mark.parametrize("name", ["", "app", "app.access"])
def test_a_requests_record_has_what_every_record_has(set_up, name):
    pipe, listener, before = set_up(), Listener(), time.time()
    logging.getLogger(name).addHandler(listener)
    log_request(FACTS)
    logging.getLogger(name).removeHandler(listener)
    [record] = listener.records
    assert record.__dict__.keys() == logging.makeLogRecord({}).__dict__.keys() | FACTS.keys()
    assert before <= record.created <= time.time()
    assert record.msecs == pytest.approx(record.created % 1 * 1000, abs=1)
    assert (record.name, record.levelname, record.getMessage(), record.key_name) == ("app.access", "INFO", "request", "a b")
    assert len(lines(pipe)) == 1


def test_a_requests_line_is_the_same_whether_anybody_else_listens_or_not(set_up):
    pipe = set_up()
    with logged_with(request_id="r1"):
        log_request(FACTS)
        logging.getLogger("app").addHandler(listener := Listener())
        log_request(FACTS)
    logging.getLogger("app").removeHandler(listener)
    alone, beside = lines(pipe)
    assert list(alone.items())[:-1] == list(beside.items())[:-1]
    assert (alone["request_id"], alone["n_bytes"], list(alone)[-1]) == ("r1", 7, "timestamp")


def test_requests_are_not_logged_where_only_warnings_are(set_up):
    pipe = set_up()
    logging.getLogger().setLevel("WARNING")
    log_request(FACTS)
    assert pipe.getvalue() == ""


def test_a_stream_that_is_gone_keeps_no_request_from_being_answered(set_up, capsys):
    set_up().close()
    log_request(FACTS)
    assert "ValueError" in capsys.readouterr().err  # logging says so, as for every line


def test_lines_of_threads_that_work_for_a_request_carry_its_id():
    async def work():
        pool = Pool("testing", n_threads=1, max_waiting=0)
        with logged_with(request_id="r1"):
            await pool.run(logging.getLogger("app.x").warning, "from a thread")
        pool.close()

    with logged_lines() as lines:
        asyncio.run(work())
    assert [line["request_id"] for line in lines if line["logger"] == "app.x"] == ["r1"]


def test_lines_about_a_failure_carry_the_requests_id(parts, tmp_path):
    with running(parts, settings_for(tmp_path)) as client, logged_lines() as lines:
        parts.catalog.failing = True
        client.post("/index", json={"items": [{"id": "a", "text": "x"}]}, headers={"x-request-id": "r2"})
    assert {line["request_id"] for line in lines if line["logger"].startswith("app.")} == {"r2"}
    assert {line["logger"] for line in lines} >= {"app.error_answers", "app.access"}


def test_an_item_is_logged_by_its_routes_template(client):
    index(client, {"id": "private/name", "text": "x"})
    with logged_lines() as lines:
        assert client.get("/index/private%2Fname").status_code == 200
        assert client.get("/nowhere/private").status_code == 404
    assert [line["route"] for line in lines if line["logger"] == "app.access"] == ["/index/{item_id:path}", "none"]
    assert "private" not in str([line for line in lines if line["logger"].startswith("app")])
