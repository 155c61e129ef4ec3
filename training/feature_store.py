"""Feature arrays on disk that survive an interruption.

Decides file names, that data reach the disk before the record that claims them, and how a torn file is recognised: the record
holds a checksum of the finished rows. Does not know backbones or pictures.

A file ``NAME.npy`` is finished; ``NAME.partial.npy`` is under way, and ``NAME.json`` says how far.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from model.codes import Float32


@dataclass(frozen=True, slots=True)
class _Record:
    """How far a file is.

    Attributes:
        n_rows: Rows of the whole array.
        feature_dim: Columns.
        batch_size: Rows of one forward pass: another size might round differently.
        n_done: Finished rows, from the first on.
        crc32: Checksum of the finished rows.
    """

    n_rows: int
    feature_dim: int
    batch_size: int
    n_done: int = 0
    crc32: int = 0


class FeatureFile:
    """One feature array, filled from the first row to the last.

    Args:
        folder: Where the files lie; made if absent.
        name: Their common name.
        shape: (N, feature_dim) of the whole array.
        batch_size: Rows of one forward pass.
    """

    def __init__(self, folder: Path, name: str, shape: tuple[int, int], batch_size: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.lock_path = folder / f"{name}.lock"
        self._finished = folder / f"{name}.npy"
        self._partial = folder / f"{name}.partial.npy"
        self._record_path = folder / f"{name}.json"
        self._fresh = _Record(*shape, batch_size)
        self._record = self._fresh
        self._rows: np.memmap[tuple[int, int], np.dtype[np.float32]] | None = None

    @property
    def n_done(self) -> int:
        """Finished rows since :meth:`open`."""
        return self._record.n_done

    def finished(self) -> Float32 | None:
        """Returns the whole array if it is finished and intact.

        Returns:
            (N, feature_dim) float32, memory-mapped and read-only, or None.
        """
        record = self._read_record()
        if record.n_done != record.n_rows:
            return None
        return self._intact(self._finished, record, mode="r")

    def open(self) -> None:
        """Goes on where an interrupted run ended, or starts anew if nothing usable is left."""
        record = self._read_record()
        rows = self._intact(self._partial, record, mode="r+") if record.batch_size == self._fresh.batch_size else None
        if rows is None:
            record, shape = self._fresh, (self._fresh.n_rows, self._fresh.feature_dim)
            rows = np.lib.format.open_memmap(self._partial, mode="w+", dtype=np.float32, shape=shape)
        self._record, self._rows = record, rows

    def append(self, features: Float32) -> None:
        """Writes the next rows.

        Args:
            features: (B, feature_dim) float32.
        """
        rows = self._opened()
        start, end = self.n_done, self.n_done + len(features)
        rows[start:end] = features
        crc32 = zlib.crc32(np.ascontiguousarray(rows[start:end]).data, self._record.crc32)
        shape = (self._record.n_rows, self._record.feature_dim)
        self._record = _Record(*shape, self._record.batch_size, end, crc32)

    def checkpoint(self) -> None:
        """Brings the rows to disk, then the record that claims them."""
        self._opened().flush()
        draft = self._record_path.with_suffix(".json.tmp")
        with draft.open("w", encoding="utf-8") as file:
            json.dump(asdict(self._record), file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._record_path)

    def finish(self) -> None:
        """Gives the full array its final name."""
        self.checkpoint()
        self._rows = None
        self._partial.replace(self._finished)

    def _opened(self) -> np.memmap[tuple[int, int], np.dtype[np.float32]]:
        if self._rows is None:
            raise RuntimeError("the feature file is not open")
        return self._rows

    def _read_record(self) -> _Record:
        """Reads the record; one that is unreadable or of another array counts as none."""
        try:
            record = _Record(**json.loads(self._record_path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return self._fresh
        wanted = (self._fresh.n_rows, self._fresh.feature_dim)
        return record if (record.n_rows, record.feature_dim) == wanted else self._fresh

    def _intact(self, path: Path, record: _Record, *, mode: str) -> np.memmap[tuple[int, int], np.dtype[np.float32]] | None:
        """Maps a file if its shape is right and its finished rows have the recorded checksum."""
        try:
            rows = np.lib.format.open_memmap(path, mode=mode)
        except (OSError, ValueError):
            return None
        if rows.shape != (record.n_rows, record.feature_dim) or rows.dtype != np.float32:
            return None
        return rows if zlib.crc32(np.ascontiguousarray(rows[: record.n_done]).data) == record.crc32 else None
