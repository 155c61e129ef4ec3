"""What the service does for itself while it runs: snapshots of the index, and forgetting what has expired.

Decides when one is due. The work runs on the writer's thread between writes, so that it meets no half-written state and delays no
search.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from app.pools import Pool
from app.regularly import Rhythm, regularly
from app.writer import ItemWriter
from model.errors import HashingError

_log = logging.getLogger(__name__)
_LOOKS = Rhythm(1.0, "upkeep is put off", _log)


class Upkeep:
    """Looks every second whether something is due.

    Args:
        writer: Knows what has changed, and writes snapshots.
        writer_pool: Runs the writer; one thread.
        every_changes: A snapshot is due after so many written or deleted items.
        every_s: One is due after so many seconds if anything has changed.
        hourly: Done on the writer's thread every hour, and soon after the start.
        clock: Seconds, growing.
    """

    def __init__(
        self,
        *,
        writer: ItemWriter,
        writer_pool: Pool,
        every_changes: int,
        every_s: float,
        hourly: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writer = writer
        self._writer_pool = writer_pool
        self._every_changes = every_changes
        self._every_s = every_s
        self._clock = clock
        self._last_s = clock()
        self._last_changes = 0
        self._hourly = hourly
        self._next_hour_s = self._last_s

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        await regularly(self.look, _LOOKS)

    async def look(self) -> bool:
        """Does what is due.

        Returns:
            Whether a snapshot was written.

        Raises:
            Overloaded: If too many writes are waiting.
        """
        n_changes, now_s = self._writer.n_changes, self._clock()
        if now_s >= self._next_hour_s:
            self._next_hour_s = now_s + 3600.0
            await self._writer_pool.run(self._hourly)
        if n_changes - self._last_changes < self._every_changes and (not n_changes or now_s - self._last_s < self._every_s):
            return False
        written = await self._writer_pool.run(self._writer.take_snapshot)
        # One that failed is tried again after as many changes or seconds more, not every second.
        self._last_s, self._last_changes = now_s, self._writer.n_changes
        return written

    async def finish(self) -> None:
        """Takes a last snapshot, before the service stops."""
        try:
            await self._writer_pool.run(self._writer.take_snapshot)
        except HashingError:
            _log.warning("no last snapshot of the index was taken", exc_info=True)
