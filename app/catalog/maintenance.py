"""What else a catalogue promises: what the index, the pictures, the doctor and backups need to know.

Decides how the catalogue is compared with what is derived from it. Does not know items' content.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from app.cache.base import Modality
from app.records import Alike
from model.codes import Int64


class Maintenance(Protocol):
    """The part of a catalogue that looks at it as a whole."""

    @property
    def n_bits(self) -> int:
        """Bits of one code."""
        ...

    def is_current(self) -> bool:
        """Tells whether the catalogue still holds this bundle's codes: a re-index gives it to another one."""
        ...

    def row_ids(self, up_to: int) -> Int64:
        """Lists the rows that are there.

        Args:
            up_to: No rows above this one.

        Returns:
            (N,) int64, strictly ascending.
        """
        ...

    def images(self) -> Iterator[str]:
        """Lists the pictures that items refer to.

        Returns:
            Their sha256, each once, ascending.
        """
        ...

    def alike(self, modality: Modality, after: str, limit: int) -> list[Alike]:
        """Lists the pictures or texts that several items have.

        Args:
            modality: Which of the two.
            after: Only digests above this one; empty for the beginning.
            limit: At most so many.

        Returns:
            Groups, by ascending digest.
        """
        ...

    def damage(self) -> list[str]:
        """Lets the database look for damage of its own.

        Returns:
            One line a finding; none if all is well.
        """
        ...

    def copy_to(self, path: Path) -> None:
        """Copies the catalogue as of the last commit while it is in use.

        Args:
            path: The new file; there must be none.

        Raises:
            CatalogError: If it cannot be written, or the database is none that lies in one file.
        """
        ...
