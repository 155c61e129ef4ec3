"""The one place where items, pictures and index change.

Decides the order that keeps a crash harmless: pictures first, then the catalogue's transaction, then the index derived from it,
then pictures that nothing refers to any more. A crash in between leaves at most such pictures, which the next start sweeps away.
Does not know how codes are made. All methods block and must run on one thread at a time: that thread is the writer's lock.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np

from app.cache.base import Modality
from app.catalog.base import Catalog, Item, NewItem, Upserted
from app.index.base import CodeIndex
from app.media import MediaStore
from app.records import Seal, no_records
from app.snapshots import MODALITIES, Snapshot, SnapshotFile, current, n_rows_of
from model.errors import CatalogError, HashingError, SnapshotUnusable

_log = logging.getLogger(__name__)
_BLOCK = 8192


class ItemWriter:
    """Writes items and keeps the index in step with the catalogue.

    Args:
        catalog: The items.
        indexes: One index a modality.
        media: The pictures.
        snapshot: Where the index is kept between starts, or None: it is read from the catalogue each time then.
    """

    def __init__(
        self, *, catalog: Catalog, indexes: Mapping[Modality, CodeIndex], media: MediaStore, snapshot: SnapshotFile | None = None
    ) -> None:
        self._catalog = catalog
        self._snapshot = snapshot
        self._indexes = indexes
        self._media = media
        self._n_items = 0
        self._n_codes: dict[Modality, int] = dict.fromkeys(MODALITIES, 0)
        self._n_changes = 0

    @property
    def n_changes(self) -> int:
        """Items written and deleted that are not in the snapshot yet."""
        return self._n_changes

    def rebuild(self) -> int:
        """Fills the empty indexes and sweeps pictures that no item refers to; to be called once, at start-up.

        What a good snapshot holds is not read from the catalogue.

        Returns:
            Number of items.
        """
        n_swept = self._media.sweep(self._catalog.images_among)
        last_row_id = 0 if self._snapshot is None else self._load(self._snapshot)
        if not last_row_id:
            self._load_all()
        else:
            for block in _blocks(self._catalog.scan(last_row_id)):
                self._add([(item.row_id, item) for item in block])
        _log.info("%d items indexed, %s pictures swept", self._n_items, n_swept)
        return self._n_items

    def take_snapshot(self) -> bool:
        """Writes down what the indexes hold, if anything has changed since the last time; searches go on meanwhile.

        Returns:
            Whether a snapshot was written; if the disk refuses, that is logged and the last one stays.
        """
        if self._snapshot is None or not self._n_changes:
            return False
        held = {modality: self._indexes[modality].held_codes() for modality in MODALITIES}
        n_bits = self._indexes["image"].n_bits
        try:
            taken = Snapshot(self._catalog.bundle_id, n_bits, self._catalog.revision, self._n_items, held)
            self._snapshot.write(taken)
        except CatalogError:
            _log.warning("no snapshot of the index was taken", exc_info=True)
            return False
        _log.info("snapshot of %d items at revision %d written", taken.n_items, taken.revision)
        self._n_changes = 0
        return True

    def write(self, items: Sequence[NewItem], pictures: Mapping[str, bytes], seal: Seal[Upserted] = no_records) -> list[Upserted]:
        """Writes items; when it returns they are on disk and found.

        Args:
            items: What to write; of two with the same id the later one wins.
            pictures: Content of every picture that an item refers to, by its sha256.
            seal: Makes the records that are kept with the items.

        Returns:
            One answer an item, in order.

        Raises:
            HashingError: If the pictures or the catalogue cannot be written; nothing has changed then.
        """
        for content in pictures.values():
            self._media.put(content)
        try:
            upserted = self._catalog.upsert_many(items, seal)
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

    def delete(self, item_ids: Sequence[str], seal: Seal[Item | None] = no_records) -> list[Item | None]:
        """Deletes items; when it returns they are neither on disk nor found.

        Args:
            item_ids: Which.
            seal: Makes the records that are kept with the deletion.

        Returns:
            The deleted item for each id, in order; None where there was none.

        Raises:
            HashingError: If the catalogue cannot be written; nothing has changed then.
        """
        deleted = self._catalog.delete_many(item_ids, seal)
        gone = [item for item in deleted if item is not None]
        self._remove(gone)
        self._drop_unused({item.image.sha256 for item in gone if item.image})
        return deleted

    def delete_rows(self, row_ids: Sequence[int], seal: Seal[Item | None] = no_records) -> int:
        """Deletes the items of rows; rows that are gone, as their items were replaced, are passed over.

        Args:
            row_ids: Which.
            seal: Makes the records that are kept with the deletion.

        Returns:
            How many were deleted.

        Raises:
            HashingError: If the catalogue cannot be written; nothing has changed then.
        """
        return len(self.delete([item.item_id for item in self._catalog.get_rows(row_ids) if item is not None], seal))

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

    def _load(self, file: SnapshotFile) -> int:
        """Fills the indexes from the snapshot and returns its last row; 0, and empty indexes, if it is of no use."""
        try:
            snapshot = file.read()
            codes = current(snapshot, self._catalog, n_bits=self._indexes["image"].n_bits)
        except SnapshotUnusable as error:
            level = logging.WARNING if file.path.exists() else logging.INFO
            _log.log(level, "the index is rebuilt from the catalogue, as its snapshot cannot be used: %s", error)
            self._n_changes = 1  # so that a good one is taken
            return 0
        for modality, (row_ids, packed_codes) in codes.items():
            self._indexes[modality].load(row_ids, packed_codes)
            self._n_codes[modality] = len(row_ids)
        self._n_items = n_rows_of(codes)
        self._n_changes = snapshot.n_items - self._n_items
        return snapshot.last_row_id

    def _load_all(self) -> None:
        """Fills the indexes from the catalogue all at once: what comes block by block would lie in two parts until it is merged."""
        rows = {modality: array("q") for modality in MODALITIES}
        codes = {modality: bytearray() for modality in MODALITIES}
        for item in self._catalog.scan(0):
            self._n_items += 1
            for modality in MODALITIES:
                if (code := item.code(modality)) is not None:
                    rows[modality].append(item.row_id)
                    codes[modality] += code
        for modality in MODALITIES:
            if n_codes := len(rows[modality]):
                row_ids, packed = np.frombuffer(rows[modality], np.int64), np.frombuffer(bytes(codes[modality]), np.uint8)
                self._indexes[modality].load(row_ids, packed.reshape(n_codes, -1))
                self._n_codes[modality] += n_codes
        self._n_changes += self._n_items

    def _add(self, rows: Sequence[tuple[int, NewItem]]) -> None:
        for modality in MODALITIES:
            coded = [(row_id, code) for row_id, item in rows if (code := item.code(modality)) is not None]
            if coded:
                row_ids = np.array([row_id for row_id, _ in coded], dtype=np.int64)
                codes = np.frombuffer(b"".join(code for _, code in coded), dtype=np.uint8).reshape(len(coded), -1)
                self._indexes[modality].add(row_ids, codes)
                self._n_codes[modality] += len(coded)
        self._n_items += len(rows)
        self._n_changes += len(rows)

    def _remove(self, items: Sequence[Item]) -> None:
        for modality in MODALITIES:
            row_ids = [item.row_id for item in items if item.code(modality) is not None]
            if row_ids:
                self._n_codes[modality] -= self._indexes[modality].remove(np.array(row_ids, dtype=np.int64))
        self._n_items -= len(items)
        self._n_changes += len(items)

    def _drop_unused(self, digests: Iterable[str]) -> None:
        """Deletes pictures that no item refers to; what cannot be deleted now is left to the next start."""
        try:
            for sha256 in digests:
                if not self._catalog.images_among([sha256]):
                    self._media.delete(sha256)
        except CatalogError:
            _log.warning("pictures that no item refers to could not be deleted", exc_info=True)


def _blocks(items: Iterator[Item]) -> Iterator[list[Item]]:
    while block := list(islice(items, _BLOCK)):
        yield block
