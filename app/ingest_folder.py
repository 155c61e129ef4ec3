"""A folder of pictures: every picture below it, with the caption beside it or in it.

Decides which files are pictures, that hidden ones are not, that links are followed but no folder is read twice, and that an id is
the path within the folder, whose parts are the payload as the page has it. Does not know what captions look like.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from app.ingest_captions import read_json, read_text, written_into
from app.ingest_entries import Columns, Content, Entry, Unusable, id_of, read_words, show
from model.errors import ImageTooLarge, InputError

PICTURES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp")
_BESIDE = (".txt", ".json")
_JUNK = {"thumbs.db", "desktop.ini", "__macosx"}
_MAX_BESIDE = 1024 * 1024  # bytes of a side-car


@dataclass(slots=True)
class Folder:
    """The pictures below a folder, in the order of their names; folders behind links come last.

    Attributes:
        root: The folder, or a single picture.
        columns: Which fields of a JSON side-car mean what.
        max_image_bytes: Largest picture.
        left_out: Files of other kinds, by suffix.
    """

    root: Path
    columns: Columns
    max_image_bytes: int
    left_out: Counter[str] = field(default_factory=Counter)

    def count(self) -> int:
        """Returns how many entries there are."""
        return sum(1 for _ in self._walk())

    def __iter__(self) -> Iterator[Entry | Unusable]:
        """Yields an entry a picture."""
        for found in self._walk():
            if isinstance(found, Unusable):
                yield found
            else:
                name = found.name if found == self.root else found.relative_to(self.root).as_posix()
                yield Entry(item_id := id_of(name), show(str(found)), partial(self._open, found, item_id))

    def _walk(self) -> Iterator[Path | Unusable]:
        """Yields pictures, and what cannot be looked into."""
        self.left_out.clear()
        if not self.root.is_dir():
            yield self.root
            return
        folders, links, seen = [self.root], deque[Path](), set[tuple[int, int]]()
        while folders or links:
            folder = folders.pop() if folders else links.popleft()
            try:
                facts = folder.stat()
                if (facts.st_dev, facts.st_ino) in seen:
                    continue
                seen.add((facts.st_dev, facts.st_ino))
                with os.scandir(folder) as listing:
                    entries = sorted((entry for entry in listing if not _is_hidden(entry.name)), key=lambda entry: entry.name)
            except OSError as error:
                yield Unusable(show(str(folder)), f"the folder cannot be read: {error.strerror}")
                continue
            inner = [entry for entry in entries if _is_folder(entry)]
            folders += [Path(entry.path) for entry in reversed(inner) if not entry.is_symlink()]
            links += [Path(entry.path) for entry in inner if entry.is_symlink()]
            yield from self._pictures(Path(entry.path) for entry in entries if not _is_folder(entry))

    def _pictures(self, files: Iterable[Path]) -> Iterator[Path]:
        for file in files:
            suffix = file.suffix.lower()
            if suffix in PICTURES:
                yield file
            elif suffix not in _BESIDE:
                self.left_out[show(suffix) or "no suffix"] += 1

    def _open(self, path: Path, item_id: str) -> Content:
        image = read_picture(path, self.max_image_bytes)
        beside_text, beside_json = _beside(path, ".txt"), _beside(path, ".json")
        text, payload = read_words({} if beside_json is None else read_json(beside_json), self.columns)
        text = (None if beside_text is None else read_text(beside_text)) or text
        folder, _, file = item_id.rpartition("/")
        place = {"folder": folder, "file": file} if folder else {"file": file}
        return Content(text or written_into(image), image, {**place, **payload})


def read_picture(path: Path, max_bytes: int) -> bytes:
    """Reads a picture's file.

    Args:
        path: Where it lies.
        max_bytes: Largest one.

    Returns:
        Its content.

    Raises:
        ImageTooLarge: If it is larger; it is not read then.
        InputError: If it cannot be read or is no file.
    """
    content = _read(path, max_bytes)
    if content is None:
        raise InputError("there is no such file")
    return content


def _beside(picture: Path, suffix: str) -> bytes | None:
    for place in (picture.with_name(picture.name + suffix), picture.with_suffix(suffix)):
        if (content := _read(place, _MAX_BESIDE)) is not None:
            return content
    return None


def _read(path: Path, max_bytes: int) -> bytes | None:
    """Reads a file; None if there is none. Pipes and devices, which might never end, are not opened."""
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise InputError("it is no file")
        if facts.st_size > max_bytes:
            raise ImageTooLarge(f"it has more than {max_bytes} bytes")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) == errno.ENAMETOOLONG:  # a name that just fits has nothing beside it
            return None
        raise InputError(f"it cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _JUNK


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False
