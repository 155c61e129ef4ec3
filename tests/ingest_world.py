"""Folders, tables and shards that ingesting is tried on, and a service that is none."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from app.client import Ingested, ItemResult, LookupOut, NewItem, Progress
from app.ingest_entries import Columns, Content, Entry, Source, Unusable
from model.errors import InputError
from tests.builders import picture

MIB = 1024 * 1024
PLAIN = Columns()


def put(folder: Path, **files: bytes | str) -> Path:
    """Writes files; ``__`` in a name stands for ``/``, ``_`` before a suffix for ``.``."""
    for name, content in files.items():
        path = folder.joinpath(*name.split("__"))
        path = path.with_name(".".join(path.name.rsplit("_", 1)))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def shard(path: Path, members: dict[str, bytes | str], mode: Any = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            data = content if isinstance(content, bytes) else content.encode()
            facts = tarfile.TarInfo(name)
            facts.size = len(data)
            archive.addfile(facts, io.BytesIO(data))
    return path


def opened(source: Iterable[Entry | Unusable]) -> dict[str, Content | str]:
    """Reads a source to its end: contents, or why there is none, by id."""
    found: dict[str, Content | str] = {}
    for each in source:
        if isinstance(each, Unusable):
            found[each.item_id or each.place] = each.reason
            continue
        try:
            found[each.item_id] = each.open()
        except InputError as error:
            found[each.item_id] = str(error)
    return found


class FakeSource:
    """Gives what it is given."""

    def __init__(self, *entries: Entry | Unusable) -> None:
        self.entries = entries
        self.left_out: Any = {}

    def count(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Any:
        return iter(self.entries)


def entry(item_id: str, words: str | None = None, **more: Any) -> Entry:
    content = Content(words or item_id, picture(words or item_id), more.pop("payload", {}))
    return Entry(item_id, f"here/{item_id}", more.pop("open", lambda: content), **more)


class FakeService:
    """Holds items in memory; refuses those whose text is "bad"."""

    def __init__(self) -> None:
        self.items: dict[str, NewItem] = {}
        self.lookups: list[int] = []
        self.sent: list[str] = []

    def lookup(self, ids: Sequence[str]) -> LookupOut:
        self.lookups.append(len(ids))
        return {"items": [self._held(item_id) for item_id in ids]}

    def ingest(
        self, items: Iterable[NewItem], *, n_parallel: int = 4, batch_items: int = 64, progress: Progress | None = None
    ) -> Ingested:
        done = Ingested()
        for item in items:
            self.sent.append(item["id"])
            result: ItemResult = {"id": item["id"], "status": "replaced" if item["id"] in self.items else "added"}
            if item.get("text") == "bad":
                error: Any = {"type": "/problems/bad", "title": "It is bad", "status": 422, "detail": "very bad"}
                result = {"id": item["id"], "status": "failed", "error": error}
            else:
                self.items[item["id"]] = item
            if progress is not None:
                progress(done, [result])
        return done

    def _held(self, item_id: str) -> Any:
        if item_id not in self.items:
            return None
        item = self.items[item_id]
        image = item.get("image")
        facts = None if image is None else {"sha256": hashlib.sha256(image).hexdigest()}
        return {"text": item.get("text"), "payload": json.loads(json.dumps(item.get("payload", {}))), "image": facts}


def source_of(found: Source) -> str:
    return type(found).__name__
