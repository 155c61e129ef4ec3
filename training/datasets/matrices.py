"""Matrices in MATLAB and HDF5 files, read a block of rows at a time.

Decides the format by a file's content, never by its ending: HDF5 (MATLAB's v7.3 is HDF5), else MATLAB v5 to v7, compressed or not.
MATLAB's HDF5 files hold every matrix transposed; they are known by the attribute ``MATLAB_class``. Does not know benchmarks.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import scipy.io
import scipy.sparse
from scipy.io.matlab import MatReadError

from model.errors import DatasetError
from training.datasets.matlab_v5 import map_v5_matrix

# What h5py and scipy let through when a file is damaged.
_FOREIGN_ERRORS = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    RuntimeError,
    MatReadError,
    struct.error,
    zlib.error,
)
_V5_NUMBERS = {"double", "single", "logical", "sparse", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))}


@dataclass(frozen=True, slots=True)
class Matrix:
    """An open matrix.

    Attributes:
        place: File and key, for messages.
        shape: Rows and columns, as MATLAB or numpy would say it.
        rows: Returns rows start…stop − 1 as (stop − start, columns) numbers of the file's dtype.
        granularity: Rows that are best read together.
    """

    place: str
    shape: tuple[int, int]
    rows: Callable[[int, int], npt.NDArray[Any]]
    granularity: int = 1


@contextmanager
def open_matrix(file: Path, key: str, *, advice: str = "", scratch_dir: Path | None = None) -> Iterator[Matrix]:
    """Opens a matrix of a file.

    Rows are read when asked for; a compressed MATLAB v5 matrix is inflated into a scratch file when its first rows are.

    Args:
        file: In either format.
        key: Name of the variable or data set.
        advice: What to do about a file or key that is missing, appended to the message.
        scratch_dir: Where a matrix is inflated; None for the system's folder for temporary files.

    Yields:
        The matrix, to be used within the context.

    Raises:
        DatasetError: If the file is missing, damaged or of neither format, or the key is missing or no matrix of real numbers.
    """
    if not file.is_file():
        raise DatasetError(f"{file}: is missing (wanted for {key!r}){advice}")
    with _translated(str(file)), ExitStack() as stack:
        opened = stack.enter_context(h5py.File(file, "r")) if h5py.is_hdf5(file) else None
        undo = stack.pop_all()
    with undo:
        names = list(opened) if opened is not None else _v5_names(file)
        if key not in names:
            raise DatasetError(f"{file}: has no {key!r}; it holds {', '.join(names) or 'nothing'}{advice}")
        with _translated(str(file)):
            matrix = _hdf5_matrix(f"{file}: {key!r}", opened[key]) if opened is not None else _v5_matrix(file, key, scratch_dir)
        yield matrix


@contextmanager
def _translated(place: str) -> Iterator[None]:
    try:
        yield
    except _FOREIGN_ERRORS as error:
        raise DatasetError(f"{place}: cannot be read, the file is damaged ({error})") from error


def _v5_names(file: Path) -> list[str]:
    try:
        return [name for name, _, _ in scipy.io.whosmat(file)]
    except _FOREIGN_ERRORS as error:
        raise DatasetError(f"{file}: is neither a MATLAB file nor HDF5, or it is damaged ({error})") from error


def _v5_matrix(file: Path, key: str, scratch_dir: Path | None) -> Matrix:
    place = f"{file}: {key!r}"
    shape, kind = next((shape, kind) for name, shape, kind in scipy.io.whosmat(file) if name == key)
    _check(place, shape, np.dtype(float) if kind in _V5_NUMBERS else np.dtype(object))

    @cache
    def load() -> Any:
        with _translated(str(file)):
            if kind == "sparse":
                return scipy.io.loadmat(file, variable_names=[key])[key].tocsr()
            found = map_v5_matrix(file, key, scratch_dir)
        if found is None:
            raise DatasetError(f"{place} is no matrix of real numbers")
        return found

    return _lazy(place, shape, load)


def _hdf5_matrix(place: str, found: h5py.Dataset | h5py.Group) -> Matrix:
    if "MATLAB_sparse" in found.attrs:
        parts = (found["data"][()], found["ir"][()], found["jc"][()]) if "data" in found else ([], [], found["jc"][()])
        shape = (int(found.attrs["MATLAB_sparse"]), len(parts[2]) - 1)
        whole = scipy.sparse.csc_matrix(parts, shape=shape).tocsr()
        return _lazy(place, shape, lambda: whole)
    if not isinstance(found, h5py.Dataset):
        raise DatasetError(f"{place} is a group, no matrix")
    _check(place, found.shape, found.dtype)
    transposed = "MATLAB_class" in found.attrs

    def rows(start: int, stop: int) -> npt.NDArray[Any]:
        with _translated(place):
            block: npt.NDArray[Any] = found[:, start:stop].T if transposed else found[start:stop]
        return block

    shape = found.shape[::-1] if transposed else found.shape
    chunk = found.chunks[1 if transposed else 0] if found.chunks else 1
    return Matrix(place, shape, rows, chunk)


def _lazy(place: str, shape: tuple[int, int], load: Callable[[], Any]) -> Matrix:
    """Wraps an array, or a sparse matrix of which a block becomes dense when it is read."""

    def rows(start: int, stop: int) -> npt.NDArray[Any]:
        block = load()[start:stop]
        return _real(place, block.toarray() if scipy.sparse.issparse(block) else block)

    return Matrix(place, shape, rows)


def _real(place: str, block: npt.NDArray[Any]) -> npt.NDArray[Any]:
    _check(place, block.shape, block.dtype)
    return block


def _check(place: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if len(shape) != 2 or dtype.kind not in "biuf" or 0 in shape:
        raise DatasetError(f"{place} is no matrix of real numbers: shape {shape}, type {dtype}")
