"""Files that are whole or absent: written beside their place, synced, renamed, and the name synced as well.

Decides how bytes reach the disk for good. Does not know what they are.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

TEMPORARY_SUFFIX = ".tmp"


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Gives a file that takes the place of another when the block ends well, and vanishes when it does not.

    The folder is not synced: see :func:`sync_folder`.

    Args:
        path: Where the file belongs; whatever lies there stays until the new one is on disk.

    Yields:
        An empty file beside it, open for writing and reading.

    Raises:
        OSError: If the disk refuses.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=TEMPORARY_SUFFIX)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on disk.

    Args:
        folder: Which.

    Raises:
        OSError: If the disk refuses.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
