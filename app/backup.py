"""Backups of a data folder, taken while it is served: one tar file with the catalogue, the pictures and what proves them whole.

Decides how a backup stays consistent: the catalogue is copied as of one commit, and pictures are linked so that none can vanish
while they are read; a picture that went between the two makes the catalogue be copied again. The index needs no backup. The tar
ends with a manifest, so that a file that was cut short is known by its absence. Does not know how backups are restored.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from app.catalog import open_existing
from app.data_dir import CATALOGUE, MEDIA, DataFolder, sqlite_url
from app.durable import TEMPORARY_SUFFIX, replacing, sync_folder
from app.media import MediaStore
from model.errors import CatalogError, UnknownItem

FORMAT = 1
MANIFEST = "manifest.json"
_N_TRIES = 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds.

    Attributes:
        format: Version of the file's form.
        made_at: UTC, ISO 8601.
        bundle_id: The bundle whose codes the catalogue holds.
        n_bits: Bits of one code.
        revision: The catalogue's.
        n_items: Items.
        n_pictures: Pictures in the file.
        catalogue_sha256: Hex digest of the catalogue's file.
        missing: Pictures that items refer to but that were lost or damaged already.
    """

    format: int
    made_at: str
    bundle_id: str
    n_bits: int
    revision: int
    n_items: int
    n_pictures: int
    catalogue_sha256: str
    missing: tuple[str, ...]


def back_up(folder: Path, target: Path) -> Manifest:
    """Writes a backup of a data folder, which may be in use.

    Args:
        folder: The data folder.
        target: The file to write; one that is there is replaced when the new one is whole.

    Returns:
        What the backup holds.

    Raises:
        CatalogError: If there is no catalogue, or something cannot be read or written; nothing is left behind then.
    """
    data = DataFolder(folder)
    if not data.has_catalogue:
        raise CatalogError(f"there is no catalogue in {folder}: --data-dir or BITLENS_DATA_DIR names another folder")
    with translated("written"), tempfile.TemporaryDirectory(dir=folder, prefix="backup-", suffix=TEMPORARY_SUFFIX) as name:
        staging = Path(name)
        with replacing(target) as file:
            manifest = _write(file, data, staging)
        sync_folder(target.parent)
    return manifest


@contextmanager
def translated(done: str) -> Iterator[None]:
    """Raises what the disk and the tar raise as CatalogError.

    Args:
        done: What is done to the backup, as in "the backup could not be …".

    Yields:
        Nothing.

    Raises:
        CatalogError: If the block failed on the disk or in the tar.
    """
    try:
        yield
    except (OSError, tarfile.TarError) as error:
        raise CatalogError(f"the backup could not be {done}: {error}") from error


def file_sha256(path: Path) -> str:
    """Returns the digest of a file.

    Args:
        path: Which.

    Returns:
        64 hex digits.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(file: IO[bytes], data: DataFolder, staging: Path) -> Manifest:
    facts, wanted = _gather(data, staging)
    linked = MediaStore(staging / MEDIA)
    lost: list[str] = []
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.add(staging / CATALOGUE, CATALOGUE, filter=_plain)
        for sha256 in wanted:
            content = _whole(linked, sha256)
            if content is None:
                lost.append(sha256)
            else:
                _add(tar, f"{MEDIA}/{sha256[:2]}/{sha256}", content)
        manifest = Manifest(**facts, n_pictures=len(wanted) - len(lost), missing=tuple(lost))
        _add(tar, MANIFEST, json.dumps(asdict(manifest), indent=2).encode())
    return manifest


def _gather(data: DataFolder, staging: Path) -> tuple[dict[str, Any], list[str]]:
    """Copies the catalogue and links its pictures until they fit; returns what the manifest says of it, and its pictures."""
    for _ in range(_N_TRIES):
        facts, wanted = _copy(data, staging / CATALOGUE)
        if not sum(not _link(data.media, staging / MEDIA, sha256) for sha256 in wanted):
            break
    # What is still missing after so many tries has not just been deleted: it is lost, and told.
    return facts, wanted


def _copy(data: DataFolder, copy: Path) -> tuple[dict[str, Any], list[str]]:
    copy.unlink(missing_ok=True)
    source = open_existing(data.catalogue_url)
    try:
        source.copy_to(copy)
    finally:
        source.close()
    catalog = open_existing(sqlite_url(copy))
    try:
        facts = {"bundle_id": catalog.bundle_id, "n_bits": catalog.n_bits, "revision": catalog.revision}
        facts |= {"n_items": catalog.count(), "format": FORMAT, "made_at": datetime.now(UTC).isoformat(timespec="seconds")}
        wanted = list(catalog.images())
    finally:
        catalog.close()
    return {**facts, "catalogue_sha256": file_sha256(copy)}, wanted


def _link(media: Path, links: Path, sha256: str) -> bool:
    """Makes sure that a picture stays; returns whether it is there."""
    link = links / sha256[:2] / sha256
    if link.exists():
        return True
    link.parent.mkdir(parents=True, exist_ok=True)
    picture = media / sha256[:2] / sha256
    try:
        os.link(picture, link)
    except FileNotFoundError:
        return False
    except OSError:  # a file system without links
        shutil.copyfile(picture, link)
    return True


def _whole(media: MediaStore, sha256: str) -> bytes | None:
    try:
        content = media.read(sha256)
    except UnknownItem:
        return None
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    tar.addfile(member, io.BytesIO(content))


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member
