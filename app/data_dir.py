"""The service's folder on disk, held by one process at a time.

Decides where the catalogue and the pictures lie. Does not know what is in them.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from model.errors import CatalogError


class DataDir:
    """A folder that this process holds until it ends or :meth:`close` is called.

    Args:
        folder: Where; made if missing.

    Raises:
        CatalogError: If it cannot be written, or another process holds it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise CatalogError(f"the data folder {folder} cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise CatalogError(f"the data folder {folder} is in use by another process") from error

    @property
    def catalogue_url(self) -> str:
        """Address of the SQLite catalogue."""
        return f"sqlite:///{self.folder.resolve() / 'catalogue.sqlite3'}"

    @property
    def media(self) -> Path:
        """Folder of the pictures."""
        return self.folder / "media"

    @property
    def snapshot(self) -> Path:
        """The index's snapshot."""
        return self.folder / "index.snapshot"

    def close(self) -> None:
        """Lets other processes have the folder."""
        os.close(self._lock)
