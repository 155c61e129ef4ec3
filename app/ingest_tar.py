"""WebDataset shards: tar files whose members with the same name up to the first dot are one item.

Decides which members mean what: a picture by its suffix, ``txt`` the caption, ``json`` caption and payload, ``cls`` the class
(https://github.com/webdataset/webdataset). Reads from the beginning to the end, so that packed shards do as well.
"""

from __future__ import annotations

import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from lzma import LZMAError
from pathlib import Path, PurePosixPath

from app.ingest_captions import read_json, read_text
from app.ingest_entries import Columns, Content, Entry, Unusable, id_of, read_words, show
from app.ingest_folder import PICTURES
from model.errors import InputError

SHARDS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_TEXTS, _MAX_WORDS = (".txt", ".text", ".caption"), 1024 * 1024
_BROKEN = (tarfile.TarError, OSError, EOFError, zlib.error, LZMAError)


@dataclass(slots=True)
class Shard:
    """The samples of one tar file.

    Attributes:
        path: The file.
        columns: Which fields of the JSON part mean what.
        max_image_bytes: Largest picture.
        left_out: Members of other kinds, by suffix.
    """

    path: Path
    columns: Columns
    max_image_bytes: int
    left_out: Counter[str] = field(default_factory=Counter)

    def count(self) -> int | None:
        """Returns how many samples there are; None for a packed shard, which would have to be unpacked for that."""
        if self.path.suffix.lower() != ".tar":
            return None
        keys, last = 0, None
        try:
            with tarfile.open(self.path, "r:") as archive:
                for member in archive:
                    key, suffix = _split(member)
                    keys += suffix in _KNOWN and key != last
                    last = key if suffix in _KNOWN else last
        except _BROKEN:
            return None
        return keys

    def __iter__(self) -> Iterator[Entry | Unusable]:
        """Yields an entry a sample."""
        self.left_out.clear()
        key, parts = "", dict[str, bytes | str]()
        try:
            with tarfile.open(self.path, "r|*") as archive:
                for member in archive:
                    name, suffix = _split(member)
                    if suffix not in _KNOWN:
                        self.left_out.update([show(suffix)] if suffix else [])
                        continue
                    if name != key and parts:
                        yield self._sample(key, parts)
                        parts = {}
                    key, parts[suffix] = name, self._content(archive, member, suffix)
        except _BROKEN as error:
            yield Unusable(show(str(self.path)), f"the archive breaks off: {error}")
            return
        if parts:
            yield self._sample(key, parts)

    def _content(self, archive: tarfile.TarFile, member: tarfile.TarInfo, suffix: str) -> bytes | str:
        """Returns a member's bytes, or why it cannot be had."""
        most = self.max_image_bytes if suffix in PICTURES else _MAX_WORDS
        if member.size > most:
            return f"it has more than {most} bytes"
        file = archive.extractfile(member)
        return "it is no file" if file is None else file.read()

    def _sample(self, key: str, parts: dict[str, bytes | str]) -> Entry | Unusable:
        place, item_id = f"{show(str(self.path))}:{show(key)}", id_of(key)
        try:
            content = self._read(parts)
        except InputError as error:
            return Unusable(place, str(error), item_id)
        return Entry(item_id, place, lambda: content, n_held=len(content.image or b""))

    def _read(self, parts: dict[str, bytes | str]) -> Content:
        whole = {suffix: part for suffix, part in parts.items() if isinstance(part, bytes)}
        for part in parts.values():
            if isinstance(part, str):
                raise InputError(part)
        text, payload = read_words(read_json(whole[".json"]) if ".json" in whole else {}, self.columns)
        beside = next((whole[suffix] for suffix in _TEXTS if suffix in whole), None)
        text = (None if beside is None else read_text(beside)) or text
        if label := (read_text(whole[".cls"]) if ".cls" in whole else None):
            payload = {"cls": int(label) if label.isdecimal() else label, **payload}
        return Content(text, next((whole[suffix] for suffix in PICTURES if suffix in whole), None), payload)


_KNOWN = {*PICTURES, *_TEXTS, ".json", ".cls"}


def _split(member: tarfile.TarInfo) -> tuple[str, str]:
    """Cuts a name at the first dot of its last part; what is no file, or hidden, has no suffix."""
    path = PurePosixPath(member.name)
    stem, dot, rest = path.name.partition(".")
    if not member.isfile() or not stem:
        return "", ""
    return str(path.with_name(stem)), (dot + rest).lower()
