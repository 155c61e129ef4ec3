"""Parts with a stopwatch on them: what enters and leaves a part is measured, the part itself does not know.

Decides which calls belong to which stage. Does not know where the figures go.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, TypeVar, cast

from app.cache.base import CodeCache, Modality
from app.decode import ImageDecoder
from app.deps import Parts
from app.index.base import EVERYTHING, CodeIndex, Hit, Window
from app.meters import Meters, Stage
from model.codes import UInt8

T = TypeVar("T")
Watch = Callable[[Stage], AbstractContextManager[None]]

_ENCODER: dict[str, Stage] = {"prepare": "prepare", "encode": "forward", "encode_with_features": "forward"}
_CATALOGUE: dict[str, Stage] = {
    "get_many": "catalogue_read",
    "get_rows": "catalogue_read",
    "matching": "catalogue_read",
    "count": "catalogue_read",
    "upsert_many": "catalogue_write",
    "delete_many": "catalogue_write",
}


def measured(parts: Parts, meters: Meters) -> Parts:
    """Puts a stopwatch on every part.

    Args:
        parts: What to measure.
        meters: Takes the figures.

    Returns:
        Parts that do the same.
    """
    watch = meters.stage
    return replace(
        parts,
        encoders={modality: _timed(encoder, _ENCODER, watch) for modality, encoder in parts.encoders.items()},
        indexes={one: cast(CodeIndex, _MeasuredIndex(one, index, meters)) for one, index in parts.indexes.items()},
        cache=cast(CodeCache, _MeasuredCache(parts.cache, meters)),
        catalog=_timed(parts.catalog, _CATALOGUE, watch),
    )


def measured_decoder(decoder: ImageDecoder, meters: Meters) -> ImageDecoder:
    """Puts a stopwatch on a decoder.

    Args:
        decoder: What to measure.
        meters: Takes the figures.

    Returns:
        A decoder that does the same.
    """
    return _timed(decoder, {"decode": "decode", "inspect": "decode"}, meters.stage)


class _Through:
    """Stands before a part and lets everything through."""

    def __init__(self, part: Any) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        return getattr(self._part, name)

    def __len__(self) -> int:
        return len(self._part)


class _MeasuredCache(_Through):
    """Times look-ups and counts the keys asked for, by what became of them."""

    def __init__(self, cache: CodeCache, meters: Meters) -> None:
        super().__init__(cache)
        self._meters = meters

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Looks keys up; see the cache."""
        with self._meters.stage("cache"):
            codes: list[bytes | None] = await self._part.get_many(keys)
        n_found = len(codes) - codes.count(None)
        self._meters.looked_up("found", n_found)
        if n_found < len(codes):
            self._meters.looked_up("missing" if n_found or self._part.answers else "unavailable", len(codes) - n_found)
        return codes

    async def put_many(self, entries: Mapping[str, bytes]) -> None:
        """Keeps entries; see the cache."""
        with self._meters.stage("cache"):
            await self._part.put_many(entries)


class _MeasuredIndex(_Through):
    """Times searches and counts how near the first hits are; says what every search asks for without a detour."""

    def __init__(self, modality: Modality, index: CodeIndex, meters: Meters) -> None:
        super().__init__(index)
        self._modality = modality
        self._meters = meters
        self.n_bits = index.n_bits

    @property
    def newest_row(self) -> int:
        """Highest row id held, 0 if there is none."""
        newest: int = self._part.newest_row
        return newest

    def search(self, packed_codes: UInt8, *, window: Window = EVERYTHING, **bounds: Any) -> list[list[Hit]]:
        """Searches; see the index."""
        with self._meters.stage("search"):
            hits: list[list[Hit]] = self._part.search(packed_codes, window=window, **bounds)
        if window.after is None:  # else it is a further page, or more of the same one
            for of_query in hits:
                if of_query:
                    self._meters.nearest(self._modality, of_query[0].distance)
        return hits


def _timed(part: T, stages: Mapping[str, Stage], watch: Watch) -> T:
    through = _Through(part)
    for name, stage in stages.items():
        setattr(through, name, _timed_call(part, name, stage, watch))
    return cast(T, through)


def _timed_call(part: Any, name: str, stage: Stage, watch: Watch) -> Callable[..., Any]:
    async def call_async(*args: Any, **kwargs: Any) -> Any:
        with watch(stage):
            return await getattr(part, name)(*args, **kwargs)

    def call(*args: Any, **kwargs: Any) -> Any:
        with watch(stage):
            return getattr(part, name)(*args, **kwargs)

    return call_async if inspect.iscoroutinefunction(getattr(part, name)) else call
