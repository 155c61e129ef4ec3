"""A code cache inside the process.

Decides which entry makes room: the least recently used one. Does not know other processes; entries end with this one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from model.errors import ConfigError


class MemoryCodeCache:
    """A :class:`~app.cache.base.CodeCache` of bounded size, for one event loop.

    Args:
        max_entries: Entries kept at most; 0 keeps none.

    Raises:
        ConfigError: If ``max_entries`` is negative.
    """

    def __init__(self, max_entries: int) -> None:
        if max_entries < 0:
            raise ConfigError([f"max_entries must be 0 or more, not {max_entries}"])
        self._max_entries = max_entries
        self._entries: OrderedDict[str, bytes] = OrderedDict()

    @property
    def answers(self) -> bool:
        """Whether the last look-up was answered; always true here."""
        return True

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Looks keys up and marks the found ones as used.

        Args:
            keys: Any number of keys, repeats allowed.

        Returns:
            One entry a key, in order; None where missing.
        """
        return [self._get(key) for key in keys]

    async def put_many(self, entries: Mapping[str, bytes]) -> None:
        """Keeps entries; the least recently used ones make room.

        Args:
            entries: Packed code by key.
        """
        for key, code in entries.items():
            self._entries[key] = code
            self._entries.move_to_end(key)
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    async def is_available(self) -> bool:
        """Tells that entries can be kept; always true here."""
        return True

    async def close(self) -> None:
        """Forgets everything."""
        self._entries.clear()

    def _get(self, key: str) -> bytes | None:
        code = self._entries.get(key)
        if code is not None:
            self._entries.move_to_end(key)
        return code
