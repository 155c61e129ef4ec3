"""From an uploaded ZIP or TAR to files in a folder of their own.

Decides what an archive may hold: plain files with plain relative names, no more bytes unpacked than an archive may have packed.
Does not know how a TAR is packed (``app.archive_streams``) nor what the files are for.
"""

from __future__ import annotations

import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Generator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import IO, TypeAlias

from app.archive_streams import unpacked
from model.errors import JobFailed

_Members: TypeAlias = Generator[tuple[str, int, IO[bytes]], None, None]
MAX_MEMBERS = 1_000_000
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    ValueError,
)
_HEADERS = 64 * 1024 * 1024  # bytes of a TAR beside its files, and as many again as these may have


def is_archive(path: Path) -> bool:
    """Tells whether a file looks like an archive that can be unpacked.

    Args:
        path: The file.

    Returns:
        Whether it does.
    """
    if zipfile.is_zipfile(path):
        return True
    try:
        with unpacked(path, _HEADERS) as reader, tarfile.open(fileobj=reader, mode="r:"):
            return True
    except (*_DAMAGED, JobFailed):
        return False
    except OSError as error:
        if error.errno is not None:
            raise
        return False  # what gzip and bzip2 raise for damaged bytes


def unpack(archive: Path, folder: Path, *, max_bytes: int) -> None:
    """Unpacks an archive.

    Args:
        archive: ZIP, or TAR, which may be packed by gzip, bzip2 or xz.
        folder: Where to; must not be there yet.
        max_bytes: Most bytes of all files together.

    Raises:
        JobFailed: If the archive is damaged, or holds something that it may not.
    """
    try:
        folder.mkdir()
        n_members, n_bytes = 0, 0
        with closing(_members(archive, max_bytes)) as members:
            for name, size, reader in members:
                n_members, n_bytes = n_members + 1, n_bytes + size
                if n_members > MAX_MEMBERS or n_bytes > max_bytes:
                    raise JobFailed(f"the archive unpacks to more than {max_bytes} bytes or {MAX_MEMBERS} files")
                _write(folder / _plain(name), reader, size)
    except OSError as error:
        raise JobFailed(f"the archive cannot be unpacked: {error.strerror or error}") from error
    except _DAMAGED as error:
        raise JobFailed(f"the archive is damaged: {error}") from error


def _members(archive: Path, max_bytes: int) -> _Members:
    return _zipped(archive) if zipfile.is_zipfile(archive) else _tarred(archive, 2 * max_bytes + _HEADERS)


def _zipped(archive: Path) -> _Members:
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            if member.is_dir():
                continue
            if stat.S_IFMT(member.external_attr >> 16) not in {0, stat.S_IFREG}:
                raise JobFailed(f"{member.filename!r} in the archive is no plain file")
            with opened.open(member) as reader:
                yield member.filename, member.file_size, reader


def _tarred(archive: Path, max_bytes: int) -> _Members:
    with unpacked(archive, max_bytes) as stream, tarfile.open(fileobj=stream, mode="r:") as opened:
        for member in opened:
            if member.isdir():
                continue
            reader = opened.extractfile(member) if member.isreg() else None
            if reader is None:
                raise JobFailed(f"{member.name!r} in the archive is no plain file")
            yield member.name, member.size, reader


def _plain(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts or "\\" in name or "\0" in name:
        raise JobFailed(f"the archive has a file with the name {name!r}")
    return path


def _write(path: Path, reader: IO[bytes], size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        shutil.copyfileobj(reader, file)
        if file.tell() != size:
            raise JobFailed(f"{path.name!r} in the archive is damaged: it has {file.tell()} bytes, not {size}")
