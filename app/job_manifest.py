"""The manifest of a bulk job: JSON Lines, an item a line, whose ``image`` is a path beside the manifest.

Decides which files a manifest may name and what is wrong with a line; a bad line fails alone. Does not know what becomes of items.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from model.errors import HashingError, ImageTooLarge, InvalidRequest, JobFailed

NAME = "manifest.jsonl"
_MAX_LINE = 1024 * 1024  # bytes


@dataclass(slots=True)
class Batch:
    """Some lines of a manifest.

    Attributes:
        line: Lines behind, with these.
        offset: Bytes behind, with these.
        raw_items: Items to be indexed; ``image`` names an entry of ``files``.
        lines: The line of each.
        files: Content of pictures by name.
        failed: Line, id and error of items that are not to be indexed.
    """

    line: int
    offset: int
    raw_items: list[Any] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    failed: list[tuple[int, str | None, HashingError]] = field(default_factory=list)

    @property
    def n_items(self) -> int:
        """Lines that ask for an item."""
        return len(self.raw_items) + len(self.failed)


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A manifest and the folder whose files it may name.

    Attributes:
        path: The manifest.
        root: Nothing outside this folder is read; resolved.
        max_image_bytes: Largest picture.
    """

    path: Path
    root: Path
    max_image_bytes: int

    def measure(self) -> tuple[str, int]:
        """Reads the manifest once.

        Returns:
            Its sha256, and how many items it asks for.

        Raises:
            JobFailed: If it cannot be read.
        """
        digest, n_asked = hashlib.sha256(), 0
        try:
            with self.path.open("rb") as file:
                for line in _pieces(file):
                    digest.update(line)
                file.seek(0)
                while line := _line(file):
                    n_asked += bool(line.strip())
        except OSError as error:
            raise JobFailed(f"the manifest cannot be read: {error.strerror}") from error
        return digest.hexdigest(), n_asked

    def read(self, line: int, offset: int, *, max_items: int, max_bytes: int) -> Batch:
        """Reads the next lines and their pictures.

        Args:
            line: Lines that are behind.
            offset: Bytes that are behind.
            max_items: At most so many items.
            max_bytes: No further item after so many bytes of pictures.

        Returns:
            The batch; one without items is the end.

        Raises:
            JobFailed: If the manifest cannot be read.
        """
        batch = Batch(line, offset)
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                while batch.n_items < max_items and sum(map(len, batch.files.values())) < max_bytes and (text := _line(file)):
                    batch.line, batch.offset = batch.line + 1, file.tell()
                    if text.strip():
                        self._add(batch, text)
        except OSError as error:
            raise JobFailed(f"the manifest cannot be read: {error.strerror}") from error
        return batch

    def _add(self, batch: Batch, text: bytes) -> None:
        item_id = None
        try:
            raw = _parsed(text)
            item_id = raw["id"] if isinstance(raw.get("id"), str) else None
            if isinstance(raw.get("image"), str):
                batch.files[name := str(batch.line)] = self._picture(raw["image"])
                raw["image"] = name
            batch.raw_items.append(raw)
            batch.lines.append(batch.line)
        except HashingError as error:
            batch.failed.append((batch.line, item_id, error))

    def _picture(self, name: str) -> bytes:
        """Reads a picture; whatever keeps it from being read is that item's failure."""
        try:
            path = (self.path.parent / name).resolve()
            if not path.is_relative_to(self.root):
                raise InvalidRequest(f"image: {name!r} lies outside the folder")
            if not path.is_file():
                raise InvalidRequest(f"image: there is no file {name!r}")
            if path.stat().st_size > self.max_image_bytes:
                raise ImageTooLarge(f"the image has {path.stat().st_size} bytes; at most {self.max_image_bytes} are allowed")
            return path.read_bytes()
        except (OSError, ValueError, RuntimeError) as error:  # unreadable, a NUL in the name, a loop of links
            raise InvalidRequest(f"image: {name!r} cannot be read") from error


def inside(root: Path, name: str) -> Path:
    """Returns the place of a manifest that a client names.

    Args:
        root: The folder that it must lie in.
        name: Path within it.

    Returns:
        The path, links resolved.

    Raises:
        InvalidRequest: If it lies elsewhere, or is no file.
    """
    try:
        path = (root / name).resolve()
        if path.is_relative_to(root.resolve()) and path.is_file():
            return path
    except (OSError, ValueError, RuntimeError) as error:
        raise InvalidRequest(f"manifest: {name!r} cannot be read") from error
    raise InvalidRequest(f"manifest: there is no file {name!r} in the server's folder")


def _parsed(text: bytes) -> dict[str, Any]:
    if len(text) > _MAX_LINE:
        raise InvalidRequest(f"the line has more than {_MAX_LINE} bytes")
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("the line is not readable JSON") from error
    if not isinstance(raw, dict):
        raise InvalidRequest("the line is no JSON object")
    return raw


def _line(file: IO[bytes]) -> bytes:
    """Reads a line; of one that is too long only so much that this shows."""
    line = file.readline(_MAX_LINE + 1)
    more = line
    while more and not more.endswith(b"\n"):
        more = file.readline(_MAX_LINE)
    return line


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(1024 * 1024):
        yield piece
