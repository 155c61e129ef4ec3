"""What a code cache promises: it may forget, it never lies, it never raises.

Decides how a key is made, and how much may lie behind a code. Does not know where entries live, nor what lies there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

Modality = Literal["image", "text"]
N_BEHIND = 8
"""Bytes that may lie behind a packed code in an entry: how familiar what it was made from is (``app.code_entries``)."""


def cache_key(bundle_id: str, modality: Modality, payload: bytes) -> str:
    """Returns the key under which the code of a payload is kept.

    Args:
        bundle_id: Digest of the bundle that made the code: another bundle's codes are never found.
        modality: What the payload is.
        payload: The uploaded bytes of an image, or the UTF-8 bytes of a normalised text.

    Returns:
        ``bitlens:code:<bundle_id>:<modality>:<sha256 of the payload>``.
    """
    return f"bitlens:code:{bundle_id}:{modality}:{hashlib.sha256(payload).hexdigest()}"


class CodeCache(Protocol):
    """Keeps packed codes by key. An outage answers missing; no method raises for one."""

    @property
    def answers(self) -> bool:
        """Whether the last look-up was answered: false while everything is missing because of an outage."""
        ...

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Looks keys up in one round trip.

        Args:
            keys: Any number of keys, repeats allowed.

        Returns:
            One entry a key, in order; None where missing.
        """
        ...

    async def put_many(self, entries: Mapping[str, bytes]) -> None:
        """Keeps entries; silently keeps none during an outage.

        Args:
            entries: Packed code by key, with :data:`N_BEHIND` bytes behind it or without.
        """
        ...

    async def is_available(self) -> bool:
        """Tells whether entries can be kept right now; for the readiness page, never for a decision about results."""
        ...

    async def close(self) -> None:
        """Gives back connections; the cache must not be used afterwards."""
        ...
