"""What the catalogue keeps beside items, written in the transaction of the items that it is about.

Decides what an answer that is given again consists of, and what a group of duplicates is. Does not know SQL or HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from app.job_records import JobStep

T = TypeVar("T")

N_NAMED = 10
"""How many of the items that are alike are named."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The answer to a request that may be sent again.

    Attributes:
        name: Which request; one answer a name.
        digest: Of what was asked: the same name may not ask for something else.
        status: HTTP status.
        body: JSON, or empty.
        kept_at_s: Seconds since 1970.
    """

    name: str
    digest: str
    status: int
    body: str
    kept_at_s: int


@dataclass(frozen=True, slots=True)
class Alike:
    """Items that have the same picture, or the same text.

    Attributes:
        sha256: Hex digest of the picture's bytes, or of the text's UTF-8.
        n_items: How many they are, 2 or more.
        item_ids: The first :data:`N_NAMED` of them, oldest first.
    """

    sha256: str
    n_items: int
    item_ids: tuple[str, ...]


Record: TypeAlias = KeptAnswer | JobStep
Seal: TypeAlias = Callable[[list[T]], Sequence[Record]]
"""Makes of what became of the items what is to be kept with them; runs inside the transaction, and must not write itself."""


def no_records(results: list[T]) -> Sequence[Record]:
    """Keeps nothing.

    Args:
        results: What became of the items.

    Returns:
        Nothing.
    """
    return ()


class Records(Protocol):
    """The part of a catalogue that holds them."""

    def answer(self, name: str) -> KeptAnswer | None:
        """Looks an answer up.

        Args:
            name: Which request.

        Returns:
            The answer, or None if none is kept.
        """
        ...

    def forget_answers(self, before_s: int) -> int:
        """Deletes old answers.

        Args:
            before_s: Seconds since 1970; what was kept before is deleted.

        Returns:
            How many were deleted.
        """
        ...
