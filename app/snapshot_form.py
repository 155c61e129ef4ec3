"""The form of the index's file: arrays that can be used where they lie, and sums that tell whether every byte is as it was written.

Decides alignment, sums and their order. Does not know when a snapshot is of no use for other reasons (``app.snapshots``).

    magic, a line of JSON, spaces up to a multiple of 64 bytes; arrays, each padded with zeros to a multiple of 64 bytes;
    for each mebibyte of all that, the sum and the exclusive or of its 64-bit words; the length of all that; the sha256 of the head
    and the sums
"""

from __future__ import annotations

import hashlib
import json
import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from model.codes import UInt8
from model.errors import SnapshotUnusable

UInt64 = npt.NDArray[np.uint64]
_MAGIC = b"BITLENS-INDEX-2\n"
_ALIGNED = 64  # bytes
_BLOCK = 1 << 17  # words of which one sum is made
_FOOT = 8 + 32  # bytes behind the sums: length and sha256
_DAMAGED = "it is damaged: its checksum does not fit"


def write_form(file: IO[bytes], facts: dict[str, Any], arrays: Sequence[UInt8]) -> None:
    """Writes facts and arrays.

    Args:
        file: Empty, open for writing.
        facts: What JSON can say.
        arrays: Bytes, each (N,) uint8 and contiguous.

    Raises:
        OSError: If the disk refuses.
    """
    head = _MAGIC + json.dumps(facts).encode()
    head += b" " * (-(len(head) + 1) % _ALIGNED) + b"\n"
    file.write(head)
    for array in arrays:
        file.write(array.data)
        file.write(bytes(-len(array) % _ALIGNED))
    file.flush()
    length = file.tell()
    with mmap.mmap(file.fileno(), length, access=mmap.ACCESS_READ) as body:
        sums = _sums(np.frombuffer(body, np.uint64)).tobytes()
    size = length.to_bytes(8, "little")
    file.write(sums + size + hashlib.sha256(head + sums + size).digest())


def read_form(path: Path) -> tuple[dict[str, Any], UInt8, int]:
    """Maps a file into memory and compares its sums; what is changed in memory does not go back to the disk.

    Args:
        path: The file.

    Returns:
        The facts; all bytes of the file, (N,) uint8; and where the first array starts.

    Raises:
        OSError: If it cannot be read.
        SnapshotUnusable: If it is damaged.
    """
    if path.stat().st_size < _ALIGNED + _FOOT:
        raise SnapshotUnusable(_DAMAGED)
    content: UInt8 = np.memmap(path, np.uint8, mode="c").view(np.ndarray)
    length = int.from_bytes(content[-_FOOT : -_FOOT + 8].tobytes(), "little")
    sums, digest = content[length:-_FOOT], content[-32:].tobytes()
    start = content[: min(length, 4096)].tobytes().find(b"\n", len(_MAGIC)) + 1
    head = content[:start].tobytes()
    is_whole = (
        head.startswith(_MAGIC)
        and length % _ALIGNED == 0
        and len(sums) == 16 * -(-length // (8 * _BLOCK))
        and hashlib.sha256(head + sums.tobytes() + content[-_FOOT:-32].tobytes()).digest() == digest
        and _sums(content[:length].view(np.uint64)).tobytes() == sums.tobytes()
    )
    if not is_whole:
        raise SnapshotUnusable(_DAMAGED)
    return json.loads(head[len(_MAGIC) :]), content, start


def places(start: int, lengths: Sequence[int]) -> Iterator[int]:
    """Yields where each array starts.

    Args:
        start: Where the first one does.
        lengths: Bytes of each.

    Yields:
        A multiple of 64.
    """
    for length in lengths:
        yield start
        start += length + -length % _ALIGNED


def _sums(words: UInt64) -> UInt64:
    """Returns (blocks, 2) sums, modulo 2⁶⁴, and exclusive ors; any change within one word changes both."""
    whole = words[: len(words) // _BLOCK * _BLOCK].reshape(-1, _BLOCK)
    sums = np.stack([np.add.reduce(whole, axis=1), np.bitwise_xor.reduce(whole, axis=1)], axis=1)
    rest = words[whole.size :]
    if len(rest):
        sums = np.concatenate([sums, [[np.add.reduce(rest), np.bitwise_xor.reduce(rest)]]])
    return sums.astype("<u8")
