import asyncio
import gc

import pytest

from app.caller import Caller, current_caller, set_caller
from app.flights import Flights
from model.errors import DeadlinePassed, Overloaded

pytestmark = pytest.mark.anyio


class Bench:
    """Flights that land when the test says so."""

    def __init__(self):
        self.go, self.begun, self.n_joined, self.errors = asyncio.Event(), [], 0, []
        self.flights = Flights(self.work, self.join)

    def join(self, n):
        self.n_joined += n

    async def work(self, wanted, turn):
        self.begun.append((sorted(wanted), turn))
        await self.go.wait()
        current_caller().check()
        if self.errors:
            raise self.errors.pop(0)
        return {key: value.upper() for key, value in wanted.items()}

    async def ask(self, *keys, caller=None, is_search=True):
        async def wait():
            set_caller(caller or Caller(None))
            return await self.flights.results({key: key for key in keys}, is_search=is_search)

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # the flight has begun
        return task


@pytest.fixture
async def bench():
    return Bench()


async def test_equal_keys_under_way_are_worked_on_once(bench):
    tasks = [await bench.ask("a", "b"), await bench.ask("b", "c"), await bench.ask("a")]
    bench.go.set()
    assert await asyncio.gather(*tasks) == [{"a": "A", "b": "B"}, {"b": "B", "c": "C"}, {"a": "A"}]
    assert ([keys for keys, _ in bench.begun], bench.n_joined) == ([["a", "b"], ["c"]], 2)


async def test_what_has_landed_is_begun_anew(bench):
    bench.go.set()
    for _ in range(2):
        assert await (await bench.ask("a")) == {"a": "A"}
    assert (len(bench.begun), bench.n_joined) == (2, 0)


@pytest.mark.parametrize("is_cancelled", [True, False])
async def test_a_leader_who_is_cancelled_or_goes_does_not_fail_those_who_joined(bench, is_cancelled):
    caller = Caller(None)
    leader, follower = await bench.ask("a", caller=caller), await bench.ask("a")
    if is_cancelled:
        leader.cancel()
    else:
        caller.has_gone()
    with pytest.raises((asyncio.CancelledError, DeadlinePassed)):
        await leader
    bench.go.set()
    assert (await follower, len(bench.begun)) == ({"a": "A"}, 1)


async def test_work_that_nobody_waits_for_ends_and_a_newcomer_begins_his_own(bench):
    callers = [Caller(None), Caller(None)]
    tasks = [await bench.ask("a", caller=caller) for caller in callers]
    for caller in callers:
        caller.has_gone()
    await asyncio.gather(*tasks, return_exceptions=True)
    newcomer = await bench.ask("a")
    bench.go.set()
    assert (await newcomer, len(bench.begun)) == ({"a": "A"}, 2)


async def test_a_followers_own_deadline_counts(bench):
    leader = await bench.ask("a")
    follower = await bench.ask("a", caller=Caller(0.001))
    with pytest.raises(DeadlinePassed):
        await follower
    bench.go.set()
    assert await leader == {"a": "A"}


async def test_who_joined_tries_once_more_when_the_leader_fails(bench):
    bench.errors = [Overloaded("busy")]
    tasks = [await bench.ask("a") for _ in range(3)]
    bench.go.set()
    leader, *followers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(leader, Overloaded)
    assert (followers, len(bench.begun)) == ([{"a": "A"}] * 2, 2)


async def test_what_fails_again_fails_for_all(bench):
    bench.errors = [ZeroDivisionError(), ZeroDivisionError()]
    tasks = [await bench.ask("a") for _ in range(3)]
    bench.go.set()
    assert [type(error) for error in await asyncio.gather(*tasks, return_exceptions=True)] == [ZeroDivisionError] * 3
    assert len(bench.begun) == 2


async def test_a_search_that_joins_bulk_work_makes_it_a_search(bench):
    bulk = await bench.ask("a", is_search=False)
    [(_, turn)] = bench.begun
    assert not turn.is_search
    search = await bench.ask("a")
    assert turn.is_search
    bench.go.set()
    await asyncio.gather(bulk, search)


async def test_what_fails_after_all_have_gone_is_no_matter_for_the_log(bench):
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))
    task = await bench.ask("a", caller=Caller(0.01))
    with pytest.raises(DeadlinePassed):
        await task
    bench.go.set()
    for _ in range(5):
        await asyncio.sleep(0)
    del task
    gc.collect()
    assert told == []
