"""The service's folder on disk, held by one process at a time.

Decides where the catalogue, the pictures and the index's snapshot lie. Does not know what is in them.
"""

from __future__ import annotations

import fcntl
import logging
import os
from pathlib import Path

from model.errors import CatalogError

_log = logging.getLogger(__name__)

CATALOGUE = "catalogue.sqlite3"
MEDIA = "media"
SNAPSHOT = "index.snapshot"
JOBS = "jobs"
RESTORING = "restoring"
"""A file that is there while a restore replaces the rest: a folder that has it is neither old nor new."""
SERVED = "served"
"""A file with the identity of the bundle by which the process that holds the folder answers, or the last one did."""
LOCK = "lock"
_WRITTEN = (CATALOGUE, f"{CATALOGUE}-wal", f"{CATALOGUE}-shm", MEDIA, JOBS)  # in place, not by putting a new file there


def sqlite_url(path: Path) -> str:
    """Returns the address of an SQLite database.

    Args:
        path: Its file.

    Returns:
        An SQLAlchemy address.
    """
    return f"sqlite:///{path.resolve()}"


class DataFolder:
    """Where things lie in a folder that another process may hold.

    Args:
        folder: Where.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def catalogue_url(self) -> str:
        """Address of the SQLite catalogue."""
        return sqlite_url(self.folder / CATALOGUE)

    @property
    def has_catalogue(self) -> bool:
        """Whether there is a catalogue yet."""
        return (self.folder / CATALOGUE).is_file()

    @property
    def media(self) -> Path:
        """Folder of the pictures."""
        return self.folder / MEDIA

    @property
    def snapshot(self) -> Path:
        """The index's snapshot."""
        return self.folder / SNAPSHOT

    @property
    def is_held(self) -> bool:
        """Whether a process holds the folder."""
        try:
            lock = os.open(self.folder / LOCK, os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    @property
    def served_id(self) -> str:
        """Identity of the bundle of the process that holds the folder; "" if it has not said so."""
        try:
            return (self.folder / SERVED).read_text(encoding="utf-8")
        except OSError:
            return ""

    def note_served(self, bundle_id: str) -> None:
        """Says whose codes are searched now, for other processes; a full disk is no reason not to search.

        Args:
            bundle_id: Identity of the bundle.
        """
        try:
            (self.folder / SERVED).write_text(bundle_id, encoding="utf-8")
        except OSError:
            _log.warning("cannot note in %s which bundle is served", self.folder, exc_info=True)


class DataDir(DataFolder):
    """A folder that this process holds until it ends or :meth:`close` is called.

    Args:
        folder: Where; made if missing.
        must_exist: Whether a missing one is an error instead.
        restoring: Whether this process restores a backup, as it must where a restore was broken off.

    Raises:
        CatalogError: If it cannot be written, another process holds it, it is missing and must not be, or a restore was broken off.
    """

    def __init__(self, folder: Path, *, must_exist: bool = False, restoring: bool = False) -> None:
        super().__init__(folder)
        if must_exist and not folder.is_dir():
            raise CatalogError(f"there is no data folder {folder}: --data-dir or BITLENS_DATA_DIR names another")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise CatalogError(f"the data folder {folder} cannot be written: {error.strerror}") from error
        if foreign := [path for path in (folder, *map(folder.joinpath, _WRITTEN)) if path.exists() and not _may_write(path)]:
            os.close(self._lock)
            owner, own = foreign[0].stat().st_uid, os.geteuid()
            raise CatalogError(f"the data folder {folder} cannot be written: {foreign[0]} is user {owner}'s, this is user {own}")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise CatalogError(f"the data folder {folder} is in use by another process: stop that service first") from error
        if not restoring and (folder / RESTORING).exists():
            self.close()
            raise CatalogError(f"a restore into the data folder {folder} was broken off: restore the backup again, with --force")

    def close(self) -> None:
        """Lets other processes have the folder."""
        os.close(self._lock)


def _may_write(path: Path) -> bool:
    """Tells whether this process may write a file, or make files in a folder: it may not in a volume that others have filled."""
    return os.access(path, os.W_OK | (os.X_OK if path.is_dir() else 0), effective_ids=True)
