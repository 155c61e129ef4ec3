"""The code cache on a real Redis that is filled, broken, stopped and started again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import redis.asyncio as redis

from app.breaker import CircuitBreaker
from app.cache.redis_cache import RedisCodeCache
from tests.redis_fixture import RedisServer, free_port

pytestmark = pytest.mark.anyio

CODES = {f"key {number}": bytes([number] * 8) for number in range(5)}
KEYS = list(CODES)
NOTHING = [None] * len(KEYS)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@asynccontextmanager
async def opened(url: str, clock: Callable[[], float] | None = None, timeout_s: float = 2.0) -> AsyncIterator[RedisCodeCache]:
    clock = clock or Clock()
    breakers = (CircuitBreaker("reads", clock=clock), CircuitBreaker("writes", clock=clock))
    cache = RedisCodeCache(url, ttl_s=60, n_bytes=8, timeout_s=timeout_s, breakers=breakers)
    try:
        yield cache
    finally:
        await cache.close()


@asynccontextmanager
async def flushed(url: str) -> AsyncIterator[redis.Redis]:
    client = redis.Redis.from_url(url)
    try:
        await client.flushall()
        yield client
    finally:
        await client.aclose()


async def test_it_keeps_the_contract(redis_url: str) -> None:
    async with flushed(redis_url), opened(redis_url) as cache:
        assert await cache.is_available()
        assert await cache.get_many([]) == []
        await cache.put_many({})
        assert await cache.get_many(KEYS) == NOTHING
        await cache.put_many(CODES)
        await cache.put_many({"key 1": bytes([9] * 8)})
        assert await cache.get_many(["key 3", "other", "key 1", "key 3"]) == [CODES["key 3"], None, bytes([9] * 8), CODES["key 3"]]


async def test_entries_end_by_themselves(redis_url: str) -> None:
    async with flushed(redis_url) as client, opened(redis_url) as cache:
        await cache.put_many(CODES)
        assert all([0 < await client.ttl(key) <= 60 for key in KEYS])


async def test_many_keys_are_one_command(redis_url: str) -> None:
    async with flushed(redis_url) as client, opened(redis_url) as cache:
        await cache.get_many(KEYS)
        await client.config_resetstat()
        await cache.get_many(KEYS)
        calls = await client.info("commandstats")
    assert calls["cmdstat_mget"]["calls"] == 1
    assert set(calls) <= {"cmdstat_mget", "cmdstat_info", "cmdstat_config", "cmdstat_config|resetstat"}


async def test_a_foreign_or_damaged_entry_is_missing(redis_url: str) -> None:
    async with flushed(redis_url) as client, opened(redis_url) as cache:
        await client.set("short", b"1234567")
        await client.set("long", b"123456789")
        await client.lpush("list", b"12345678")
        assert await cache.get_many(["short", "long", "list"]) == [None, None, None]
        assert await cache.is_available()


async def test_an_outage_is_missing_then_found_again_and_logged_once(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    async with opened(own_redis.url, clock) as cache:
        await cache.put_many(CODES)
        own_redis.stop()
        with caplog.at_level(logging.INFO, "app.cache"):
            for _ in range(5):
                assert await cache.get_many(KEYS) == NOTHING
                await cache.put_many(CODES)
                clock.now_s += 5
        assert not await cache.is_available()
        own_redis.start()
        assert await cache.get_many(KEYS) == NOTHING  # still pausing
        clock.now_s += 5
        with caplog.at_level(logging.INFO, "app.cache"):
            assert await cache.get_many(KEYS) == NOTHING  # tried: Redis came back empty
            await cache.put_many(CODES)
            assert await cache.get_many(KEYS) == list(CODES.values())
    reads = [message for message in caplog.messages if message.startswith("reads")]
    assert ["begins" in message for message in reads] == [True, False]
    assert len(caplog.messages) <= 4


async def test_a_restart_between_two_requests_costs_at_most_one_missing(own_redis: RedisServer) -> None:
    clock = Clock()
    async with opened(own_redis.url, clock) as cache:
        await asyncio.gather(*(cache.get_many(KEYS) for _ in range(5)))  # several connections, all of them stale soon
        own_redis.restart()
        await cache.get_many(KEYS)
        clock.now_s += 5
        await cache.put_many(CODES)
        assert await cache.get_many(KEYS) == list(CODES.values())


@asynccontextmanager
async def broken_server(answer: bytes) -> AsyncIterator[str]:
    """Something that is no Redis: it says its answer and hangs up, or with no answer says nothing at all."""
    handled: list[asyncio.Task[None]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            handled.append(task)
        await reader.read(1 if answer else -1)
        writer.write(answer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.gather(*handled)


async def test_nobody_waits_for_a_redis_that_never_answers() -> None:
    async with broken_server(b"") as url, opened(url, timeout_s=0.05) as cache:
        assert await cache.get_many(KEYS) == NOTHING
        started = asyncio.get_running_loop().time()
        for _ in range(200):
            assert await cache.get_many(KEYS) == NOTHING
            await cache.put_many(CODES)
        assert asyncio.get_running_loop().time() - started < 1.0  # 400 timeouts would be 20 s


@pytest.mark.parametrize(
    "answer",
    [b"*5\r\n$8\r\n123", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"-LOADING Redis is loading the dataset in memory\r\n"],
    ids=["cut", "no Redis", "loading"],
)
async def test_an_answer_that_is_of_no_use_is_missing(answer: bytes) -> None:
    async with broken_server(answer) as url, opened(url) as cache:
        assert await cache.get_many(KEYS) == NOTHING


async def test_a_port_where_nobody_listens_is_missing() -> None:
    async with opened(f"redis://127.0.0.1:{free_port()}") as cache:
        await cache.put_many(CODES)
        assert await cache.get_many(KEYS) == NOTHING
        assert not await cache.is_available()


async def test_a_wrong_password_is_an_outage(own_redis: RedisServer) -> None:
    own_redis.restart("--requirepass", "right")
    async with opened(own_redis.url.replace("//", "//:wrong@")) as wrong, opened(own_redis.url.replace("//", "//:right@")) as right:
        assert await wrong.get_many(KEYS) == NOTHING
        assert not await wrong.is_available()
        await right.put_many(CODES)
        assert await right.get_many(KEYS) == list(CODES.values())


@pytest.mark.parametrize(
    "refusing", [{"maxmemory": "1", "maxmemory-policy": "noeviction"}, {"min-replicas-to-write": "1"}], ids=["full", "no replica"]
)
async def test_a_redis_that_refuses_writes_still_answers_look_ups(
    own_redis: RedisServer, refusing: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    async with opened(own_redis.url, clock) as cache, flushed(own_redis.url) as client:
        await cache.put_many(CODES)
        for name, value in refusing.items():
            await client.config_set(name, value)
        await cache.put_many({"new": bytes(8)})
        assert await cache.get_many([*KEYS, "new"]) == [*CODES.values(), None]
        assert not await cache.is_available()
    assert len(caplog.messages) == 1
    assert "writes" in caplog.messages[0]


async def test_a_read_only_replica_still_answers_look_ups(own_redis: RedisServer) -> None:
    async with opened(own_redis.url) as cache, flushed(own_redis.url) as client:
        await cache.put_many(CODES)
        await client.replicaof("127.0.0.1", str(free_port()))
        await cache.put_many({"new": bytes(8)})
        assert await cache.get_many([*KEYS, "new"]) == [*CODES.values(), None]


async def test_a_request_that_is_cancelled_leaves_the_cache_usable(own_redis: RedisServer) -> None:
    async with opened(own_redis.url) as cache, flushed(own_redis.url) as client:
        await cache.put_many(CODES)
        await client.client_pause(250)
        waiting = asyncio.create_task(cache.get_many(KEYS))
        await asyncio.wait([waiting], timeout=0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await cache.get_many(KEYS[::-1]) == list(CODES.values())[::-1]
