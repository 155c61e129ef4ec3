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
from app.index.base import EVERYTHING, CodeIndex, Hit
from app.meters import Meters, Stage

T = TypeVar("T")
Watch = Callable[[Stage], AbstractContextManager[None]]

_ENCODER: dict[str, Stage] = {"prepare": "prepare", "encode": "forward"}
_CACHE: dict[str, Stage] = {"get_many": "cache", "put_many": "cache"}
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
        indexes={modality: _measured_index(modality, index, meters, watch) for modality, index in parts.indexes.items()},
        cache=_timed(cast(CodeCache, _CountedCache(parts.cache, meters)), _CACHE, watch),
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


class _CountedCache(_Through):
    """Counts the keys asked for, by what became of them."""

    def __init__(self, cache: CodeCache, meters: Meters) -> None:
        super().__init__(cache)
        self._meters = meters

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Looks keys up; see the cache."""
        codes: list[bytes | None] = await self._part.get_many(keys)
        n_found = sum(code is not None for code in codes)
        self._meters.looked_up("found", n_found)
        self._meters.looked_up("missing" if n_found or self._part.answers else "unavailable", len(codes) - n_found)
        return codes


class _CountedIndex(_Through):
    """Counts how near the first hits are."""

    def __init__(self, modality: Modality, index: CodeIndex, meters: Meters) -> None:
        super().__init__(index)
        self._modality = modality
        self._meters = meters

    def search(self, *queries: Any, **bounds: Any) -> list[list[Hit]]:
        """Searches; see the index."""
        hits: list[list[Hit]] = self._part.search(*queries, **bounds)
        if bounds.get("window", EVERYTHING).after is not None:
            return hits  # a further page, or more of the same one
        for first in (of_query[0] for of_query in hits if of_query):
            self._meters.nearest(self._modality, first.distance)
        return hits


def _measured_index(modality: Modality, index: CodeIndex, meters: Meters, watch: Watch) -> CodeIndex:
    return _timed(cast(CodeIndex, _CountedIndex(modality, index, meters)), {"search": "search"}, watch)


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
