"""The services that answer right now, with what they do in the background, and how others take their place.

Decides the order of a change: work in the background stops, new requests go to the new services, requests that are under way are
given their time with the old ones. Does not know why services change.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from app.deps import Services
from app.life import Life

_log = logging.getLogger(__name__)


class Running:
    """One application's services.

    Args:
        services: The first ones.
        publish: Called with the services that new requests are to have.
    """

    def __init__(self, services: Services, publish: Callable[[Services], None]) -> None:
        self._services = services
        self._publish = publish
        self._background: list[asyncio.Task[None]] = []
        self._retired: list[tuple[Services, asyncio.Task[None]]] = []

    @property
    def services(self) -> Services:
        """Those that answer new requests."""
        return self._services

    def start(self) -> None:
        """Lets the services answer and begins their work in the background."""
        self._publish(self._services)
        workers = (self._services.upkeep, self._services.jobs, self._services.recalibration)
        self._background = [asyncio.create_task(worker.run()) for worker in workers]
        for task in self._background:
            watch(task, self._services.life)

    async def replace(self, services: Services) -> None:
        """Lets others answer from now on.

        Args:
            services: The others; they close what the first ones were made of when they are closed.
        """
        await self._stop_background()
        old, self._services = self._services, services
        self.start()
        retiring = asyncio.create_task(_retire_later(old))
        watch(retiring, old.life)
        self._retired.append((old, retiring))

    async def close(self) -> None:
        """Finishes what was taken and closes everything."""
        await self._stop_background()
        await self._services.upkeep.finish()
        for old, retiring in self._retired:
            if not retiring.done():
                retiring.cancel()
                await asyncio.gather(retiring, return_exceptions=True)
                await _retire(old)
        await _retire(self._services)
        self._services.parts.close()

    async def _stop_background(self) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)


def watch(task: asyncio.Task[None], life: Life) -> None:
    """Logs why a task ends that should have gone on, and lets readiness tell it.

    Args:
        task: Work in the background.
        life: The service's.
    """

    def tell_if_dead(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            life.lose_background()
            _log.error("work in the background has ended", exc_info=error)

    task.add_done_callback(tell_if_dead)


async def _retire_later(services: Services) -> None:
    """Gives requests that began with these services the time that a request may take."""
    await asyncio.sleep(services.settings.request_timeout_s)
    await _retire(services)


async def _retire(services: Services) -> None:
    await asyncio.to_thread(_close_pools, services)
    await services.parts.cache.close()


def _close_pools(services: Services) -> None:
    services.writer_pool.close(drain=True)
    for pool in services.pools:
        pool.close()
