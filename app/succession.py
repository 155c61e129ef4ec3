"""Notices that a re-index has given the catalogue to another bundle, and changes over to it while the service runs.

Decides when to look and what to do if the new bundle cannot be opened: the old services go on searching, and it is tried again.
Does not know how parts are opened.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from app.deps import Parts, Services
from app.regularly import Rhythm, regularly
from app.running import Running, watch

_log = logging.getLogger(__name__)
_FAILED = "the service cannot change over to the catalogue's new bundle; the old one goes on searching"
_LOOKS = Rhythm(1.0, _FAILED, _log, level=logging.ERROR, failed_s=30.0)


class Succession:
    """Looks every second whose codes the catalogue holds.

    Args:
        running: The services.
        open_next: Opens parts for the bundle that the catalogue belongs to now, from those of the one before.
        start: Puts services together.
    """

    def __init__(self, running: Running, open_next: Callable[[Parts], Parts], start: Callable[[Parts], Services]) -> None:
        self._running = running
        self._open_next = open_next
        self._start = start

    @asynccontextmanager
    async def under_way(self) -> AsyncIterator[None]:
        """Looks for as long as the block runs.

        Yields:
            Nothing.
        """
        looking = asyncio.create_task(self.run())
        watch(looking, self._running.services.life)
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        await regularly(self.look, _LOOKS)

    async def look(self) -> bool:
        """Changes over if it is time to.

        Returns:
            Whether it was.

        Raises:
            HashingError: If the new bundle, or the catalogue, cannot be used.
        """
        old = self._running.services
        if await old.read_pool.run(old.parts.catalog.is_current):
            return False
        _log.info("the catalogue was given to another bundle: changing over")
        services = await asyncio.to_thread(self._prepare, old.parts)
        await self._running.replace(replace(services, life=old.life, started_s=old.started_s))
        _log.info("bundle %s is served now", services.parts.bundle_id)
        return True

    def _prepare(self, parts: Parts) -> Services:
        return self._start(self._open_next(parts))
