"""What every test may use: hypothesis without a stopwatch, asyncio for async tests, a Redis where one is asked for."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.redis_fixture import own_redis, redis_server, redis_url

__all__ = ["anyio_backend", "own_redis", "redis_server", "redis_url"]

settings.register_profile("bitlens", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("bitlens")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
