"""What every code cache keeps, and the fake as well; Redis is a fake server here and a real one in the integration tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from app.cache import open_cache
from app.cache.base import CodeCache, cache_key
from app.cache.memory_cache import MemoryCodeCache
from app.cache.redis_cache import RedisCodeCache
from app.cache.tiered_cache import TieredCodeCache
from model.errors import ConfigError
from tests.fakes import FakeCodeCache

pytestmark = pytest.mark.anyio

CODES = {f"key {number}": bytes([number] * 8) for number in range(5)}


def tiered() -> TieredCodeCache:
    return TieredCodeCache(MemoryCodeCache(100), FakeCodeCache())


@pytest.fixture(params=[lambda: MemoryCodeCache(100), FakeCodeCache, tiered], ids=["memory", "fake", "tiered"])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[CodeCache]:
    make: Callable[[], CodeCache] = request.param
    cache = make()
    yield cache
    await cache.close()


async def test_what_was_put_is_found_in_the_order_asked(cache: CodeCache) -> None:
    await cache.put_many(CODES)
    assert await cache.get_many(["key 3", "nothing", "key 0", "key 3"]) == [CODES["key 3"], None, CODES["key 0"], CODES["key 3"]]


async def test_nothing_asked_nothing_answered(cache: CodeCache) -> None:
    await cache.put_many({})
    assert await cache.get_many([]) == []


async def test_the_last_entry_of_a_key_counts(cache: CodeCache) -> None:
    await cache.put_many({"key": bytes(8)})
    await cache.put_many({"key": bytes([7] * 8)})
    assert await cache.get_many(["key"]) == [bytes([7] * 8)]


async def test_it_is_available(cache: CodeCache) -> None:
    assert await cache.is_available()


async def test_memory_forgets_the_least_recently_used_first() -> None:
    cache = MemoryCodeCache(2)
    await cache.put_many({"old": b"1", "used": b"2"})
    await cache.get_many(["old", "used", "old"])
    await cache.put_many({"new": b"3"})
    assert await cache.get_many(["old", "used", "new"]) == [b"1", None, b"3"]


async def test_memory_keeps_the_last_of_more_entries_than_it_may() -> None:
    cache = MemoryCodeCache(2)
    await cache.put_many(CODES)
    assert await cache.get_many(list(CODES)) == [None, None, None, CODES["key 3"], CODES["key 4"]]


async def test_a_memory_of_no_entries_keeps_none_and_one_of_fewer_is_refused() -> None:
    cache = MemoryCodeCache(0)
    await cache.put_many(CODES)
    assert await cache.get_many(["key 3"]) == [None]
    with pytest.raises(ConfigError, match="max_entries"):
        MemoryCodeCache(-1)


async def test_what_was_found_far_away_is_kept_near_and_outlives_an_outage() -> None:
    far = FakeCodeCache()
    cache = TieredCodeCache(MemoryCodeCache(100), far)
    await far.put_many(CODES)
    assert await cache.get_many(["key 1", "key 2", "key 1"]) == [CODES["key 1"], CODES["key 2"], CODES["key 1"]]
    far.available = False
    assert await cache.get_many(["key 2", "key 3", "key 1"]) == [CODES["key 2"], None, CODES["key 1"]]
    assert not cache.answers


async def test_an_outage_far_away_does_not_keep_codes_from_being_kept_near() -> None:
    far = FakeCodeCache()
    far.available = False
    cache = TieredCodeCache(MemoryCodeCache(100), far)
    await cache.put_many(CODES)
    assert await cache.get_many(list(CODES)) == list(CODES.values())
    assert not await cache.is_available()


async def test_only_what_is_not_near_is_asked_for_far_away() -> None:
    asked: list[list[str]] = []

    class Far(FakeCodeCache):
        async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
            asked.append(list(keys))
            return await super().get_many(keys)

    cache = TieredCodeCache(MemoryCodeCache(100), Far())
    await cache.put_many({"near": bytes(8)})
    await cache.get_many(["near"])
    await cache.get_many(["a", "near", "b", "a"])
    assert asked == [["a", "b"]]


async def test_the_address_chooses_the_cache() -> None:
    assert isinstance(open_cache(None, n_bytes=8), MemoryCodeCache)
    assert isinstance(open_cache("", n_bytes=8), MemoryCodeCache)
    for n_near, kind in ((0, RedisCodeCache), (10, TieredCodeCache)):
        redis = open_cache("redis://127.0.0.1:1/0", n_bytes=8, max_entries=n_near)
        assert isinstance(redis, kind)
        await redis.close()


@pytest.mark.parametrize("url", ["memcached://x", "localhost:6379", "redis://host:port", "redis://host?no_such_option=1"])
def test_an_address_that_cannot_be_read_is_a_config_error(url: str) -> None:
    with pytest.raises(ConfigError, match="REDIS_URL"):
        open_cache(url, n_bytes=8)


def test_entries_that_never_live_are_a_config_error() -> None:
    with pytest.raises(ConfigError, match="ttl_s"):
        RedisCodeCache("redis://127.0.0.1", ttl_s=0, n_bytes=8)


def test_a_config_error_does_not_show_the_password() -> None:
    with pytest.raises(ConfigError) as caught:
        open_cache("redis://user:secret@host:port", n_bytes=8)
    assert "secret" not in str(caught.value)


def test_keys_differ_by_bundle_modality_and_payload() -> None:
    keys = {cache_key(bundle, modality, payload) for bundle in "ab" for modality in ("image", "text") for payload in (b"x", b"y")}
    assert len(keys) == 8
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    assert cache_key("b1", "text", b"x") == f"bitlens:code:b1:text:{digest}"
