import asyncio
import threading

import pytest

from app.batching import Batcher, BatchRules, Turn
from app.caller import Caller, set_caller
from app.pools import Pool
from model.errors import DeadlinePassed, Overloaded

pytestmark = pytest.mark.anyio
BULK = {"turn": Turn(is_search=False)}


class Bench:
    """A batcher whose passes end when the test says so, and what they held."""

    def __init__(self, **rules):
        self.pool = Pool("encoding", n_threads=1, max_waiting=1)
        self.began, self.go = threading.Semaphore(0), threading.Semaphore(0)
        self.passes = []
        self.batcher = Batcher(self.encode, pool=self.pool, rules=BatchRules(**rules), on_pass=lambda *one: None)

    def encode(self, modality, inputs):
        self.passes.append((modality, list(inputs)))
        self.began.release()
        self.go.acquire(timeout=10)
        if "bad" in inputs:
            raise ZeroDivisionError
        return [str(one).upper() for one in inputs]

    async def start(self, *calls, busy=True):
        """Hands calls in one after another, by default while a pass is under way that holds "busy"."""
        calls = ([("text", ["busy"], {})] if busy else []) + list(calls)
        tasks = []
        for modality, inputs, more in calls:
            tasks.append(asyncio.create_task(self.batcher.run(modality, inputs, **more)))
            if busy and len(tasks) == 1:
                await asyncio.to_thread(self.began.acquire, timeout=10)
        await asyncio.sleep(0)
        return tasks

    def finish(self, n_passes=100):
        self.go.release(n_passes)


@pytest.fixture
def make():
    made = []
    yield lambda **rules: made.append(Bench(**rules)) or made[-1]
    for bench in made:
        bench.finish()
        bench.pool.close()


async def test_an_idle_encoder_begins_at_once_and_what_arrives_meanwhile_shares_the_next_pass(make):
    bench = make(max_wait_s=60)  # would show
    tasks = await bench.start(*(("text", [name], {}) for name in "abcdefgh"))
    bench.finish()
    assert await asyncio.gather(*tasks) == [["BUSY"], *([name.upper()] for name in "abcdefgh")]
    assert bench.passes == [("text", ["busy"]), ("text", list("abcdefgh"))]


async def test_a_pass_holds_inputs_of_one_modality_and_no_more_than_it_may(make):
    bench = make(max_batch=2)
    tasks = await bench.start(("text", ["a"], {}), ("image", ["x"], {}), ("text", ["b", "c"], {}))
    bench.finish()
    await asyncio.gather(*tasks)
    assert bench.passes[1:] == [("text", ["a", "b"]), ("image", ["x"]), ("text", ["c"])]


async def test_searches_go_before_bulk_work_that_came_first(make):
    bench = make()
    tasks = await bench.start(("image", ["bulk"], BULK), ("text", ["more"], BULK), ("text", ["search"], {}))
    bench.finish()
    await asyncio.gather(*tasks)
    assert bench.passes[1:] == [("text", ["search"]), ("image", ["bulk"]), ("text", ["more"])]


async def test_bulk_work_that_a_search_wants_becomes_a_search(make):
    bench, turn = make(), Turn(is_search=False)
    tasks = await bench.start(("image", ["bulk"], BULK), ("image", ["wanted"], {"turn": turn}))
    turn.is_search = True
    bench.finish()
    await asyncio.gather(*tasks)
    assert bench.passes[1:] == [("image", ["wanted"]), ("image", ["bulk"])]


async def test_what_nobody_waits_for_any_more_is_left_out_of_the_pass(make):
    bench, caller = make(), Caller(None)

    async def ask():
        set_caller(caller)
        await bench.batcher.run("text", ["gone"])

    tasks = await bench.start(("text", ["stays"], {}), ("text", ["cancelled"], {}))
    going = asyncio.create_task(ask())
    await asyncio.sleep(0)
    tasks[2].cancel()
    caller.has_gone()
    with pytest.raises(DeadlinePassed):
        await going
    bench.finish()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert bench.passes[1:] == [("text", ["stays"])]


async def test_one_bad_input_does_not_fail_those_beside_it(make):
    bench = make()
    tasks = await bench.start(*(("text", [name], {}) for name in ("a", "bad", "b")))
    bench.finish()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert answers[1::2] == [["A"], ["B"]]
    assert isinstance(answers[2], ZeroDivisionError)


async def test_a_full_queue_is_refused_but_bulk_work_does_not_fill_it_for_searches(make):
    bench = make(max_waiting=1)
    tasks = await bench.start(("text", ["a"], BULK), ("text", ["b"], BULK), ("text", ["c"], {}))
    with pytest.raises(Overloaded, match="encoding"):
        await bench.batcher.run("text", ["d"])
    figures = bench.batcher.figures()
    assert (figures.n_waiting, figures.n_running, figures.n_refused) == (3, 1, 1)
    bench.finish()
    await asyncio.gather(*tasks)
    assert (bench.batcher.figures().n_waiting, bench.batcher.figures().n_running) == (0, 0)


async def test_a_pass_behind_another_one_waits_for_more_until_it_is_full(make):
    bench = make(max_batch=2, max_wait_s=60)
    tasks = await bench.start(("text", ["a"], {}))
    bench.finish(1)
    await tasks[0]
    tasks += await bench.start(("text", ["b"], {}), busy=False)
    bench.finish()
    await asyncio.gather(*tasks)
    assert bench.passes[1:] == [("text", ["a", "b"])]


async def test_a_closed_batcher_refuses_politely(make):
    bench = make()
    bench.batcher.close()
    with pytest.raises(Overloaded, match="stopping"):
        await bench.batcher.run("text", ["a", "b"])
