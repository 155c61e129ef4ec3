import asyncio
import json
import tarfile
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from app import client as module
from app.client import AsyncClient, BitlensError, Client, Conflict, Invalid, Problem, Retries, Unavailable, Unreachable
from app.errors import PROBLEMS, ROUTING
from tests.builders import picture
from tests.client_world import Script, ToApplication, refusal

URL = "http://testserver"


@pytest.fixture
def service(client):
    """The client that is tried, before a service of fakes; ``client`` is the tests' own."""
    with Client(URL, transport=ToApplication(client)) as ours:
        yield ours


def tried(script, **more):
    return Client(URL, transport=script, sleep=script.sleep, **more)


def ok(**said):
    return httpx.Response(200, json=said)


def items(n, **more):
    return [{"id": f"i{number}", "text": f"word{number}", **more} for number in range(n)]


# --- what it asks and is answered ---


def test_items_with_and_without_pictures_are_indexed_found_and_deleted(service):
    rex = {"id": "rex", "image": picture("red dog"), "payload": {"album": 7}}
    assert service.index([rex, {"id": "tom", "text": "a cat"}])["n_added"] == 2
    assert [hit["id"] for hit in service.search_text("red dog", k=1)["hits"]] == ["rex"]
    assert service.search_image(picture("a cat"), k=1, filter=None, dedupe=True)["hits"][0]["id"] == "tom"
    assert service.image("rex", v="x") == rex["image"]
    assert (service.item("rex")["payload"], service.count_items()["n_items"]) == ({"album": 7}, 2)
    assert service.delete("rex") is None
    assert service.lookup(["rex", "tom"])["items"][0] is None


def test_hits_are_judged_with_the_query_as_it_came(service):
    service.index([{"id": "a", "text": "red cat"}])
    found = service.search_text("red cat", k=1, target="text", explain=True)
    judgement = {"query": found["query"], "id": "a", "target": "text", "relevant": True, "note": "red cat"}
    assert service.judge([judgement])["n_added"] == 1
    assert [one["note"] for page in service.pages(service.list_judgements, limit=1) for one in page["judgements"]] == ["red cat"]
    assert (service.forget_judgements(item="a"), service.forget_judgements(all=True)) == ({"n_deleted": 1}, {"n_deleted": 0})


def test_things_with_pictures_are_mixed_encoded_and_compared(service):
    service.index([{"id": "a", "text": "red cat"}])
    assert service.compare({"image": picture("red cat")}, {"id": "a"})["distance"] == 0
    assert service.search_mix([{"text": "red"}, {"image": picture("cat"), "weight": 0.5}], target="text")["hits"][0]["id"] == "a"
    encoded = service.encode([{"text": "red cat"}, {"image": b"none"}], relaxed=False)
    assert (encoded["n_failed"], encoded["results"][0]["hex"]) == (1, service.item("a")["codes"]["text"])


@pytest.mark.parametrize("item_id", ["count", "jobs", "a/b", "a/image", "ü %25", "..x", "lookup"])
def test_every_id_can_be_addressed(service, item_id):
    service.index([{"id": item_id, "text": "x"}])
    assert service.item(item_id)["id"] == item_id
    service.delete(item_id)
    with pytest.raises(module.NotFound):
        service.item(item_id)


def test_a_text_that_is_no_unicode_fails_as_its_item(service):
    done = service.ingest([{"id": "a", "text": "\udc80"}, {"id": "\udc80", "text": "x"}, {"id": "c", "text": "x"}])
    assert (done.n_added, done.n_failed) == (1, 2)
    with pytest.raises(module.NotFound):
        service.item("\udc80")


def test_a_key_and_a_timeout_are_sent_with_each_request():
    script = Script(ok(status="ok"))
    tried(script, api_key="secret", timeout_s=7).live()
    request = script.requests[0]
    assert request.headers["Authorization"] == "Bearer secret"
    assert request.extensions["timeout"] == {"connect": 7, "read": 7, "write": 7, "pool": 7}


def test_a_service_that_is_not_ready_tells_what_is_missing():
    script = Script(httpx.Response(503, json={"status": "not_ready", "missing": ["index"]}), refusal(503), ok(status="ready"))
    assert tried(script).ready()["missing"] == ["index"]
    assert tried(script).ready()["status"] == "ready"
    assert len(script.waits) == 1


def test_failures_of_a_job_are_a_line_each_and_figures_are_text():
    lines = b'{"line": 1, "id": "a", "type": "t", "detail": "d"}\n{"line": 7, "id": null, "type": "t", "detail": "d"}\n'
    script = Script(httpx.Response(200, content=lines), httpx.Response(200, text="n 1\n"))
    assert [failure["line"] for failure in tried(script).job_failures("j")] == [1, 7]
    assert tried(script).metrics() == "n 1\n"


def test_an_archive_is_streamed_anew_for_each_try(tmp_path):
    (tmp_path / "manifest.jsonl").write_text("{}")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(tmp_path / "manifest.jsonl", "manifest.jsonl")
    script = Script(refusal(503), ok(id="j"), ok(id="k"))
    tried(script).start_archive_job(tmp_path / "a.tar")
    tried(script).start_archive_job(b"PK zip")
    assert [request.content for request in script.requests] == [(tmp_path / "a.tar").read_bytes()] * 2 + [b"PK zip"]
    assert [request.headers["Content-Type"] for request in script.requests[1:]] == ["application/x-tar", "application/zip"]


def test_a_job_is_waited_for():
    script, seen = Script(ok(ended_at_s=None), ok(ended_at_s=None), ok(ended_at_s=5, state="done")), []
    assert tried(script).wait_for_job("j", every_s=2, progress=seen.append)["state"] == "done"
    assert (script.waits, len(seen)) == ([2, 2], 2)


def test_all_pages_of_whatever_has_a_cursor_are_walked(service):
    service.index(items(5, payload={"n": 1}))
    assert [len(page["items"]) for page in service.pages(service.list_items, limit=2)] == [2, 2, 1]
    pages = service.pages(service.search_text, "word1", k=2, target="text")
    assert sorted(hit["id"] for page in pages for hit in page["hits"]) == [f"i{n}" for n in range(5)]
    assert [item["id"] for item in service.all_items(filter={"field": "n", "eq": 1})] == [f"i{n}" for n in range(5)]
    assert list(service.all_items(filter={"field": "n", "eq": 2})) == []


# --- what goes wrong ---


@pytest.mark.parametrize("kind", [*PROBLEMS.values(), *ROUTING.values()], ids=lambda kind: f"{kind.status} {kind.slug}")
def test_every_problem_of_the_service_has_a_class_of_its_own_kind(kind):
    script = Script(refusal(kind.status, kind.slug))
    with pytest.raises(Problem) as raised:
        tried(script, retries=Retries(n_tries=1)).live()
    assert (raised.value.status, raised.value.slug, raised.value.detail) == (kind.status, kind.slug, "why")
    assert str(kind.status) in type(raised.value).__doc__ or (kind.status >= 500 and type(raised.value) is Unavailable)


def test_wrong_fields_are_told(service):
    with pytest.raises(Invalid) as raised:
        service.search_text("x", k="many")
    assert raised.value.errors[0]["loc"] == ["body", "k"]


@pytest.mark.parametrize("answer", [httpx.Response(200, text="<html>"), httpx.Response(404, text="<html>")])
def test_another_server_at_the_address_is_told(answer):
    with pytest.raises(BitlensError, match=r"is this address the service|404 Not Found"):
        tried(Script(answer)).live()


@pytest.mark.parametrize(
    ("outcome", "is_repeated"),
    [
        (refusal(503), True),
        (refusal(429, "rate-limited"), True),
        (refusal(409, "request-in-progress"), True),
        (httpx.Response(502, text="proxy"), True),
        (httpx.ConnectError("refused"), True),
        (httpx.ReadTimeout("late"), True),
        (httpx.RemoteProtocolError("cut"), True),
        (refusal(409, "bundle-mismatch"), False),
        (refusal(500, "internal-error"), False),
        (refusal(422, "invalid-request"), False),
        (httpx.UnsupportedProtocol("ftp"), False),
    ],
)
def test_what_may_pass_is_asked_again_and_nothing_else(outcome, is_repeated):
    script = Script(outcome, ok(n_items=7))
    if is_repeated:
        assert tried(script).count_items() == {"n_items": 7}
    else:
        with pytest.raises(BitlensError):
            tried(script).count_items()
    assert len(script.waits) == is_repeated


def test_what_may_have_been_done_is_not_asked_again_without_a_key():
    for error, n_waits in ((httpx.ReadError("cut"), 0), (httpx.ConnectError("refused"), 1), (refusal(503), 1)):
        script = Script(error, ok(id="j"))
        if n_waits:
            tried(script).cancel_job("j")
        else:
            with pytest.raises(Unreachable):
                tried(script).cancel_job("j")
        assert len(script.waits) == n_waits


def test_a_write_that_is_sent_again_has_the_same_key_and_another_one_another():
    script = Script(httpx.ReadError("cut"), refusal(503), ok(), ok(), ok())
    for _ in range(2):
        tried(script).delete_many(ids=["a"])
    tried(script).index(items(1), idempotency_key="mine")
    keys = [request.headers["Idempotency-Key"] for request in script.requests]
    assert (keys[0] == keys[1] == keys[2] != keys[3], keys[4]) == (True, "mine")


def test_an_answer_that_was_lost_is_given_again_and_nothing_is_done_twice(client, service):
    def lose(request):
        ToApplication(client).handle_request(request)
        raise httpx.ReadError("cut")

    script = Script(lose, ToApplication(client).handle_request)
    assert tried(script).index(items(1))["n_added"] == 1


def test_waits_grow_are_spread_and_never_shorter_than_asked():
    retries, call = Retries(n_tries=20, first_s=1, most_s=8), module._get("/livez", module.Live)
    waits = [[retries.wait_s(call, n, httpx.ConnectError("x")) for _ in range(200)] for n in range(1, 8)]
    assert [round(max(each)) for each in waits] == [1, 2, 4, 8, 8, 8, 8]
    assert all(min(each) < max(each) / 2 for each in waits)
    assert all(5 <= retries.wait_s(call, 1, refusal(503, **{"Retry-After": "5"})) <= 6 for _ in range(50))
    assert retries.wait_s(call, 20, refusal(503)) is None


def test_a_date_is_waited_for_and_a_service_that_asks_for_too_long_is_believed():
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    script = Script(refusal(503, **{"Retry-After": soon}), refusal(429, "rate-limited", **{"Retry-After": "90"}))
    with pytest.raises(module.RateLimited) as raised:
        tried(script).live()
    assert raised.value.retry_after_s == 90
    assert 18 < script.waits[0] < 21


def test_after_the_last_try_the_service_is_out_of_reach():
    script = Script(*[httpx.ConnectError("refused")] * 3)
    with pytest.raises(Unreachable, match="GET /livez: refused"):
        tried(script, retries=Retries(n_tries=3)).live()
    assert len(script.waits) == 2


# --- many items ---


def counted(request):
    """Answers a request to index in JSON, as if all was new."""
    sent = json.loads(request.content)["items"]
    return ok(results=[{"id": item["id"], "status": "added"} for item in sent])


def test_many_items_go_in_batches_and_are_told_of_as_they_are_answered():
    script, seen = Script(*[counted] * 4), []
    done = tried(script).ingest(iter(items(10)), n_parallel=1, batch_items=3, progress=lambda all_, new: seen.append(len(new)))
    assert (done.n_added, done.n_failed, sorted(seen)) == (10, 0, [1, 3, 3, 3])


def test_batches_end_where_their_pictures_are_too_large(service, client):
    transport = ToApplication(client)
    script = Script(*[transport.handle_request] * 9)
    pictures = [{"id": f"p{n}", "image": picture(f"word{n}", size=(20, 20))} for n in range(6)]
    done = tried(script).ingest(pictures, n_parallel=2, batch_bytes=2 * len(pictures[0]["image"]) + 1)
    assert (done.n_added, len(script.requests)) == (6, 3)


def test_no_more_items_are_taken_than_can_be_sent():
    taken, most_ahead, answered = 0, 0, 0

    def source():
        nonlocal taken, most_ahead
        for item in items(60):
            taken += 1
            most_ahead = max(most_ahead, taken - answered)
            yield item

    def progress(done, _):
        nonlocal answered
        answered = done.n_added

    tried(Script(*[counted] * 12)).ingest(source(), n_parallel=2, batch_items=5, progress=progress)
    assert most_ahead <= 3 * 5 + 1


def test_a_batch_that_is_refused_as_a_whole_is_cut_until_the_item_to_blame_is_alone(service):
    deep = {"id": "deep", "text": "x", "payload": json.loads("[" * 70 + "]" * 70)}
    large = {"id": "large", "image": b"x" * 250_000}
    done = service.ingest([*items(5), deep, large, {"id": "last", "text": "y"}], batch_items=8)
    assert (done.n_added, done.n_failed) == (6, 2)
    assert {failure["id"]: failure["error"]["status"] for failure in done.failures} == {"deep": 422, "large": 413}


def test_what_is_no_items_fault_ends_everything():
    for answer, error in ((refusal(401, "unauthenticated"), module.Unauthenticated), (httpx.ConnectError("x"), Unreachable)):
        with pytest.raises(error):
            tried(Script(answer), retries=Retries(n_tries=1)).ingest(items(9), n_parallel=1, batch_items=2)


# --- the same for asyncio ---


def run_async(script, use):
    async def main():
        async with AsyncClient(URL, transport=script, sleep=script.async_sleep) as ours:
            return await use(ours)

    return asyncio.run(main())


def test_the_async_client_retries_and_raises_alike():
    script = Script(refusal(503), httpx.ReadError("cut"), ok(n_items=1), refusal(409, "bundle-mismatch"))
    assert run_async(script, lambda ours: ours.count_items()) == {"n_items": 1}
    with pytest.raises(Conflict):
        run_async(script, lambda ours: ours.search_text("x"))


def test_the_async_client_walks_pages_and_waits_for_jobs():
    async def use(ours):
        ids = [item["id"] async for item in ours.all_items()]
        return ids, await ours.wait_for_job("j", progress=print)

    script = Script(
        ok(items=[{"id": "a"}], next_cursor="c"), ok(items=[{"id": "b"}], next_cursor=None), ok(ended_at_s=None), ok(ended_at_s=1)
    )
    assert run_async(script, use) == (["a", "b"], {"ended_at_s": 1})
    assert json.loads(script.requests[1].content)["cursor"] == "c"


def test_the_async_client_ingests_and_streams_archives(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK zip")

    async def source():
        for item in items(5):
            yield item

    async def use(ours):
        await ours.start_archive_job(tmp_path / "a.zip")
        return await ours.ingest(source(), batch_items=2), await ours.ingest(items(3), n_parallel=1)

    script = Script(ok(id="j"), *[counted] * 3, refusal(413, "request-too-large"), counted, refusal(422, "x"), counted, counted)
    first, second = run_async(script, use)
    assert script.requests[0].content == b"PK zip"
    assert (first.n_added, second.n_added) == (5, 3)


def test_the_async_client_ends_what_is_under_way_when_one_request_fails():
    with pytest.raises(module.Forbidden):
        run_async(Script(refusal(403, "forbidden")), lambda ours: ours.ingest(items(1)))
