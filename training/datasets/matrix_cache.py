"""Feature matrices as memory maps: copied from their files once, a block of rows at a time.

Decides when a copy is still good: by the names, sizes and times of change of the files it was made from. A copy that was
interrupted is taken up again. Does not know benchmarks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock

from model.codes import Float32
from model.errors import DatasetError
from training.datasets.matrices import Matrix, open_matrix
from training.feature_store import FeatureFile
from training.progress import Advance, progress_bar

BLOCK_BYTES = 32 * 2**20
"""About so much of a file is in memory at a time, or up to eight times as much of one that is stored in large chunks."""


@dataclass(frozen=True, slots=True)
class Part:
    """A matrix in a file.

    Attributes:
        file: Where.
        key: Its name there.
    """

    file: Path
    key: str


@dataclass(frozen=True, slots=True)
class CachedRows:
    """A matrix on disk.

    Attributes:
        rows: (N, D) float32, memory-mapped and read-only.
        digest: sha256 (hex) over shape and content.
    """

    rows: Float32
    digest: str


def cached_rows(parts: Sequence[Part], cache_dir: Path, *, block_bytes: int = BLOCK_BYTES) -> CachedRows:
    """Returns the rows of all parts, one part after the other, from the cache if they are there.

    Two processes that ask for the same rows at once wait for each other.

    Args:
        parts: Matrices of equal width.
        cache_dir: Copies are kept in its ``matrices`` folder.
        block_bytes: About so much is read at a time.

    Returns:
        The rows, in float32.

    Raises:
        DatasetError: If a file cannot be read, a value is not finite as float32, or the copy cannot be kept.
    """
    folder = cache_dir / "matrices"
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        matrices = [stack.enter_context(open_matrix(part.file, part.key, scratch_dir=folder)) for part in parts]
        shape = (sum(matrix.shape[0] for matrix in matrices), matrices[0].shape[1])
        file = FeatureFile(folder, _name(parts), shape, _block_rows(matrices[0], block_bytes))
        with FileLock(file.lock_path):
            found = file.finished()
            if found is None:
                with progress_bar(f"copying {parts[0].key} of {parts[0].file.name}", unit="rows") as advance:
                    _copy(matrices, file, block_bytes, advance)
                found = file.finished()
            if found is None:
                raise DatasetError(f"{folder}: the copy of {parts[0].file.name} could not be kept; is the disk full?")
            return CachedRows(found, _digest(found, folder / f"{_name(parts)}.sha256"))


def _name(parts: Sequence[Part]) -> str:
    facts = [(part.file.name, part.key, part.file.stat().st_size, part.file.stat().st_mtime_ns) for part in parts]
    return f"{parts[0].file.stem}-{parts[0].key}-{hashlib.sha256(repr(facts).encode()).hexdigest()[:24]}"


def _block_rows(matrix: Matrix, block_bytes: int) -> int:
    """Returns the rows of a block: a multiple of what the file stores together, as less would read every chunk again and again."""
    fitting = max(1, block_bytes // (4 * matrix.shape[1]))
    if matrix.granularity > 8 * fitting:
        return fitting
    return max(1, fitting // matrix.granularity) * matrix.granularity


def _copy(matrices: Sequence[Matrix], file: FeatureFile, block_bytes: int, advance: Advance) -> None:
    file.open()
    n_rows, first = sum(matrix.shape[0] for matrix in matrices), 0
    for matrix in matrices:
        step = _block_rows(matrix, block_bytes)
        while (start := file.n_done - first) < matrix.shape[0]:
            stop = min((start // step + 1) * step, matrix.shape[0])
            file.append(_finite(matrix, start, stop))
            file.checkpoint()
            advance(file.n_done, n_rows)
        first += matrix.shape[0]
    file.finish()


def _finite(matrix: Matrix, start: int, stop: int) -> Float32:
    with np.errstate(over="ignore", invalid="ignore"):
        block = np.ascontiguousarray(matrix.rows(start, stop), dtype=np.float32)
    broken = np.flatnonzero(~np.isfinite(block).all(axis=1))
    if broken.size:
        raise DatasetError(f"{matrix.place} holds a value that is not finite (as float32), first in row {start + int(broken[0])}")
    return block


def _digest(rows: Float32, record: Path) -> str:
    """Reads the digest beside a copy, or makes it; the copy itself is checked by its store whenever it is opened."""
    if record.is_file():
        return record.read_text(encoding="ascii")
    digest = hashlib.sha256(repr(rows.shape).encode())
    step = max(1, BLOCK_BYTES // (4 * rows.shape[1]))
    for start in range(0, len(rows), step):
        digest.update(np.ascontiguousarray(rows[start : start + step]).data)
    draft = record.with_name(record.name + ".partial")
    draft.write_text(digest.hexdigest(), encoding="ascii")
    draft.replace(record)
    return digest.hexdigest()
