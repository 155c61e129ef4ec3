"""A dense matrix of a MATLAB v5 file as a memory map: what ``scipy.io.loadmat`` gives, but never in memory as a whole.

Source: MathWorks, *MAT-File Format*, "Level 5 MAT-Files". After a header of 128 bytes come elements, each with a tag of type and
size; a compressed element is a zlib stream that holds one element. A matrix consists of flags, dimensions, name and its numbers,
column by column.

Decides that a compressed matrix is inflated into a nameless scratch file. Does not know sparse matrices, which scipy reads.
"""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

_HEADER_BYTES, _PIECE_BYTES = 128, 2**20
_MATRIX, _COMPRESSED = 14, 15
_COMPLEX = 0x0800
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}

Read = Callable[[int], bytes]
"""Returns the next so many bytes, fewer only at the end."""


def map_v5_matrix(file: Path, key: str, scratch_dir: Path | None) -> npt.NDArray[Any] | None:
    """Maps a matrix of real numbers, in the type in which they are stored, which may be narrower than the matrix's class.

    Args:
        file: A v5 file, compressed (v7) or not (v6).
        key: Name of a dense matrix in it.
        scratch_dir: Where a compressed matrix is inflated; None for the system's folder for temporary files.

    Returns:
        The matrix in column order, read-only; None if the file has no dense matrix of real numbers of that name.

    Raises:
        ValueError: If the file ends too early.
        struct.error: Likewise.
        zlib.error: If a compressed matrix is damaged.
    """
    with file.open("rb") as opened:
        order = "<" if opened.read(_HEADER_BYTES)[126:] == b"IM" else ">"
        position = _HEADER_BYTES
        while len(tag := opened.read(8)) == 8:
            kind, n_bytes = struct.unpack(f"{order}2I", tag)
            read: Read = opened.read
            if kind == _COMPRESSED:
                read = _inflating(opened, n_bytes)
                kind = struct.unpack(f"{order}2I", read(8))[0]
            found = _read_header(read, order) if kind == _MATRIX else None
            if found is not None and found.name == key:
                return _map(opened, read, found, scratch_dir)
            position += 8 + n_bytes
            opened.seek(position)
    return None


@dataclass(frozen=True, slots=True)
class _Header:
    """What comes before a matrix's numbers: its name and shape, their stored type, their bytes (themselves, where up to four)."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    n_bytes: int
    packed: bytes | None


def _inflating(opened: BinaryIO, n_bytes: int) -> Read:
    """Returns a reader of what a zlib stream of so many bytes holds."""
    inflater, left, ready = zlib.decompressobj(), n_bytes, bytearray()

    def read(wanted: int) -> bytes:
        nonlocal left
        while len(ready) < wanted:
            piece = inflater.unconsumed_tail or opened.read(min(left, _PIECE_BYTES))
            left -= 0 if inflater.unconsumed_tail else len(piece)
            more = inflater.decompress(piece, wanted - len(ready))
            if not piece and not more:
                break
            ready.extend(more)
        taken = bytes(ready[:wanted])
        del ready[:wanted]
        return taken

    return read


def _read_header(read: Read, order: str) -> _Header | None:
    """Reads up to a matrix's numbers; returns None for anything but a dense matrix of real numbers."""
    flags, dimensions, name = (_part(read, order) for _ in range(3))
    kind, n_bytes, packed = _tag(read, order)
    if kind not in _NUMBERS or struct.unpack(f"{order}I", flags[:4])[0] & _COMPLEX:
        return None
    shape = struct.unpack(f"{order}{len(dimensions) // 4}i", dimensions)
    header = _Header(name.decode("latin-1"), shape, np.dtype(order + _NUMBERS[kind]), n_bytes, packed)
    return header if n_bytes == prod(shape) * header.dtype.itemsize else None


def _tag(read: Read, order: str) -> tuple[int, int, bytes | None]:
    """Returns type, size and, where up to four bytes are packed into the tag itself, these bytes."""
    tag = read(8)
    kind, n_bytes = struct.unpack(f"{order}2I", tag)
    if kind >> 16:
        return kind & 0xFFFF, kind >> 16, tag[4 : 4 + (kind >> 16)]
    return kind, n_bytes, None


def _part(read: Read, order: str) -> bytes:
    _, n_bytes, packed = _tag(read, order)
    return read(-(-n_bytes // 8) * 8)[:n_bytes] if packed is None else packed


def _map(opened: BufferedReader, read: Read, header: _Header, scratch_dir: Path | None) -> npt.NDArray[Any]:
    """Maps numbers as they lie in the file, or written out; that file has no name, so nothing is left of it whatever happens."""
    if header.packed is not None:
        return np.frombuffer(header.packed, header.dtype).reshape(header.shape, order="F")
    if read == opened.read:
        return np.memmap(opened, header.dtype, "r", opened.tell(), header.shape, "F")
    with tempfile.TemporaryFile(dir=scratch_dir) as scratch:
        left = header.n_bytes
        while left and (piece := read(min(left, _PIECE_BYTES))):
            scratch.write(piece)
            left -= len(piece)
        if left:
            raise ValueError(f"{header.name!r}: the file ends too early")
        scratch.flush()
        return np.memmap(scratch, header.dtype, "r", 0, header.shape, "F")
