"""The bytes of a TAR, unpacked if it is packed by gzip, bzip2 or xz.

Decides how far unpacking goes: so many bytes and no more, forward only, with a bounded buffer. A packed archive may stand for a
thousand times its size, headers included, so that nothing may be unpacked that is not counted. Does not know what the bytes say.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, cast

from model.errors import JobFailed

MAX_READ = 1024 * 1024
"""Most bytes at once: tarfile reads the extended header of a file in one piece."""
_BLOCK = 64 * 1024
_XZ_MEMORY = 128 * 1024 * 1024  # xz -9 needs 65 MiB; what a dictionary may ask for is 4 GiB
_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz"}


class Forward(io.RawIOBase):
    """Reads forward, and only so far.

    Args:
        inner: What is read.
        max_bytes: So far.
    """

    def __init__(self, inner: IO[bytes], max_bytes: int) -> None:
        self._inner = inner
        self._max_bytes = max_bytes
        self._at = 0

    def read(self, size: int = -1, /) -> bytes:
        """Reads so many bytes, fewer only at the end.

        Args:
            size: How many.

        Returns:
            The bytes.

        Raises:
            JobFailed: If that is too much at once or altogether.
        """
        if not 0 <= size <= MAX_READ:
            raise JobFailed(f"the archive has a header of more than {MAX_READ} bytes")
        found = bytearray()
        while len(found) < size and (more := self._inner.read(min(size - len(found), _BLOCK))):
            found += more
            self._at += len(more)
            if self._at > self._max_bytes:
                raise JobFailed(f"the archive unpacks to more than {self._max_bytes} bytes, headers included")
        return bytes(found)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Reads up to a place.

        Args:
            offset: Where to, from the beginning.
            whence: Must say so.

        Returns:
            The place, or the end if that comes first.

        Raises:
            JobFailed: If the place is behind, or too far ahead.
        """
        if whence != io.SEEK_SET or offset < self._at:
            raise JobFailed("the archive is damaged: its files are not one after another")
        while self._at < offset and self.read(min(offset - self._at, _BLOCK)):
            pass
        return self._at

    def tell(self) -> int:
        """Returns how many bytes were read."""
        return self._at


class Xz(io.RawIOBase):
    """Unpacks one stream of xz with bounded memory, which :class:`lzma.LZMAFile` cannot promise.

    Args:
        packed: The stream.
    """

    def __init__(self, packed: IO[bytes]) -> None:
        self._packed = packed
        self._decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)

    def read(self, size: int = -1, /) -> bytes:
        """Reads some bytes.

        Args:
            size: At most so many.

        Returns:
            At least one byte, or none at the end.

        Raises:
            EOFError: If the packed bytes end too early.
            ValueError: If another stream is behind the first.
        """
        while not self._decoder.eof:
            packed = self._packed.read(_BLOCK) if self._decoder.needs_input else b""
            if self._decoder.needs_input and not packed:
                raise EOFError("the packed bytes end too early")
            if found := self._decoder.decompress(packed, size):
                return found
        if self._decoder.unused_data.strip(b"\0"):
            raise ValueError("xz in several streams is not read")
        return b""


@contextmanager
def unpacked(path: Path, max_bytes: int) -> Iterator[Forward]:
    """Opens a file, which may be packed.

    Args:
        path: The file.
        max_bytes: Most bytes that may be read of what it stands for.

    Yields:
        A reader.
    """
    with ExitStack() as opened:
        file = opened.enter_context(path.open("rb"))
        start = file.read(6)
        file.seek(0)
        packing = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)
        inner: IO[bytes] = file
        if packing == "gzip":
            inner = cast("IO[bytes]", gzip.GzipFile(fileobj=file))
        elif packing == "bzip2":
            inner = opened.enter_context(bz2.BZ2File(file))
        elif packing == "xz":
            inner = cast("IO[bytes]", Xz(file))
        yield Forward(inner, max_bytes)
