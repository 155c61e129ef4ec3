"""A code cache in Redis, shared by every process of the service.

Decides what counts as an outage (anything Redis or the network between refuses), how long a request waits for Redis (one short
timeout, then not at all for a while) and that an entry of a wrong length is missing. Does not know how keys are made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.breaker import CircuitBreaker
from app.cache.base import N_BEHIND
from model.errors import ConfigError

_OUTAGES = (RedisError, OSError, TimeoutError)
_TRIES = 3  # a step is connect, ask, answer: each may use its own timeout, all together never more than this many


class RedisCodeCache:
    """A :class:`~app.cache.base.CodeCache` that does without Redis while Redis is away.

    Look-ups and writes have a circuit breaker each, as a full or read-only Redis still answers look-ups.

    Args:
        url: ``redis://…``, ``rediss://…`` or ``unix://…``; its query may set options of redis-py.
        ttl_s: Seconds an entry is kept; 1 or more.
        n_bytes: Length of one packed code; entries that are neither one nor one with something behind it are missing.
        timeout_s: Seconds to wait for a connection, and for an answer.
        breakers: One for look-ups and one for writes; by default ones that pause for 5 s.

    Raises:
        ConfigError: If the address cannot be read or ``ttl_s`` is not positive.
    """

    def __init__(
        self,
        url: str,
        *,
        ttl_s: int,
        n_bytes: int,
        timeout_s: float = 0.25,
        breakers: tuple[CircuitBreaker, CircuitBreaker] | None = None,
    ) -> None:
        if ttl_s < 1:
            raise ConfigError([f"ttl_s must be 1 or more, not {ttl_s}"])
        self._client = _connectable(url, timeout_s)
        self._ttl_s = ttl_s
        self._lengths = (n_bytes, n_bytes + N_BEHIND)
        self._longest_s = _TRIES * timeout_s
        self._reads, self._writes = breakers or (CircuitBreaker("Redis look-ups"), CircuitBreaker("Redis writes"))

    @property
    def answers(self) -> bool:
        """Whether the last look-up was answered."""
        return not self._reads.is_broken

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Looks keys up in one MGET; during an outage all are missing.

        Args:
            keys: Any number of keys, repeats allowed.

        Returns:
            One entry a key, in order; None where missing.
        """
        if not keys or not self._reads.allows():
            return [None] * len(keys)
        try:
            async with asyncio.timeout(self._longest_s):
                values = await self._client.mget(keys)
        except _OUTAGES as error:
            self._reads.failed(error)
            return [None] * len(keys)
        self._reads.succeeded()
        return [self._code(value) for value in values]

    async def put_many(self, entries: Mapping[str, bytes]) -> None:
        """Keeps entries, all of them in one round trip; keeps none during an outage.

        Args:
            entries: Packed code by key.
        """
        if not entries or self._reads.is_pausing or not self._writes.allows():
            return
        pipeline = self._client.pipeline(transaction=False)
        for key, code in entries.items():
            pipeline.set(key, code, ex=self._ttl_s)
        try:
            async with asyncio.timeout(self._longest_s):
                await pipeline.execute()
        except _OUTAGES as error:
            self._writes.failed(error)
        else:
            self._writes.succeeded()

    async def is_available(self) -> bool:
        """Tells whether Redis answers and took the last entries; asks it, whatever the circuit breakers say."""
        try:
            async with asyncio.timeout(self._longest_s):
                await self._client.ping()
        except _OUTAGES as error:
            self._reads.failed(error)
            return False
        self._reads.succeeded()
        return not self._writes.is_broken

    async def close(self) -> None:
        """Gives back the connections."""
        with suppress(*_OUTAGES):
            await self._client.aclose()

    def _code(self, value: bytes | str | None) -> bytes | None:
        return value if isinstance(value, bytes) and len(value) in self._lengths else None


def _connectable(url: str, timeout_s: float) -> redis.Redis:
    """Returns a client that has not connected yet.

    Args:
        url: Address of Redis.
        timeout_s: Seconds for connecting, and for each answer.

    Returns:
        The client.

    Raises:
        ConfigError: If the address or an option in it cannot be read.
    """
    retry = Retry(NoBackoff(), retries=0)
    try:
        client = redis.Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=retry)
        pool = client.connection_pool
        pool.connection_class(**pool.connection_kwargs)  # unknown options show only here
    except (ValueError, TypeError) as error:
        raise ConfigError([f"REDIS_URL: {error}"]) from error
    return client
