"""Work that is looked at again and again for as long as the service runs.

Decides that a failure ends nothing: it is told, and the next look comes. Does not know what is looked at.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from model.errors import HashingError


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often, and what is told of a failure.

    Attributes:
        every_s: Seconds before each look.
        failed: What the log says of a look that failed.
        log: Where.
        level: How important that is.
        failed_s: More seconds to wait after it.
    """

    every_s: float
    failed: str
    log: logging.Logger
    level: int = logging.WARNING
    failed_s: float = 0.0


async def regularly(look: Callable[[], Awaitable[object]], rhythm: Rhythm) -> None:
    """Looks until it is cancelled.

    Args:
        look: Does what is due.
        rhythm: How often.
    """
    while True:
        await asyncio.sleep(rhythm.every_s)
        try:
            await look()
        except HashingError:
            rhythm.log.log(rhythm.level, rhythm.failed, exc_info=True)
            await asyncio.sleep(rhythm.failed_s)
