"""What the catalogue of items promises: it is the truth, and what it acknowledged is on disk.

Decides what an item consists of. Does not know SQL, HTTP or the index that is derived from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from app.cache.base import Modality
from app.catalog.maintenance import Maintenance
from app.filters import Expression
from app.job_store import Jobs
from app.judgements import Judgements
from app.records import Records, Seal, no_records


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A stored picture, addressed by its content.

    Attributes:
        sha256: Hex digest of the bytes, which is also its name in the media store.
        media_type: ``image/jpeg``, ``image/png``, ….
        width: Pixels.
        height: Pixels.
    """

    sha256: str
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item to be written; has a text, an image, or both, and a code for each that it has.

    Attributes:
        item_id: The client's name for it.
        text: Caption as the client sent it, or None.
        image: The stored picture, or None.
        payload: JSON object of the client's own.
        text_code: Packed code of the text, n_bits / 8 bytes, or None.
        image_code: Packed code of the image, n_bits / 8 bytes, or None.
    """

    item_id: str
    text: str | None = None
    image: ImageFile | None = None
    payload: dict[str, Any] = field(default_factory=dict)
    text_code: bytes | None = None
    image_code: bytes | None = None

    def code(self, modality: Modality) -> bytes | None:
        """Returns the packed code of its image or its text, n_bits / 8 bytes, or None if it has none."""
        return self.image_code if modality == "image" else self.text_code


@dataclass(frozen=True, slots=True)
class Item(NewItem):
    """An item as the catalogue holds it.

    Attributes:
        row_id: int64, ours, growing, never reused; a replaced item gets a new one.
    """

    row_id: int = 0


@dataclass(frozen=True, slots=True)
class Upserted:
    """What became of one written item.

    Attributes:
        row_id: Its new row.
        replaced: The item that stood under the same id before, or None if the id is new.
        same_image: Ids of other items with the same picture when all is written, oldest first, a few of them.
        same_text: Ids of other items with the same text, likewise.
    """

    row_id: int
    replaced: Item | None
    same_image: tuple[str, ...] = ()
    same_text: tuple[str, ...] = ()


class Catalog(Maintenance, Records, Jobs, Judgements, Protocol):
    """Items by id; every writing method is one transaction that is durable when it returns."""

    @property
    def bundle_id(self) -> str:
        """The bundle whose codes this catalogue holds."""
        ...

    @property
    def revision(self) -> int:
        """Grows with every committed write."""
        ...

    def upsert_many(self, items: Sequence[NewItem], seal: Seal[Upserted] = no_records) -> list[Upserted]:
        """Writes items in one transaction; of two with the same id the later one replaces the earlier.

        Args:
            items: What to write.
            seal: Makes the records that are kept with them, from the answers.

        Returns:
            One answer an item, in order.
        """
        ...

    def delete_many(self, item_ids: Sequence[str], seal: Seal[Item | None] = no_records) -> list[Item | None]:
        """Deletes items in one transaction.

        Args:
            item_ids: Which.
            seal: Makes the records that are kept with the deletion, from the answers.

        Returns:
            The deleted item for each id, in order; None where there was none.
        """
        ...

    def get_many(self, item_ids: Sequence[str]) -> list[Item | None]:
        """Looks items up by id.

        Args:
            item_ids: Which, repeats allowed.

        Returns:
            One answer an id, in order; None where there is none.
        """
        ...

    def get_rows(self, row_ids: Sequence[int]) -> list[Item | None]:
        """Looks items up by row.

        Args:
            row_ids: Which, repeats allowed.

        Returns:
            One answer a row, in order; None where the row is gone.
        """
        ...

    def matching(self, expression: Expression) -> list[int]:
        """Looks for items whose payload matches a filter; what that means is told in :mod:`app.filters`.

        Args:
            expression: The filter.

        Returns:
            Their rows, ascending.
        """
        ...

    def scan(self, after_row_id: int = 0) -> Iterator[Item]:
        """Reads all items in the order of their rows, in blocks.

        Each block shows the last commit: an item written meanwhile comes at the end, one replaced meanwhile may come twice.

        Args:
            after_row_id: Only rows above this one.

        Returns:
            The items, one at a time.
        """
        ...

    def count(self, after_row_id: int = 0) -> int:
        """Returns the number of items in rows above one."""
        ...

    def images_among(self, sha256s: Sequence[str]) -> set[str]:
        """Tells of stored pictures which ones items refer to.

        Args:
            sha256s: Hex digests of the pictures' bytes.

        Returns:
            Those of them that some item refers to.
        """
        ...

    def close(self) -> None:
        """Closes the database; the catalogue must not be used afterwards."""
        ...


class Reencoded(NamedTuple):
    """A row with its codes by one bundle.

    Attributes:
        row_id: The row.
        text_code: Packed code of its text, or None.
        image_code: Packed code of its image, or None.
    """

    row_id: int
    text_code: bytes | None
    image_code: bytes | None


class OtherCodes(Protocol):
    """Codes of the same items by another bundle, made while the first ones are served."""

    def n_items(self) -> int:
        """Number of items."""
        ...

    def missing(self, after_row_id: int, limit: int) -> list[Item]:
        """Looks for items that have no code of the other bundle yet.

        Args:
            after_row_id: Only rows above this one.
            limit: At most so many.

        Returns:
            Items in the order of their rows.
        """
        ...

    def put(self, codes: Sequence[Reencoded]) -> None:
        """Keeps codes of the other bundle; those of rows that are gone meanwhile are passed over.

        Args:
            codes: At most 500.
        """
        ...

    def pairs(self) -> Iterator[tuple[Reencoded, Reencoded]]:
        """Reads the codes of both bundles of all items that have both.

        Returns:
            The served codes and the other bundle's, in the order of rows.
        """
        ...

    def exchange(self) -> bool:
        """Makes the other bundle's codes the served ones, if no item lacks one; all at once.

        Returns:
            Whether that was done; otherwise nothing has changed.
        """
        ...
