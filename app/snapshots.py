"""The index on disk: a file that spares a start the reading of every item.

Decides the file's form and when one is of no use. The catalogue stays the truth: a snapshot that is damaged, of another bundle or
does not fit the catalogue is passed over, and what has changed since it was taken is read from the catalogue. Does not know when
one is due (:class:`app.upkeep.Upkeep`), nor how bytes are checked (``app.snapshot_form``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.cache.base import Modality
from app.catalog.base import Catalog, Item
from app.durable import TEMPORARY_SUFFIX, replacing, sync_folder
from app.snapshot_form import places, read_form, write_form
from model.codes import Int64, UInt8
from model.errors import CatalogError, SnapshotUnusable

_N_COMPARED = 256  # newest rows whose codes are compared with the catalogue's
MODALITIES: tuple[Modality, ...] = ("image", "text")
Codes = Mapping[Modality, tuple[Int64, UInt8]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the indexes held at one revision of the catalogue.

    Attributes:
        bundle_id: The bundle that the codes come from.
        n_bits: Bits of one code.
        revision: The catalogue's, when this was taken.
        n_items: Items of the catalogue then.
        codes: By modality, (N,) int64 row ids, strictly ascending, and (N, n_bits / 8) uint8 packed codes.
    """

    bundle_id: str
    n_bits: int
    revision: int
    n_items: int
    codes: Codes

    @property
    def last_row_id(self) -> int:
        """The newest row, 0 if there is none."""
        return max((int(row_ids[-1]) for row_ids, _ in self.codes.values() if len(row_ids)), default=0)


class SnapshotFile:
    """One snapshot at a path.

    Args:
        path: Where it lies; the folder must be there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, snapshot: Snapshot) -> None:
        """Writes a snapshot in the place of the last one; it is on disk when this returns.

        Args:
            snapshot: What to write.

        Raises:
            CatalogError: If the disk refuses; the last one stays then.
        """
        facts: dict[str, Any] = {"bundle_id": snapshot.bundle_id, "n_bits": snapshot.n_bits, "revision": snapshot.revision}
        lengths = {modality: len(row_ids) for modality, (row_ids, _) in snapshot.codes.items()}
        facts |= {"n_items": snapshot.n_items, "n_codes": lengths}
        try:
            with replacing(self.path) as file:
                write_form(file, facts, _arrays(snapshot.codes))
            sync_folder(self.path.parent)
        except OSError as error:
            raise CatalogError(f"the index's snapshot could not be written: {error}") from error

    def read(self) -> Snapshot:
        """Reads the snapshot.

        Returns:
            What was written, every byte of it compared with its sums; the arrays lie in the file until they are moved.

        Raises:
            SnapshotUnusable: If there is none, or it is damaged.
        """
        try:
            return _parsed(*read_form(self.path))
        except FileNotFoundError as error:
            raise SnapshotUnusable("there is none") from error
        except OSError as error:
            raise SnapshotUnusable(f"it cannot be read: {error}") from error

    def discard(self) -> None:
        """Deletes the snapshot, if there is one.

        Raises:
            CatalogError: If the disk refuses.
        """
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise CatalogError(f"the index's snapshot could not be deleted: {error}") from error

    def leftovers(self) -> list[Path]:
        """Finds what crashes left half-written.

        Returns:
            Temporary files beside the snapshot.
        """
        return sorted(self.path.parent.glob(f"{self.path.name}.*{TEMPORARY_SUFFIX}"))


def current(snapshot: Snapshot, catalog: Catalog, *, n_bits: int) -> Codes:
    """Returns the codes of a snapshot that are still the catalogue's; those of newer rows are not among them.

    Args:
        snapshot: Read from the disk.
        catalog: The items.
        n_bits: Bits of one code.

    Returns:
        Like :attr:`Snapshot.codes`, without rows that are gone.

    Raises:
        SnapshotUnusable: If the snapshot is of another bundle, newer than the catalogue, lacks rows or has other codes.
        CatalogError: If the catalogue cannot be read.
    """
    if (snapshot.bundle_id, snapshot.n_bits) != (catalog.bundle_id, n_bits):
        raise SnapshotUnusable(f"it holds codes of bundle {snapshot.bundle_id} ({snapshot.n_bits} bits)")
    revision = catalog.revision
    if snapshot.revision > revision:
        raise SnapshotUnusable(f"it is of revision {snapshot.revision}, but the catalogue is at {revision}")
    kept, n_kept = snapshot.codes, n_rows_of(snapshot.codes)
    # Rows are never given twice: as many up to the last one as the snapshot has are the same ones, none of which is gone.
    if catalog.count(after_row_id=0) - catalog.count(after_row_id=snapshot.last_row_id) != n_kept:
        live = catalog.row_ids(up_to=snapshot.last_row_id)
        kept = {modality: _among(*codes, live) for modality, codes in snapshot.codes.items()}
        if n_rows_of(kept) != len(live):
            raise SnapshotUnusable("it lacks rows that the catalogue has")
    newest = np.union1d(kept["image"][0][-_N_COMPARED:], kept["text"][0][-_N_COMPARED:])[-_N_COMPARED:].tolist()
    items = catalog.get_rows(newest)
    if None in items:
        raise SnapshotUnusable("it has other rows than the catalogue")
    differing = differing_rows(kept, items)
    if differing:
        raise SnapshotUnusable(f"{len(differing)} of its newest codes are not the catalogue's")
    return kept


def n_rows_of(codes: Codes) -> int:
    """Counts the rows that have a code.

    Args:
        codes: By modality, ascending row ids and packed codes.

    Returns:
        How many have at least one.
    """
    one, other = codes["image"][0], codes["text"][0]
    if len(one) < len(other):
        one, other = other, one
    if np.array_equal(one, other) or not len(other):
        return len(one)
    at = np.minimum(np.searchsorted(one, other), len(one) - 1)
    return len(one) + int(np.count_nonzero(one[at] != other))


def differing_rows(codes: Codes, items: list[Item | None]) -> list[int]:
    """Compares codes with items.

    Args:
        codes: By modality, ascending row ids and packed codes.
        items: Items to look up; None is passed over.

    Returns:
        Rows of the items of which a code is missing, is too much or is another one.
    """
    return [
        item.row_id
        for item in items
        if item is not None and any(_code_at(*codes[modality], item.row_id) != item.code(modality) for modality in MODALITIES)
    ]


def _code_at(row_ids: Int64, packed_codes: UInt8, row_id: int) -> bytes | None:
    at = int(np.searchsorted(row_ids, row_id))
    return packed_codes[at].tobytes() if at < len(row_ids) and row_ids[at] == row_id else None


def _among(row_ids: Int64, packed_codes: UInt8, live: Int64) -> tuple[Int64, UInt8]:
    if not len(live):
        return row_ids[:0], packed_codes[:0]
    at = np.searchsorted(live, row_ids)
    is_live = live[np.minimum(at, len(live) - 1)] == row_ids
    return (row_ids, packed_codes) if is_live.all() else (row_ids[is_live], packed_codes[is_live])


def _arrays(codes: Codes) -> list[UInt8]:
    parts = [part for modality in MODALITIES for part in (codes[modality][0].astype("<i8", copy=False), codes[modality][1])]
    return [np.ascontiguousarray(part).reshape(-1).view(np.uint8) for part in parts]


def _parsed(head: dict[str, Any], content: UInt8, start: int) -> Snapshot:
    n_bytes = head["n_bits"] // 8
    numbers = [head["n_codes"][modality] for modality in MODALITIES]
    lengths = [length for n in numbers for length in (8 * n, n_bytes * n)]
    at = iter([content[place : place + length] for place, length in zip(places(start, lengths), lengths, strict=True)])
    codes: dict[Modality, tuple[Int64, UInt8]] = {}
    for modality in MODALITIES:
        row_ids = next(at).view("<i8").astype(np.int64, copy=False)
        codes[modality] = row_ids, next(at).reshape(len(row_ids), n_bytes)
    return Snapshot(head["bundle_id"], head["n_bits"], head["revision"], head["n_items"], codes)
