"""What people say of hits: relevant or not, and what is kept of it.

Decides what a judgement consists of: codes, directions and the distance, which calibration needs; no text unless the client sends
a note to be kept. Does not know SQL, HTTP or how a calibration is made of judgements (``model.recalibration``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias

from app.cache.base import Modality
from app.records import Seal, no_records
from model.recalibration import JudgedHits

Direction: TypeAlias = tuple[Modality, Modality]
"""What asked, and what was found."""


@dataclass(frozen=True, slots=True)
class NewJudgement:
    """What somebody says of a hit; of a query, an item and a target the last word counts.

    Attributes:
        query_code: Packed code of the query, n_bits / 8 bytes.
        modality: What it was made from.
        item_id: The hit.
        target: Modality whose code was found.
        relevant: Whether it is what was looked for.
        note: Words that the client wants to be kept, or None.
    """

    query_code: bytes
    modality: Modality
    item_id: str
    target: Modality
    relevant: bool
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A judgement as it is kept.

    Attributes:
        number: Grows, never given twice; a judgement that replaces another one has a new number.
        bundle_id: The bundle of the codes, and so of the distance.
        query_code: Packed code of the query.
        modality: What it was made from.
        item_id: The hit; None after the item was deleted.
        target: Modality whose code was found.
        distance: Differing bits, 0 to n_bits.
        relevant: Whether it is what was looked for.
        note: Words of the client, or None.
        judged_at_s: Seconds since 1970.
    """

    number: int
    bundle_id: str
    query_code: bytes
    modality: Modality
    item_id: str | None
    target: Modality
    distance: int
    relevant: bool
    note: str | None
    judged_at_s: int


class Judged(NamedTuple):
    """What became of a judgement.

    Attributes:
        fate: ``unknown``: there is no such item; ``uncoded``: it has no code of the target.
        distance: Differing bits; None if it is not kept.
    """

    fate: Literal["added", "replaced", "unknown", "uncoded"]
    distance: int | None = None


class Tally(NamedTuple):
    """Judgements of a direction.

    Attributes:
        n: How many.
        n_relevant: How many of them say relevant.
    """

    n: int
    n_relevant: int


class KeptCalibration(NamedTuple):
    """A calibration that was made of judgements.

    Attributes:
        content: JSON, as :class:`model.calibration.Calibration` writes it.
        kept_at_s: Seconds since 1970.
    """

    content: bytes
    kept_at_s: int


class Judgements(Protocol):
    """The part of a catalogue that holds them; a write is durable when it returns."""

    def judge(self, said: Sequence[NewJudgement], now_s: int, most: int, seal: Seal[Judged] = no_records) -> list[Judged]:
        """Keeps judgements in one transaction, with the distances as they are in it.

        Args:
            said: What is said.
            now_s: Seconds since 1970.
            most: Judgements that may be kept in all.
            seal: Makes the records that are kept with them, from the answers.

        Returns:
            One answer a judgement, in order.

        Raises:
            InvalidRequest: If more than ``most`` would be kept; none of these is kept then.
        """
        ...

    def judgements(self, after: int = 0, limit: int = 100) -> list[Judgement]:
        """Lists judgements of all bundles.

        Args:
            after: Only numbers above this one.
            limit: At most so many.

        Returns:
            Judgements by number.
        """
        ...

    def forget_judgements(self, item_id: str | None = None, query_code: bytes | None = None, seal: Seal[int] = no_records) -> int:
        """Deletes judgements of all bundles: those of an item, of a query, or all.

        Args:
            item_id: Only of this item.
            query_code: Only of queries with this code.
            seal: Makes the records that are kept with the deletion, from their number.

        Returns:
            How many were deleted.
        """
        ...

    def tallies(self) -> dict[Direction, Tally]:
        """Counts the judgements of the catalogue's bundle; directions without any are absent."""
        ...

    def judged_hits(self) -> dict[Direction, JudgedHits]:
        """Reads the judgements of the catalogue's bundle; directions without any are absent."""
        ...

    def keep_calibration(self, content: bytes | None, now_s: int) -> None:
        """Keeps a calibration of the catalogue's bundle in the place of the last one.

        Args:
            content: JSON; None to keep none.
            now_s: Seconds since 1970.
        """
        ...

    def kept_calibration(self) -> KeptCalibration | None:
        """Returns the calibration of the catalogue's bundle, or None if none is kept."""
        ...

    def calibration_number(self) -> int:
        """Returns a number that is another one after each change of that calibration; 0 if none is kept."""
        ...
