"""Where the files of bulk jobs lie: uploaded archives, what is unpacked from them, and the server's own folder.

Decides which manifest a job reads. Does not know what becomes of its items.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from app.archives import is_archive, unpack
from app.durable import sync_folder
from app.job_manifest import NAME, ManifestFile, inside
from app.job_records import Job
from model.errors import CatalogError, InvalidRequest, JobFailed

_ARCHIVE, _CONTENT, _PARTIAL = "archive", "content", "unpacking"


@dataclass(frozen=True, slots=True)
class JobFiles:
    """The files of all jobs; every method blocks.

    Attributes:
        folder: Holds a folder a job whose archive was uploaded; made when needed.
        bulk_folder: The server's folder of manifests, or None if jobs may not read one.
        max_archive_bytes: Largest archive, packed and unpacked.
        max_image_bytes: Largest picture.
    """

    folder: Path
    bulk_folder: Path | None
    max_archive_bytes: int
    max_image_bytes: int

    def check_manifest(self, name: str) -> None:
        """Refuses a manifest that a job could not read.

        Args:
            name: Path within the server's folder.

        Raises:
            InvalidRequest: If there is no such file, or the server has no such folder.
        """
        if self.bulk_folder is None:
            raise InvalidRequest("manifest: the server reads none (BITLENS_BULK_FOLDER is not set); upload an archive")
        inside(self.bulk_folder, name)

    def new_archive(self, job_id: str) -> Path:
        """Makes the folder of a job.

        Args:
            job_id: Which.

        Returns:
            Where its archive is to be written.

        Raises:
            CatalogError: If the disk refuses.
        """
        try:
            (self.folder / job_id).mkdir(parents=True)
        except OSError as error:
            raise CatalogError(f"the folder of job {job_id} could not be made: {error}") from error
        return self.folder / job_id / _ARCHIVE

    def accept(self, job_id: str) -> None:
        """Makes sure that an uploaded archive is one, and on disk.

        Args:
            job_id: Whose.

        Raises:
            InvalidRequest: If it is none.
            CatalogError: If the disk refuses.
        """
        archive = self.folder / job_id / _ARCHIVE
        try:
            if not is_archive(archive):
                raise InvalidRequest("the body is neither a ZIP nor a TAR (.tar, .tar.gz, .tar.bz2, .tar.xz)")
            with archive.open("rb") as file:
                os.fsync(file.fileno())
            for folder in (archive.parent, self.folder, self.folder.parent):
                sync_folder(folder)
        except OSError as error:
            raise CatalogError(f"the archive of job {job_id} could not be kept: {error}") from error

    def manifest(self, job: Job) -> ManifestFile:
        """Finds a job's manifest; an archive is unpacked for that, once.

        Args:
            job: Which.

        Returns:
            The manifest.

        Raises:
            JobFailed: If the archive cannot be unpacked, or there is no manifest.
        """
        if job.manifest is not None:
            return self._served(job.manifest)
        content = self.folder / job.job_id / _CONTENT
        if not content.is_dir():
            partial = content.with_name(_PARTIAL)
            shutil.rmtree(partial, ignore_errors=True)
            unpack(self.folder / job.job_id / _ARCHIVE, partial, max_bytes=self.max_archive_bytes)
            _settle(partial, content)
        found = [path for path in (*content.glob(NAME), *content.glob(f"*/{NAME}")) if path.is_file()]
        if len(found) != 1:
            raise JobFailed(f"the archive has {len(found)} files {NAME} at its top or in a folder there; it must have one")
        return ManifestFile(found[0], content.resolve(), self.max_image_bytes)

    def forget(self, job_id: str) -> None:
        """Deletes what was uploaded for a job; what cannot be deleted now is left to the next start.

        Args:
            job_id: Which.
        """
        shutil.rmtree(self.folder / job_id, ignore_errors=True)

    def sweep(self, wanted: Collection[str]) -> None:
        """Deletes the files of jobs that need them no more.

        Args:
            wanted: Jobs whose files stay.
        """
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                if path.name not in wanted:
                    self.forget(path.name)

    def _served(self, name: str) -> ManifestFile:
        if self.bulk_folder is None:
            raise JobFailed("the server reads no manifests any more")
        try:
            return ManifestFile(inside(self.bulk_folder, name), self.bulk_folder.resolve(), self.max_image_bytes)
        except InvalidRequest as error:
            raise JobFailed(str(error)) from error


def _settle(partial: Path, content: Path) -> None:
    """Gives what is unpacked its name when all of it is on disk."""
    os.sync()
    try:
        partial.rename(content)
    except OSError as error:
        raise JobFailed(f"the archive cannot be unpacked: {error.strerror}") from error
