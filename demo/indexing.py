"""Fills the service with the database: every item that it does not have already.

Decides batches. Does not know HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from demo.client import NewItem
from demo.source import Source
from training.progress import Advance

BATCH_ITEMS = 32
BATCH_BYTES = 16 * 1024 * 1024


class Index(Protocol):
    """What indexing asks of a client."""

    def n_items(self) -> int:
        """Returns how many items are indexed."""
        ...

    def holds(self, item: NewItem) -> bool:
        """Tells whether the very item is there.

        Args:
            item: Which.

        Returns:
            False if there is none of that name or another one.
        """
        ...

    def index(self, items: list[NewItem]) -> list[str]:
        """Adds or replaces items.

        Args:
            items: One request's worth.

        Returns:
            One line for each refused item.
        """
        ...


@dataclass(frozen=True, slots=True)
class Indexed:
    """What became of the items.

    Attributes:
        n_sent: Indexed now.
        n_present: Found there, unchanged.
        refused: One line for each item that the service refused.
    """

    n_sent: int
    n_present: int
    refused: tuple[str, ...]


def database_items(source: Source, limit: int | None) -> Iterator[NewItem]:
    """Yields the items of train and gallery; those of query are what we ask with, so they are left out.

    Args:
        source: The pairs.
        limit: At most so many; None for all.

    Yields:
        Items, pictures read one by one.
    """
    database = source.pairs.database
    for i in range(len(database) if limit is None else min(limit, len(database))):
        yield NewItem(database.ids[i], database.texts[i], database.image_bytes(i), source.payload(database, i))


def index_all(client: Index, items: Iterable[NewItem], n_items: int, progress: Advance) -> Indexed:
    """Indexes what is not there yet.

    Args:
        client: The service.
        items: All items.
        n_items: How many they are.
        progress: Told (done, total).

    Returns:
        What became of them.
    """
    asking = client.n_items() > 0
    n_present, n_sent, refused = 0, 0, []
    for batch in _batches(items):
        missing = [item for item in batch if not (asking and client.holds(item))]
        if missing:
            refused += client.index(missing)
        n_present += len(batch) - len(missing)
        n_sent += len(missing)
        progress(n_present + n_sent, n_items)
    return Indexed(n_sent - len(refused), n_present, tuple(refused))


def _batches(items: Iterable[NewItem]) -> Iterator[list[NewItem]]:
    """Yields batches of at most 32 items and, unless a single one is larger, 16 MiB of pictures."""
    batch: list[NewItem] = []
    for item in items:
        n_bytes = sum(len(one.image) for one in batch)
        if batch and (len(batch) == BATCH_ITEMS or n_bytes + len(item.image) > BATCH_BYTES):
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch
