"""One client of the soak, which knows exactly what must be there: it alone writes its items, one request after the other.

Decides what counts as lost, as left over and as unknown. An operation whose answer was lost is looked up as soon as the service is
back: it may have been done or not, but wholly, and what is then there must stay.
"""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import httpx
from PIL import Image, PngImagePlugin

from bench.soak_world import Service

N_IDS = 60  # a client
_MAX_BATCH = 3
_TIMEOUT_S = 120


class Client:
    """Adds, replaces, deletes, reads and searches its own items.

    Args:
        name: The beginning of its items' ids.
        service: Whom it talks to.
        seed: Of its choices.
        transport: What carries its requests; by default the network.
    """

    def __init__(self, name: str, service: Service, seed: int, transport: httpx.BaseTransport | None = None) -> None:
        self.name = name
        self._service = service
        self._random = Random(seed)  # noqa: S311
        self._http = httpx.Client(timeout=_TIMEOUT_S, transport=transport)
        self._version = 0
        self.present: dict[str, int] = {}
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.search_ms: list[float] = []

    def run(self, until_s: float) -> None:
        """Works until a time.

        Args:
            until_s: Monotonic seconds.
        """
        work: list[Callable[[], None]] = [self._write, self._write, self._delete, self._search, self._search, self._read]
        while time.monotonic() < until_s:
            self._random.choice(work)()

    def check_all(self) -> None:
        """Compares every id with what must be there."""
        for number in range(N_IDS):
            self._compare(self._id(number), self._get(self._id(number)))
        for item_id in sorted(self.present):
            self._search_for(item_id)

    def close(self) -> None:
        """Gives back connections."""
        self._http.close()

    def _write(self) -> None:
        self._version += 1
        ids = [self._id(number) for number in self._random.sample(range(N_IDS), self._random.randint(1, _MAX_BATCH))]
        items: list[dict[str, Any]] = [self._item(item_id) for item_id in ids]
        files = {}
        for item in items:
            if self._random.random() < 0.6:
                item["image"] = item["id"]
                files[item["id"]] = _picture(item["text"])
        if files:
            body: dict[str, Any] = {"data": {"items": json.dumps(items)}, "files": files}
        else:
            body = {"json": {"items": items}}
        after: dict[str, int | None] = dict.fromkeys(ids, self._version)
        answer = self._send("write", after, "POST", "/index", **body)
        if answer is not None and answer.json()["n_failed"]:
            self.wrong.append(f"an item was refused: {answer.text}")

    def _delete(self) -> None:
        ids = [self._id(number) for number in self._random.sample(range(N_IDS), self._random.randint(1, _MAX_BATCH))]
        self._send("delete", dict.fromkeys(ids), "POST", "/index/delete", json={"ids": ids})

    def _read(self) -> None:
        item_id = self._id(self._random.randrange(N_IDS))
        self._compare(item_id, self._get(item_id))

    def _search(self) -> None:
        if self.present:
            self._search_for(self._random.choice(sorted(self.present)))

    def _search_for(self, item_id: str) -> None:
        version = self.present[item_id]
        query = {"query": _words(item_id, version), "k": 20, "target": "text"}
        began_s = time.perf_counter()
        answer = self._send("search", {}, "POST", "/search/text", json=query)
        if answer is None:
            return
        self.search_ms.append((time.perf_counter() - began_s) * 1e3)
        found = {hit["id"]: (hit["distance"], hit["payload"]["version"]) for hit in answer.json()["hits"]}
        if found.get(item_id) != (0, version):
            self.wrong.append(f"{item_id} version {version} was not found")
        mine = {one: held[1] for one, held in found.items() if one.startswith(f"{self.name}-")}
        self.wrong += [f"{one} version {held} was found" for one, held in mine.items() if self.present.get(one) != held]

    def _send(self, what: str, after: dict[str, int | None], method: str, path: str, **body: Any) -> httpx.Response | None:
        """Sends a request that makes items what ``after`` says; returns the answer if it was done."""
        self._service.wait_until_up()
        try:
            answer = self._http.request(method, self._service.url + path, **body)
        except httpx.TimeoutException:
            self.wrong.append(f"{method} {path} was not answered within {_TIMEOUT_S} s")
            return None
        except httpx.TransportError:
            self.counts[f"{what}: answer lost"] += 1
            self._find_out(what, after)
            return None
        if answer.status_code == 200:
            self.counts[f"{what}: acknowledged"] += 1
            self._settle(after)
            return answer
        self.counts[f"{what}: refused with {answer.status_code}"] += 1
        if answer.status_code not in {429, 503}:
            self.wrong.append(f"{method} {path} was answered {answer.status_code}: {answer.text}")
        return None

    def _find_out(self, what: str, after: dict[str, int | None]) -> None:
        """Looks up whether an operation was done whose answer was lost; all of it, or nothing."""
        before = {item_id: self.present.get(item_id) for item_id in after}
        held = {item_id: self._get(item_id) for item_id in after}
        if not after or before == after:
            return
        if held not in (before, after):
            self.wrong.append(f"half of an operation is there: {before} should have become {after}, and is {held}")
        self.counts[f"{what}: answer lost, done"] += held == after
        self._settle(held)

    def _settle(self, held: dict[str, int | None]) -> None:
        for item_id, version in held.items():
            if version is None:
                self.present.pop(item_id, None)
            else:
                self.present[item_id] = version

    def _get(self, item_id: str) -> int | None:
        """Returns an item's version, however long the service is away."""
        while True:
            self._service.wait_until_up()
            try:
                answer = self._http.get(f"{self._service.url}/index/{item_id}")
            except httpx.TransportError:
                continue
            if answer.status_code == 404:
                return None
            if answer.status_code == 200:
                self._look_at(answer.json())
                return int(answer.json()["payload"]["version"])

    def _look_at(self, item: dict[str, Any]) -> None:
        """Checks that an item is all of one version."""
        codes = item["codes"]
        if item["text"] != _words(item["id"], item["payload"]["version"]) or (item["image"] and codes["image"] != codes["text"]):
            self.wrong.append(f"{item['id']} is of two versions: {item}")

    def _compare(self, item_id: str, held: int | None) -> None:
        self.counts["read: acknowledged"] += 1
        if held != self.present.get(item_id):
            self.wrong.append(f"{item_id} should be of version {self.present.get(item_id)}, and is {held}")

    def _item(self, item_id: str) -> dict[str, Any]:
        return {"id": item_id, "text": _words(item_id, self._version), "payload": {"version": self._version}}

    def _id(self, number: int) -> str:
        return f"{self.name}-{number}"


def _words(item_id: str, version: int) -> str:
    return f"{item_id} version{version} {item_id}v{version}"


def _picture(words: str) -> bytes:
    """Returns a small picture that the service's made-up encoder takes for these words."""
    buffer, info = io.BytesIO(), PngImagePlugin.PngInfo()
    info.add_text("meaning", words)
    Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()
