"""From a backup to a data folder.

Decides what a good backup is, and the order that keeps a crash harmless: everything is unpacked and checked beside the folder's
content before any of that is touched; while one replaces the other a marker keeps the service from starting. Works without a
service and without a bundle.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tarfile
import tempfile
from pathlib import Path

from app.backup import FORMAT, MANIFEST, Manifest, file_sha256, translated
from app.catalog import open_existing
from app.data_dir import CATALOGUE, JOBS, MEDIA, RESTORING, SNAPSHOT, DataDir, sqlite_url
from app.durable import TEMPORARY_SUFFIX, sync_folder
from app.media import MediaStore
from model.errors import CatalogError

_PICTURE = re.compile(rf"{MEDIA}/([0-9a-f]{{2}})/(\1[0-9a-f]{{62}})")
_REPLACED = re.compile(rf"{re.escape(CATALOGUE)}(-wal|-shm|-journal)?|{MEDIA}|{re.escape(SNAPSHOT)}.*|{JOBS}")
_MAX_MANIFEST = 64 * 1024 * 1024  # bytes; it lists lost pictures
_CHUNK = 1024 * 1024


def restore(source: Path, folder: Path, *, force: bool = False) -> Manifest:
    """Puts a backup into a data folder.

    Args:
        source: The backup.
        folder: The data folder; made if missing.
        force: Whether what is in it is replaced.

    Returns:
        What the backup held.

    Raises:
        CatalogError: If the folder is in use or not empty, or the backup is damaged; nothing has changed then.
    """
    with translated("restored"):
        data_dir = DataDir(folder, restoring=True)
        try:
            if not force and (held := _held(folder)):
                raise CatalogError(f"the data folder {folder} is not empty: --force replaces its {', '.join(held)}")
            with tempfile.TemporaryDirectory(dir=folder, prefix="restore-", suffix=TEMPORARY_SUFFIX) as name:
                staging = Path(name) / "new"
                manifest = _checked(source, staging)
                os.sync()
                _replace(folder, staging, Path(name) / "old")
            return manifest
        finally:
            data_dir.close()


def _held(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if _REPLACED.fullmatch(path.name) or path.name == RESTORING)


def _checked(source: Path, staging: Path) -> Manifest:
    """Unpacks a backup and checks that it is whole."""
    (staging / MEDIA).mkdir(parents=True)
    manifest, n_pictures = _unpack(source, staging)
    if n_pictures != manifest.n_pictures:
        raise CatalogError(f"the backup is damaged: it has {n_pictures} pictures, not {manifest.n_pictures}")
    copy = staging / CATALOGUE
    if not copy.is_file() or file_sha256(copy) != manifest.catalogue_sha256:
        raise CatalogError("the backup is damaged: its catalogue is missing or has another checksum")
    catalog = open_existing(sqlite_url(copy))
    try:
        if (catalog.bundle_id, catalog.revision, catalog.count()) != (manifest.bundle_id, manifest.revision, manifest.n_items):
            raise CatalogError("the backup is damaged: its catalogue is not the manifest's")
        if damage := catalog.damage():
            raise CatalogError(f"the backup's catalogue is damaged: {damage[0]}")
        lost = set(catalog.images()) - set(MediaStore(staging / MEDIA).stored()) - set(manifest.missing)
    finally:
        catalog.close()
    if lost:
        raise CatalogError(f"the backup is damaged: {len(lost)} pictures of its items are not there")
    return manifest


def _unpack(source: Path, staging: Path) -> tuple[Manifest, int]:
    """Unpacks what a backup may hold, and refuses anything else; returns the manifest, which comes last, and counts pictures."""
    n_pictures, manifest = 0, None
    with tarfile.open(source, "r:") as tar:
        for member in tar:
            picture = _PICTURE.fullmatch(member.name)
            if manifest is not None or not member.isreg():
                raise CatalogError(f"this is no backup: {member.name!r} does not belong there")
            if picture is not None:
                n_pictures += 1
                if _extract(tar, member, staging / member.name) != picture[2]:
                    raise CatalogError(f"the backup is damaged: the picture {picture[2]} has another checksum")
            elif member.name == CATALOGUE:
                _extract(tar, member, staging / CATALOGUE)
            elif member.name == MANIFEST and member.size <= _MAX_MANIFEST:
                manifest = _read_manifest(tar, member)
            else:
                raise CatalogError(f"this is no backup: {member.name!r} does not belong there")
    if manifest is None:
        raise CatalogError("the backup was cut short: it has no manifest")
    return manifest, n_pictures


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> str:
    """Writes a member and returns its digest."""
    path.parent.mkdir(exist_ok=True)
    digest = hashlib.sha256()
    reader = tar.extractfile(member)
    with path.open("xb") as file:
        while reader is not None and (chunk := reader.read(_CHUNK)):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _read_manifest(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Manifest:
    reader = tar.extractfile(member)
    try:
        value = json.loads(reader.read() if reader else b"")
        if value["format"] != FORMAT:
            raise CatalogError(f"the backup has format {value['format']}; this version of Bitlens reads {FORMAT}")
        return Manifest(**{**value, "missing": tuple(value["missing"])})
    except (ValueError, KeyError, TypeError) as error:
        raise CatalogError(f"the backup is damaged: its manifest cannot be read: {error}") from error


def _replace(folder: Path, new: Path, old: Path) -> None:
    """Puts the new in place of the old, which is deleted with the staging folder."""
    marker = folder / RESTORING
    marker.touch()
    sync_folder(folder)
    old.mkdir()
    for name in _held(folder):
        if name != RESTORING:
            shutil.move(folder / name, old / name)
    for path in sorted(new.iterdir()):
        path.rename(folder / path.name)
    sync_folder(folder)
    marker.unlink()
    sync_folder(folder)
