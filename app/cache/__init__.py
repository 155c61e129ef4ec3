"""The table of code caches: one line an address scheme."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.cache.base import CodeCache
from app.cache.memory_cache import MemoryCodeCache
from app.cache.redis_cache import RedisCodeCache
from app.cache.tiered_cache import TieredCodeCache
from model.errors import ConfigError

MEMORY_URL = "memory://"


@dataclass(frozen=True, slots=True)
class CacheOptions:
    """What a cache may want to know.

    Attributes:
        url: Where entries live; its scheme chooses the cache.
        n_bytes: Length of one packed code.
        ttl_s: Seconds an entry is kept in Redis.
        max_entries: Entries kept in memory, in front of Redis as well; 0 for none.
    """

    url: str
    n_bytes: int
    ttl_s: int
    max_entries: int


def _memory(options: CacheOptions) -> CodeCache:
    return MemoryCodeCache(options.max_entries)


def _redis(options: CacheOptions) -> CodeCache:
    far = RedisCodeCache(options.url, ttl_s=options.ttl_s, n_bytes=options.n_bytes)
    return TieredCodeCache(MemoryCodeCache(options.max_entries), far) if options.max_entries else far


CACHES: dict[str, Callable[[CacheOptions], CodeCache]] = {
    "memory": _memory,
    "redis": _redis,
    "rediss": _redis,
    "unix": _redis,
}


def open_cache(url: str | None, *, n_bytes: int, ttl_s: int = 7 * 86_400, max_entries: int = 65_536) -> CodeCache:
    """Returns the cache that an address names; nothing is connected yet.

    Args:
        url: ``redis://…``, ``rediss://…``, ``unix://…``; None, "" or ``memory://`` for one inside the process.
        n_bytes: Length of one packed code, n_bits / 8.
        ttl_s: Seconds an entry is kept in Redis.
        max_entries: Entries kept in memory, in front of Redis as well, the least recently used one making room; 0 for none.

    Returns:
        The cache; close it when done.

    Raises:
        ConfigError: If no cache has that scheme or the address cannot be read.
    """
    options = CacheOptions(url or MEMORY_URL, n_bytes, ttl_s, max_entries)
    scheme = urlsplit(options.url).scheme
    if scheme not in CACHES:
        raise ConfigError([f"REDIS_URL: {scheme or 'an address without scheme'} names no cache; known are {', '.join(CACHES)}"])
    return CACHES[scheme](options)
