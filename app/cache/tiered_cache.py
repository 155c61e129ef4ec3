"""A small code cache in this process in front of a shared one.

Decides that what was found far away is kept near. A code never changes (its key holds bundle and payload), so nothing near is ever
out of date, and an outage of the shared cache leaves it standing. Does not know where the far entries live.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.cache.base import CodeCache
from app.cache.memory_cache import MemoryCodeCache


class TieredCodeCache:
    """A :class:`~app.cache.base.CodeCache` of two.

    Args:
        near: Asked first.
        far: Asked in one round trip for what is not there; knows about outages.
    """

    def __init__(self, near: MemoryCodeCache, far: CodeCache) -> None:
        self._near = near
        self._far = far

    @property
    def answers(self) -> bool:
        """Whether the last look-up far away was answered."""
        return self._far.answers

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Looks keys up near, and those that are missing far away.

        Args:
            keys: Any number of keys, repeats allowed.

        Returns:
            One entry a key, in order; None where missing.
        """
        codes = await self._near.get_many(keys)
        missing = list(dict.fromkeys(key for key, code in zip(keys, codes, strict=True) if code is None))
        if not missing:
            return codes
        fetched = zip(missing, await self._far.get_many(missing), strict=True)
        found = {key: code for key, code in fetched if code is not None}
        await self._near.put_many(found)
        return [found.get(key) if code is None else code for key, code in zip(keys, codes, strict=True)]

    async def put_many(self, entries: Mapping[str, bytes]) -> None:
        """Keeps entries in both.

        Args:
            entries: Packed code by key.
        """
        await self._near.put_many(entries)
        await self._far.put_many(entries)

    async def is_available(self) -> bool:
        """Tells whether the shared cache keeps entries right now."""
        return await self._far.is_available()

    async def close(self) -> None:
        """Forgets what is near and gives back the connections."""
        await self._near.close()
        await self._far.close()
