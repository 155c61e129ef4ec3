"""Random codes of the live indexes, drawn away from the event loop and kept for a while.

Decides how many are looked at, and how long they stand for an index that goes on changing: until a tenth of it has changed, or a
minute if anything has. Does not know what they are looked at for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from app.cache.base import Modality
from app.index.base import CodeIndex
from app.pools import Pool
from model.codes import UInt8

MOST_CODES = 20_000
_CHANGED, _KEPT_S = 0.1, 60.0


@dataclass(frozen=True, slots=True)
class CodeSample:
    """Codes of one index, drawn at random without repeats.

    Attributes:
        packed_codes: (N, n_bits / 8) uint8, in random order.
        n_held: How many the index held then.
        newest_row: Its highest row then, 0 if it was empty.
    """

    packed_codes: UInt8
    n_held: int
    newest_row: int


@dataclass(frozen=True, slots=True)
class DrawnCodes:
    """Samples of all indexes.

    Attributes:
        of: One a modality.
        at_s: When they were drawn, on the monotonic clock.
        unix_s: When that was, in seconds of Unix time.
    """

    of: Mapping[Modality, CodeSample]
    at_s: float
    unix_s: float


class CodeSamples:
    """The latest samples; for one event loop.

    Args:
        indexes: One a modality.
        pool: Where they are drawn: a large index that is being written copies its codes for that.
        most: At most so many codes a modality.
        clock: Seconds, growing.
    """

    def __init__(
        self,
        indexes: Mapping[Modality, CodeIndex],
        pool: Pool,
        *,
        most: int = MOST_CODES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._indexes = indexes
        self._pool = pool
        self._most = most
        self._clock = clock
        self._drawing = asyncio.Lock()
        self.latest: DrawnCodes | None = None

    def are_stale(self) -> bool:
        """Tells whether the latest ones do not stand for the indexes any more."""
        latest = self.latest
        if latest is None:
            return True
        waited = self._clock() - latest.at_s >= _KEPT_S
        for modality, sample in latest.of.items():
            index = self._indexes[modality]
            n_changed = max(abs(len(index) - sample.n_held), abs(index.newest_row - sample.newest_row))
            if n_changed > _CHANGED * sample.n_held or (n_changed and waited):
                return True
        return False

    async def fresh(self) -> DrawnCodes:
        """Returns samples that stand for the indexes, drawn now if need be; one draw at a time.

        Returns:
            The latest ones.

        Raises:
            Overloaded: If too many searches are waiting.
            DeadlinePassed: If the caller has no time left.
        """
        async with self._drawing:
            if self.latest is None or self.are_stale():
                self.latest = await self._pool.run(self._draw)
            return self.latest

    def _draw(self) -> DrawnCodes:
        at_s, unix_s = self._clock(), time.time()
        return DrawnCodes({modality: _sample(index, self._most) for modality, index in self._indexes.items()}, at_s, unix_s)


def _sample(index: CodeIndex, most: int) -> CodeSample:
    row_ids, packed_codes = index.held_codes()
    n_held = len(row_ids)
    chosen = np.random.default_rng(n_held).choice(n_held, min(n_held, most), replace=False)
    return CodeSample(packed_codes[chosen], n_held, int(row_ids[-1]) if n_held else 0)
