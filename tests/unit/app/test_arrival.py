"""Bodies that do not come, and callers that do not stay; the application is driven by hand, message by message."""

import asyncio
import json
import threading

import pytest

from app.arrival import Arrive
from app.caller import Caller, current_caller, set_caller
from app.main import create_app, start_services
from app.pools import Pool
from model.errors import DeadlinePassed
from tests.builders import fake_parts, index, is_problem, running, settings_for

pytestmark = pytest.mark.anyio


def scope_of(path: str) -> dict[str, object]:
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", b"100")]
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers, "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }  # fmt: skip


async def answer_to(folder, messages, **given):
    """Serves one search whose body is some messages and then silence; returns the answer's status, headers and JSON."""
    settings = settings_for(folder, **given)
    app = create_app(settings, services=start_services(fake_parts(folder), settings))
    sent, coming = [], list(messages)

    async def receive():
        return coming.pop(0) if coming else await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    async with app.router.lifespan_context(app):
        await app(scope_of("/search/text"), receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), json.loads(sent[1]["body"])


async def test_a_body_that_stops_arriving_is_given_up(tmp_path):
    first = {"type": "http.request", "body": b'{"query": ', "more_body": True}
    for messages in ([], [first]):
        status, headers, body = await answer_to(tmp_path / str(len(messages)), messages, body_timeout_s=0.05)
        assert (status, body["type"]) == (408, "/problems/request-timeout")
        assert headers[b"connection"] == b"close"


async def test_a_body_in_pieces_is_read_to_its_end(tmp_path):
    pieces = [{"type": "http.request", "body": bytes([byte]), "more_body": True} for byte in b'{"query": "x"}']
    status, _, body = await answer_to(tmp_path, [*pieces, {"type": "http.request", "body": b""}])
    assert (status, body["hits"]) == (200, [])


def test_a_request_whose_time_is_up_is_dropped_before_its_work_begins(tmp_path):
    with running(fake_parts(tmp_path), settings_for(tmp_path, request_timeout_s=1e-9)) as client:
        refused = client.post("/search/text", json={"query": "x"})
        is_problem(refused, 503, "deadline-passed")
        assert int(refused.headers["retry-after"]) >= 1
        index(client, {"id": "a", "text": "x"})  # writes have a time of their own


@pytest.fixture
def busy():
    """A pool whose one thread is busy until it is told to go on."""
    pool, entered, go = Pool("testing", n_threads=1, max_waiting=4), threading.Event(), threading.Event()

    async def occupy():
        task = asyncio.create_task(pool.run(lambda: (entered.set(), go.wait(30))))
        await asyncio.to_thread(entered.wait, 30)
        return task

    yield pool, occupy, go
    go.set()
    pool.close()


async def run_for(caller, pool, work):
    set_caller(caller)
    return await pool.run(work)


async def test_work_that_waits_beyond_its_deadline_is_dropped_and_leaves_its_place(busy):
    pool, occupy, go = busy
    first, begun = await occupy(), []
    with pytest.raises(DeadlinePassed, match=r"within 0\.01 seconds"):
        await asyncio.create_task(run_for(Caller(0.01), pool, lambda: begun.append(1)))
    go.set()
    await first
    assert await pool.run(lambda: "next") == "next"
    assert begun == []


async def test_work_whose_caller_has_gone_is_dropped_when_its_turn_comes(busy):
    pool, occupy, go = busy
    first, caller, begun = await occupy(), Caller(30), []
    waiting = asyncio.create_task(run_for(caller, pool, lambda: begun.append(1)))
    await asyncio.sleep(0)
    caller.has_gone()
    go.set()
    await first
    with pytest.raises(DeadlinePassed, match="has gone"):
        await waiting
    assert begun == []


async def test_work_that_has_begun_is_finished_though_its_time_is_up():
    pool, clock = Pool("testing", n_threads=1, max_waiting=1), [0.0]
    caller = Caller(1, clock=lambda: clock[0])

    def work():
        clock[0] = 5.0
        return "done"

    assert await asyncio.create_task(run_for(caller, pool, work)) == "done"
    pool.close()


def test_what_outlives_its_request_has_no_deadline():
    caller = Caller(0)
    with pytest.raises(DeadlinePassed):
        caller.check()
    caller.is_answered()
    caller.check()
    assert caller.remaining_s() is None


def test_outside_of_requests_there_is_all_the_time_in_the_world():
    current_caller().check()
    assert current_caller().remaining_s() is None


async def test_a_caller_that_leaves_is_noticed_while_its_request_is_served():
    left, seen = asyncio.Event(), []

    async def receive():
        if not seen:
            return {"type": "http.request", "body": b""}
        await left.wait()
        return {"type": "http.disconnect"}

    async def app(scope, receive, send):
        seen.append(await receive())
        left.set()
        seen.append(await receive())
        with pytest.raises(DeadlinePassed, match="has gone"):
            current_caller().check()

    await Arrive(app, 1, 1)(scope_of("/"), receive, lambda message: None)
    assert [message["type"] for message in seen] == ["http.request", "http.disconnect"]


async def test_a_body_that_has_to_be_waited_for_is_waited_for_and_a_cancellation_gets_through():
    told, seen = asyncio.Event(), []

    async def receive():
        try:
            await asyncio.sleep(0)
            await told.wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        return {"type": "http.request", "body": b"late"}

    async def app(scope, receive, send):
        seen.append((await receive())["body"])

    served = [asyncio.create_task(Arrive(app, 5, 5)(scope_of("/"), receive, lambda message: None)) for _ in range(2)]
    await asyncio.sleep(0)
    served[0].cancel()
    told.set()
    await asyncio.wait(served)
    assert seen == ["cancelled", b"late"]
    assert served[0].cancelled()
