import asyncio
import threading

import pytest

from app.pools import Pool, PoolFigures
from model.errors import Overloaded

pytestmark = pytest.mark.anyio


@pytest.fixture
def pool():
    pool = Pool("testing", n_threads=1, max_waiting=1)
    yield pool
    pool.close()


async def test_work_runs_on_another_thread_and_its_result_comes_back(pool):
    assert await pool.run(lambda: threading.current_thread().name.startswith("testing"))


async def test_an_error_comes_back_as_it_is(pool):
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda: 1 / 0)


async def test_a_full_queue_is_refused_and_takes_work_again_later(pool):
    go = threading.Event()
    running = [asyncio.create_task(pool.run(go.wait, 10)) for _ in range(2)]
    await asyncio.sleep(0)  # lets both tasks hand in their work
    with pytest.raises(Overloaded, match="testing"):
        await pool.run(int)
    go.set()
    assert await asyncio.gather(*running) == [True, True]
    assert await pool.run(int) == 0


async def test_a_caller_who_goes_away_gives_back_the_place(pool):
    go = threading.Event()
    first, waiting = (asyncio.create_task(pool.run(go.wait, 10)) for _ in range(2))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    next_one = asyncio.create_task(pool.run(int))
    go.set()
    assert (await first, await next_one) == (True, 0)


async def test_what_waits_and_runs_and_was_refused_is_counted(pool):
    go = threading.Event()
    running = [asyncio.create_task(pool.run(go.wait, 10)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await pool.run(int)
    assert pool.figures() == PoolFigures("testing", n_waiting=1, n_running=1, n_refused=1)
    go.set()
    await asyncio.gather(*running)
    assert (pool.figures().n_waiting, pool.figures().n_running) == (0, 0)


async def test_a_closed_pool_refuses_politely(pool):
    pool.close()
    with pytest.raises(Overloaded, match="stopping"):
        await pool.run(int)
    assert pool.figures().n_running == 0


async def test_a_pool_that_is_drained_does_what_waits(pool):
    go, done = threading.Event(), []
    tasks = [asyncio.create_task(pool.run(work)) for work in (lambda: go.wait(10), lambda: done.append(1))]
    await asyncio.sleep(0)
    go.set()
    await asyncio.to_thread(pool.close, drain=True)
    assert done == [1]
    await asyncio.gather(*tasks)
