"""Compares what lies in a data folder: the catalogue with itself, with the index's snapshot and with the pictures.

Decides what is a finding and which can be repaired without encoders: everything that is derived from the catalogue, and what
nothing refers to. Does not know how a report is printed. The folder must be held by this process (:class:`app.data_dir.DataDir`).
"""

from __future__ import annotations

import shutil
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from app.cache.base import Modality
from app.catalog import open_existing
from app.catalog.base import Catalog, Item
from app.data_dir import DataDir
from app.durable import TEMPORARY_SUFFIX
from app.media import MediaStore
from app.snapshots import MODALITIES, Codes, Snapshot, SnapshotFile, current, differing_rows
from model.calibration import Calibration
from model.errors import CatalogError, HashingError, SnapshotUnusable

_BLOCK = 2_000
_N_EXAMPLES = 5
_HALF_PICTURES = "half-written pictures"
_HALF_BACKUPS = "backups or restores that were broken off"
_ORPHANS = "pictures that no item refers to"
_OTHER_CODES = "codes of the index's snapshot differ from the catalogue's"
_BAD_SNAPSHOT = "the index's snapshot cannot be used"
_HALF_SNAPSHOTS = "half-written snapshots"
_BAD_CALIBRATION = "the calibration made of judgements cannot be used"


@dataclass(slots=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        what: In plain words.
        n: How often.
        examples: The first few.
        repaired: Whether it has been put right.
    """

    what: str
    n: int = 0
    examples: list[str] = field(default_factory=list)
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at and what was found.

    Attributes:
        facts: Value by name, in the order to be shown.
        findings: None if all is well.
    """

    facts: dict[str, str | int]
    findings: list[Finding]

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong any more."""
        return all(finding.repaired for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """Returns the report for programs."""
        return {"is_well": self.is_well, "facts": self.facts, "findings": [asdict(finding) for finding in self.findings]}


def examine(data_dir: DataDir, *, repair: bool = False, read_pictures: bool = False) -> Report:
    """Examines a data folder.

    Args:
        data_dir: Held by this process.
        repair: Whether to put right what can be.
        read_pictures: Whether every picture is read and compared with its digest.

    Returns:
        The report.

    Raises:
        CatalogError: If there is no catalogue, or it is too damaged to be opened.
    """
    if not data_dir.has_catalogue:
        raise CatalogError(f"there is no catalogue in {data_dir.folder}: --data-dir or BITLENS_DATA_DIR names another folder")
    catalog = open_existing(data_dir.catalogue_url)
    try:
        return _Doctor(catalog, data_dir).examine(repair, read_pictures)
    finally:
        catalog.close()


class _Doctor:
    def __init__(self, catalog: Catalog, data_dir: DataDir) -> None:
        self._catalog, self._n_bits, self._folder = catalog, catalog.n_bits, data_dir.folder
        self._media, self._file = MediaStore(data_dir.media), SnapshotFile(data_dir.snapshot)
        self._findings: dict[str, Finding] = {}
        self._facts: dict[str, str | int] = {"bundle": catalog.bundle_id, "bits": catalog.n_bits, "revision": catalog.revision}
        self._rows: dict[Modality, array[int]] = {modality: array("q") for modality in MODALITIES}
        self._codes: dict[Modality, bytearray] = defaultdict(bytearray)

    def examine(self, repair: bool, read_pictures: bool) -> Report:
        for line in self._catalog.damage():
            self._find("the database is damaged: restore a backup", line)
        for path in self._half_backups():
            self._find(_HALF_BACKUPS, path.name)
        self._judgements()
        stored = set(self._media.stored())
        try:
            self._items(self._snapshot(), stored)
        except CatalogError as error:
            self._find("items cannot be read: restore a backup", str(error))
        else:  # nothing is repaired after a catalogue that cannot be read to its end
            self._pictures(stored, read_pictures)
            if repair:
                self._repair()
        return Report(self._facts, list(self._findings.values()))

    def _find(self, what: str, example: str) -> None:
        finding = self._findings.setdefault(what, Finding(what))
        finding.n += 1
        if len(finding.examples) < _N_EXAMPLES:
            finding.examples.append(example)

    def _judgements(self) -> None:
        try:
            self._facts["judgements"] = sum(len(hits) for hits in self._catalog.judged_hits().values())
        except CatalogError as error:
            self._find("judgements cannot be read: restore a backup, or delete them", str(error))
        try:
            if (kept := self._catalog.kept_calibration()) is not None:
                Calibration.from_json(kept.content).of_bundle(self._catalog.bundle_id, self._n_bits)
        except HashingError as error:
            self._find(_BAD_CALIBRATION, str(error))

    def _snapshot(self) -> Codes | None:
        """Returns the codes of a good snapshot; with none, the next start reads all items, which is no harm."""
        self._facts["snapshot"] = "none"
        for path in self._file.leftovers():
            self._find(_HALF_SNAPSHOTS, path.name)
        if not self._file.path.exists():
            return None
        try:
            snapshot = self._file.read()
            self._facts["snapshot"] = f"{snapshot.n_items} items of revision {snapshot.revision}"
            return current(snapshot, self._catalog, n_bits=self._n_bits)
        except SnapshotUnusable as error:
            self._find(_BAD_SNAPSHOT, str(error))
            return None

    def _items(self, held: Codes | None, stored: set[str]) -> None:
        last = -1 if held is None else max(int(rows[-1]) if len(rows) else 0 for rows, _ in held.values())
        n_items = 0
        for block in _blocks(self._catalog.scan()):
            n_items += len(block)
            for item in block:
                self._item(item, stored)
            for row_id in differing_rows(held, [item for item in block if item.row_id <= last]) if held else ():
                self._find(_OTHER_CODES, f"row {row_id}")
        self._facts |= {"items": n_items} | {f"{modality} codes": len(self._rows[modality]) for modality in MODALITIES}
        if n_items != self._catalog.count():
            self._find("the database counts other items than it lists", f"{self._catalog.count()}, not {n_items}")

    def _item(self, item: Item, stored: set[str]) -> None:
        for modality, content in (("image", item.image), ("text", item.text)):
            code = item.code("image" if modality == "image" else "text")
            if (content is None) != (code is None) or (code is not None and len(code) != self._n_bits // 8):
                self._find(f"items with a wrong {modality} code: send them again", item.item_id)
        if item.image is None and item.text is None:
            self._find("items without a text and an image: delete them", item.item_id)
        if item.image is not None and item.image.sha256 not in stored:
            self._find("items whose picture is missing: send them again", f"{item.item_id} ({item.image.sha256})")
        for modality in MODALITIES:
            if (code := item.code(modality)) is not None:
                self._rows[modality].append(item.row_id)
                self._codes[modality] += code

    def _pictures(self, stored: set[str], read: bool) -> None:
        referenced = set(self._catalog.images())
        self._facts["pictures"] = len(stored)
        for sha256 in sorted(stored - referenced):
            self._find(_ORPHANS, sha256)
        for path in self._media.leftovers():
            self._find(_HALF_PICTURES, path.name)
        for sha256 in sorted(stored & referenced) if read else ():
            if not self._media.is_whole(sha256):
                self._find("pictures that are damaged: send their items again", sha256)

    def _repair(self) -> None:
        cures: dict[str, Callable[[], None]] = {
            _HALF_SNAPSHOTS: lambda: _unlink(self._file.leftovers()),
            _BAD_SNAPSHOT: self._write_snapshot,
            _OTHER_CODES: self._write_snapshot,
            _ORPHANS: self._delete_orphans,
            _BAD_CALIBRATION: lambda: self._catalog.keep_calibration(None, 0),
            _HALF_BACKUPS: self._delete_half_backups,
            _HALF_PICTURES: lambda: _unlink(self._media.leftovers()),
        }
        for finding in self._findings.values():
            if finding.what in cures:
                cures[finding.what]()
                finding.repaired = True

    def _half_backups(self) -> list[Path]:
        return sorted(path for verb in ("backup", "restore") for path in self._folder.glob(f"{verb}-*{TEMPORARY_SUFFIX}"))

    def _delete_half_backups(self) -> None:
        for path in self._half_backups():
            shutil.rmtree(path, ignore_errors=True)

    def _delete_orphans(self) -> None:
        for sha256 in set(self._media.stored()) - set(self._catalog.images()):
            self._media.delete(sha256)

    def _write_snapshot(self) -> None:
        if any("wrong" in what for what in self._findings):
            self._file.discard()  # the codes have no common length: the next start says so
            return
        n_bytes = self._n_bits // 8
        codes: Codes = {
            modality: (np.array(rows, np.int64), np.frombuffer(self._codes[modality], np.uint8).reshape(len(rows), n_bytes))
            for modality, rows in self._rows.items()
        }
        n_items, revision = int(self._facts["items"]), self._catalog.revision
        self._file.write(Snapshot(self._catalog.bundle_id, self._n_bits, revision, n_items, codes))


def _blocks(items: Iterator[Item]) -> Iterator[list[Item]]:
    while block := list(islice(items, _BLOCK)):
        yield block


def _unlink(paths: Iterable[Path]) -> None:
    try:
        for path in paths:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise CatalogError(f"a half-written file could not be deleted: {error}") from error
