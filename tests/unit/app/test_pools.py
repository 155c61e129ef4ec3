import asyncio
import threading

import pytest

from app.pools import Pool
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
