"""The one place where items, pictures and index change.

Decides the order that keeps a crash harmless: pictures first, then the catalogue's transaction, then the index derived from it,
then pictures that nothing refers to any more. A crash in between leaves at most such pictures, which the next start sweeps away.
Does not know how codes are made. All methods block and must run on one thread at a time: that thread is the writer's lock.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np

from app.cache.base import Modality
from app.catalog.base import Catalog, Item, NewItem, Upserted
from app.index.base import CodeIndex
from app.media import MediaStore
from model.errors import CatalogError, HashingError, UnknownItem

_log = logging.getLogger(__name__)
_BLOCK = 8192
MODALITIES: tuple[Modality, ...] = ("image", "text")


def code_of(item: NewItem, modality: Modality) -> bytes | None:
    """Returns the packed code of an item's image or text.

    Args:
        item: The item.
        modality: Which of the two.

    Returns:
        n_bits / 8 bytes, or None if the item has no such code.
    """
    return item.image_code if modality == "image" else item.text_code


class ItemWriter:
    """Writes items and keeps the index in step with the catalogue.

    Args:
        catalog: The items.
        indexes: One index a modality.
        media: The pictures.
    """

    def __init__(self, *, catalog: Catalog, indexes: Mapping[Modality, CodeIndex], media: MediaStore) -> None:
        self._catalog = catalog
        self._indexes = indexes
        self._media = media
        self._n_items = 0
        self._n_codes: dict[Modality, int] = dict.fromkeys(MODALITIES, 0)

    def rebuild(self) -> int:
        """Fills the empty indexes from the catalogue and sweeps pictures that no item refers to; to be called once, at start-up.

        Returns:
            Number of items.
        """
        n_swept = self._media.sweep(self._catalog.has_image)
        for block in _blocks(self._catalog.scan()):
            self._add([(item.row_id, item) for item in block])
        _log.info("%d items indexed, %s pictures swept", self._n_items, n_swept)
        return self._n_items

    def write(self, items: Sequence[NewItem], pictures: Mapping[str, bytes]) -> list[Upserted]:
        """Writes items; when it returns they are on disk and found.

        Args:
            items: What to write; of two with the same id the later one wins.
            pictures: Content of every picture that an item refers to, by its sha256.

        Returns:
            One answer an item, in order.

        Raises:
            HashingError: If the pictures or the catalogue cannot be written; nothing has changed then.
        """
        for content in pictures.values():
            self._media.put(content)
        try:
            upserted = self._catalog.upsert_many(items)
        except HashingError:
            self._drop_unused(pictures)
            raise
        gone = [answer.replaced for answer in upserted if answer.replaced is not None]
        gone_rows = {item.row_id for item in gone}
        new_rows = {answer.row_id for answer in upserted}
        rows = ((answer.row_id, item) for answer, item in zip(upserted, items, strict=True))
        # Added before the old ones are removed: a search in between meets a replaced item's old row, which it passes over.
        self._add([(row_id, item) for row_id, item in rows if row_id not in gone_rows])
        self._remove([item for item in gone if item.row_id not in new_rows])
        self._drop_unused({item.image.sha256 for item in gone if item.image})
        return upserted

    def delete(self, item_id: str) -> None:
        """Deletes an item; when it returns it is neither on disk nor found.

        Args:
            item_id: Which.

        Raises:
            UnknownItem: If there is none.
        """
        item = self._catalog.delete_many([item_id])[0]
        if item is None:
            raise UnknownItem(f"there is no item {item_id!r}")
        self._remove([item])
        self._drop_unused({item.image.sha256} if item.image else ())

    def state(self) -> tuple[int, bool]:
        """Counts the items and compares the indexes with them.

        Returns:
            Number of items in the catalogue, and whether the indexes hold as many codes as were written, of as many items.

        Raises:
            CatalogError: If the catalogue cannot be read.
        """
        n_items = self._catalog.count()
        held = {modality: len(self._indexes[modality]) for modality in MODALITIES}
        return n_items, held == self._n_codes and n_items == self._n_items

    def _add(self, rows: Sequence[tuple[int, NewItem]]) -> None:
        for modality in MODALITIES:
            coded = [(row_id, code) for row_id, item in rows if (code := code_of(item, modality)) is not None]
            if coded:
                row_ids = np.array([row_id for row_id, _ in coded], dtype=np.int64)
                codes = np.frombuffer(b"".join(code for _, code in coded), dtype=np.uint8).reshape(len(coded), -1)
                self._indexes[modality].add(row_ids, codes)
                self._n_codes[modality] += len(coded)
        self._n_items += len(rows)

    def _remove(self, items: Sequence[Item]) -> None:
        for modality in MODALITIES:
            row_ids = [item.row_id for item in items if code_of(item, modality) is not None]
            if row_ids:
                self._n_codes[modality] -= self._indexes[modality].remove(np.array(row_ids, dtype=np.int64))
        self._n_items -= len(items)

    def _drop_unused(self, digests: Iterable[str]) -> None:
        """Deletes pictures that no item refers to; what cannot be deleted now is left to the next start."""
        try:
            for sha256 in digests:
                if not self._catalog.has_image(sha256):
                    self._media.delete(sha256)
        except CatalogError:
            _log.warning("pictures that no item refers to could not be deleted", exc_info=True)


def _blocks(items: Iterator[Item]) -> Iterator[list[Item]]:
    while block := list(islice(items, _BLOCK)):
        yield block
