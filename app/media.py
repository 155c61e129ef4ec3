"""Pictures as files named by the digest of their bytes.

Decides where a picture lies and when it is safely on disk. Does not know items: whoever writes one stores its picture first and
commits afterwards, and deletes a picture only after the commit that gave up the last reference to it. Those two ways must not
run at the same time (one lock around each), or a picture could go that a new item has just come to rely on.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.durable import TEMPORARY_SUFFIX, replacing, sync_folder
from model.errors import CatalogError, UnknownItem

_BLOCK = 500  # files that are asked about at once
_SHA256 = re.compile(r"[0-9a-f]{64}")


class MediaStore:
    """A folder of pictures, ``ab/<sha256>`` each; safe for several threads.

    Args:
        folder: Where they lie; made if there is none.

    Raises:
        CatalogError: If the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened_at_s = time.time() - 1.0  # file times lag behind the clock a little
        self._lock = threading.Lock()
        with _translated("make the folder"):
            folder.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes) -> str:
        """Stores a picture; it is on disk when this returns. Storing it again changes nothing.

        Args:
            data: The picture's bytes.

        Returns:
            Their sha256, 64 hex digits.

        Raises:
            CatalogError: If the disk refuses.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        with _translated("store a picture"):
            if not self._renewed(path, len(data)):
                path.parent.mkdir(exist_ok=True)
                sync_folder(self._folder)
                with replacing(path) as file:
                    file.write(data)
            sync_folder(path.parent)
        return sha256

    def path(self, sha256: str) -> Path:
        """Returns where a picture lies, or would lie.

        Args:
            sha256: 64 lower-case hex digits.

        Returns:
            A path inside the folder.

        Raises:
            CatalogError: If it is no sha256: nothing else may become part of a path.
        """
        if not _SHA256.fullmatch(sha256):
            raise CatalogError(f"not the sha256 of a picture: {sha256!r}")
        return self._folder / sha256[:2] / sha256

    def read(self, sha256: str) -> bytes:
        """Returns a picture's bytes.

        Args:
            sha256: 64 lower-case hex digits.

        Returns:
            What was stored.

        Raises:
            CatalogError: If it is no sha256 or the disk refuses.
            UnknownItem: If no such picture is stored.
        """
        path = self.path(sha256)
        with _translated("read a picture"):
            try:
                return path.read_bytes()
            except FileNotFoundError as error:
                raise UnknownItem(f"no picture {sha256} is stored") from error

    def delete(self, sha256: str) -> None:
        """Deletes a picture; one that is not there is deleted already.

        Args:
            sha256: 64 lower-case hex digits.

        Raises:
            CatalogError: If it is no sha256 or the disk refuses.
        """
        path = self.path(sha256)
        with _translated("delete a picture"), self._lock:
            path.unlink(missing_ok=True)

    def stored(self) -> Iterator[str]:
        """Lists the pictures.

        Yields:
            Their sha256, in any order.

        Raises:
            CatalogError: If the disk refuses.
        """
        with _translated("list the pictures"):
            yield from (path.name for path in self._folder.glob("??/*") if _SHA256.fullmatch(path.name))

    def leftovers(self) -> list[Path]:
        """Finds what crashes left half-written.

        Returns:
            Temporary files.
        """
        return sorted(self._folder.glob(f"??/*{TEMPORARY_SUFFIX}"))

    def is_whole(self, sha256: str) -> bool:
        """Reads a picture and compares it with its name.

        Args:
            sha256: 64 lower-case hex digits.

        Returns:
            Whether it is there, every byte of it.

        Raises:
            CatalogError: If it is no sha256 or the disk refuses.
        """
        try:
            return hashlib.sha256(self.read(sha256)).hexdigest() == sha256
        except UnknownItem:
            return False

    def sweep(self, referenced: Callable[[Sequence[str]], Collection[str]]) -> int:
        """Deletes what an earlier process left behind: pictures that no item refers to, and half-written files.

        Whatever was stored since this store was opened stays, as its item may not be committed yet.

        Args:
            referenced: Tells of sha256s, a block at a time, which ones items refer to.

        Returns:
            How many files were deleted.

        Raises:
            CatalogError: If the disk refuses.
        """
        with _translated("sweep the pictures"):
            paths = list(self._folder.glob("??/*"))
            blocks = (paths[start : start + _BLOCK] for start in range(0, len(paths), _BLOCK))
            return sum(self._swept_block(block, referenced) for block in blocks)

    def _renewed(self, path: Path, n_bytes: int) -> bool:
        """Tells whether the picture is stored whole, and marks it as stored by this process."""
        with self._lock:
            if not path.is_file() or path.stat().st_size != n_bytes:
                return False
            os.utime(path)
            return True

    def _swept_block(self, paths: Sequence[Path], referenced: Callable[[Sequence[str]], Collection[str]]) -> int:
        kept = frozenset(referenced([path.name for path in paths if _SHA256.fullmatch(path.name)]))
        return sum(self._swept(path) for path in paths if path.name not in kept)

    def _swept(self, path: Path) -> bool:
        if _SHA256.fullmatch(path.name) is None and path.suffix != TEMPORARY_SUFFIX:
            return False
        with self._lock:
            if not path.is_file() or path.stat().st_mtime >= self._opened_at_s:
                return False
            path.unlink()
            return True


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CatalogError(f"the media store could not {what}: {error}") from error
