import asyncio

import pytest

from app.idempotency import KEEP_S, Answer, Idempotency, asked_of
from app.pools import Pool
from model.errors import IdempotencyKeyReused, InvalidRequest, RequestInProgress
from tests.fakes import FakeCatalog

pytestmark = pytest.mark.anyio


class Bench:
    """Answers by counting how often the work was done."""

    def __init__(self):
        self.catalog, self.now_s, self.n_done = FakeCatalog("b"), 1_000_000.0, 0
        self.pool = Pool("reading", n_threads=1, max_waiting=8)
        self.idempotency = Idempotency(records=self.catalog, pool=self.pool, clock=lambda: self.now_s)

    async def work(self, keep):
        self.n_done += 1
        answer = Answer(200, f"done {self.n_done}")
        self.catalog.upsert_many([], keep(lambda _: answer))
        return answer

    async def ask(self, key="k", caller="me", what="a", work=None):
        return await self.idempotency.once(asked_of(key, caller, what, {}), work or self.work)


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.pool.close()


async def test_the_same_request_is_answered_again_and_not_done_again(bench):
    assert await bench.ask() == Answer(200, "done 1")
    assert await bench.ask() == Answer(200, "done 1", replayed=True)


async def test_without_a_key_everything_is_done(bench):
    assert [(await bench.ask(key=None)).body for _ in range(2)] == ["done 1", "done 2"]


async def test_another_request_with_the_key_is_refused(bench):
    await bench.ask()
    with pytest.raises(IdempotencyKeyReused):
        await bench.ask(what="b")


async def test_two_callers_may_have_the_same_key(bench):
    assert [(await bench.ask(caller=who)).body for who in ("me", "you")] == ["done 1", "done 2"]


async def test_an_answer_expires_after_a_day(bench):
    await bench.ask()
    bench.now_s += KEEP_S + 1
    assert (await bench.ask(what="b")).body == "done 2"
    bench.now_s += KEEP_S + 1
    assert bench.idempotency.forget() == 1
    assert bench.idempotency.forget() == 0


async def test_what_fails_is_not_kept(bench):
    async def fail(_):
        raise InvalidRequest("no")

    with pytest.raises(InvalidRequest):
        await bench.ask(work=fail)
    assert (await bench.ask()).body == "done 1"


async def test_the_same_request_while_it_is_worked_on_is_refused(bench):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait(keep):
        begun.set()
        await go_on.wait()
        return await bench.work(keep)

    first = asyncio.create_task(bench.ask(work=wait))
    await begun.wait()
    with pytest.raises(RequestInProgress):
        await bench.ask()
    go_on.set()
    assert (await first).body == "done 1"
    assert (await bench.ask()).replayed


@pytest.mark.parametrize("key", ["", "a b", "ü", "x" * 256])
async def test_a_key_that_is_none_is_refused(bench, key):
    with pytest.raises(InvalidRequest, match="Idempotency-Key"):
        await bench.ask(key=key)


async def test_files_and_json_make_the_request_not_their_order():
    one = asked_of("k", "", {"a": 1, "b": 2}, {"f": b"1", "g": b"2"})
    assert one == asked_of("k", "", {"b": 2, "a": 1}, {"g": b"2", "f": b"1"})
    assert one != asked_of("k", "", {"a": 1, "b": 2}, {"f": b"2", "g": b"1"})
