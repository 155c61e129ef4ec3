"""How often one caller may ask, counted over a sliding window: in Redis, shared by all processes, or in this process.

Decides what happens while Redis is away (counting goes on in this process) and how a caller's standing is told. Does not know who
callers are.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from typing import Any, Protocol

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.storage.redis.redispy import RedispyBridge
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError

from app.breaker import CircuitBreaker
from model.errors import ConfigError

_TIMEOUT_S = 0.25
_OUTAGES = (StorageError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a caller stands after one more request.

    Attributes:
        is_allowed: Whether this request is within the limit.
        limit: Requests a window.
        window_s: Its length, seconds.
        remaining: Requests that are left.
        reset_s: Seconds, 1 or more, after which there will be more.
    """

    is_allowed: bool
    limit: int
    window_s: int
    remaining: int
    reset_s: int

    @property
    def headers(self) -> dict[str, str]:
        """The answer's headers, as draft-ietf-httpapi-ratelimit-headers-10 has them."""
        return {
            "RateLimit-Policy": f'"default";q={self.limit};w={self.window_s}',
            "RateLimit": f'"default";r={self.remaining};t={self.reset_s}',
        }

    @property
    def detail(self) -> str:
        """What is allowed, in plain words."""
        return f"at most {self.limit} requests in {self.window_s} seconds are allowed"


class RateLimiter(Protocol):
    """Counts requests."""

    async def hit(self, caller: str) -> Standing:
        """Counts one request.

        Args:
            caller: Whose.

        Returns:
            How the caller stands now.
        """
        ...

    async def close(self) -> None:
        """Gives back connections."""
        ...


class WindowLimiter:
    """A :class:`RateLimiter` that counts in the first place that answers.

    Args:
        limit: Requests a window.
        shared: Redis, or None.
        breaker: Leaves Redis alone for a while after an outage.
    """

    def __init__(self, limit: RateLimitItem, shared: RedisStorage | None = None, *, breaker: CircuitBreaker | None = None) -> None:
        self._limit = limit
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._storage = shared
        self._shared = None if shared is None else SlidingWindowCounterRateLimiter(shared)
        self._breaker = breaker or CircuitBreaker("Redis rate limits")

    async def hit(self, caller: str) -> Standing:
        """Counts one request; see :class:`RateLimiter`."""
        if self._shared is None or not self._breaker.allows():
            return await self._count(self._own, caller)
        try:
            async with asyncio.timeout(3 * _TIMEOUT_S):
                standing = await self._count(self._shared, caller)
        except _OUTAGES as error:
            self._breaker.failed(error)
            return await self._count(self._own, caller)
        self._breaker.succeeded()
        return standing

    async def close(self) -> None:
        """Gives back the connections to Redis."""
        if self._storage is not None and isinstance(self._storage.bridge, RedispyBridge):
            connection: Any = self._storage.bridge.get_connection()  # its protocol leaves closing out
            await connection.aclose()

    async def _count(self, counter: SlidingWindowCounterRateLimiter, caller: str) -> Standing:
        is_allowed = await counter.hit(self._limit, caller)
        window = await counter.get_window_stats(self._limit, caller)
        reset_s = max(1, math.ceil(window.reset_time - time.time()))
        return Standing(is_allowed, self._limit.amount, self._limit.get_expiry(), window.remaining, reset_s)


def read_limit(limit: str) -> RateLimitItem | None:
    """Reads how often one caller may ask.

    Args:
        limit: Such as ``600/minute``, or ``off``.

    Returns:
        The limit, or None if there is none.

    Raises:
        ConfigError: If it is neither.
    """
    if limit.strip().lower() == "off":
        return None
    try:
        return parse(limit)
    except ValueError as error:
        raise ConfigError([f"BITLENS_RATE_LIMIT: {limit!r} is neither like 600/minute nor off"]) from error


def open_limiter(limit: str, redis_url: str | None) -> RateLimiter | None:
    """Makes the limiter that the settings describe; connects to nothing yet.

    Args:
        limit: Such as ``600/minute``, or ``off``.
        redis_url: Where to count, or None for this process.

    Returns:
        The limiter, or None if it is off.

    Raises:
        ConfigError: If the limit cannot be read.
    """
    item = read_limit(limit)
    if item is None:
        return None
    if redis_url is None:
        return WindowLimiter(item)
    address = redis_url.replace("unix://", "redis+unix://", 1) if redis_url.startswith("unix://") else redis_url
    options = {"socket_timeout": _TIMEOUT_S, "socket_connect_timeout": _TIMEOUT_S}
    return WindowLimiter(item, RedisStorage(f"async+{address}", True, "redispy", "bitlens-rate", **options))
