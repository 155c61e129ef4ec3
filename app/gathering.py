"""Looks at everything that is a state and no event: items, codes, queues, the cache, the snapshot.

Decides that a catalogue which cannot tell right now does not keep the other figures back. Does not know who asks.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from contextlib import suppress
from pathlib import Path

from app.deps import Services
from app.figures import Figures, IndexSize
from app.index.base import CodeIndex
from model.errors import CatalogError, Overloaded


async def gather(services: Services) -> Figures:
    """Looks at everything once.

    Args:
        services: The running services.

    Returns:
        What they hold right now.
    """
    parts = services.parts
    n_items = tallies = None
    with suppress(CatalogError, Overloaded):
        n_items = await services.read_pool.run(parts.catalog.count)
        tallies = await services.read_pool.run(parts.catalog.tallies)
    return Figures(
        n_items=n_items,
        indexes={modality: _size(index) for modality, index in parts.indexes.items()},
        pools=tuple(pool.figures() for pool in services.pools),
        cache_is_up=await parts.cache.is_available(),
        uptime_s=time.monotonic() - services.started_s,
        snapshot_age_s=None if parts.snapshot is None else _age_s(parts.snapshot.path),
        disk_free_bytes=await asyncio.to_thread(_free_bytes, services.settings.data_dir),
        drift=services.drift.figures(),
        tallies=tallies,
        familiarity=services.familiarity.figures(),
    )


def _size(index: CodeIndex) -> IndexSize:
    figures = index.figures()
    return IndexSize(len(index), figures.n_bytes, figures.engine, figures.n_different, figures.n_tail, figures.n_removed)


def _free_bytes(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _age_s(path: Path) -> float | None:
    try:
        return max(0.0, time.time() - path.stat().st_mtime)
    except OSError:
        return None
