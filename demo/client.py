"""What the demonstration asks of the service over HTTP.

Decides how requests are written and answers read. Does not know where items come from.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from demo.errors import DemoError

_MAX_TRIES = 6


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item to be indexed.

    Attributes:
        item_id: Its name.
        text: Caption.
        image: Encoded picture.
        payload: JSON object.
    """

    item_id: str
    text: str
    image: bytes
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hit:
    """One item found.

    Attributes:
        item_id: Its name.
        distance: Differing bits.
        text: Caption.
        labels: From its payload.
    """

    item_id: str
    distance: int
    text: str
    labels: tuple[str, ...]


class Client:
    """Talks to one service.

    Args:
        http: With the service's address as its base.
    """

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def n_items(self) -> int:
        """Returns how many items are indexed."""
        return int(self._send("GET", "/readyz").json()["n_items"])

    def holds(self, item: NewItem) -> bool:
        """Tells whether the service has this very item: the same text, payload and picture.

        Args:
            item: What is to be indexed.

        Returns:
            False if it has none of that name or another one.
        """
        answer = self._send("GET", f"/index/{quote(item.item_id, safe='')}", missing_is_fine=True)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return False
        there = answer.json()
        sha256 = (there["image"] or {}).get("sha256")
        return bool(
            there["text"] == item.text and there["payload"] == item.payload and sha256 == hashlib.sha256(item.image).hexdigest()
        )

    def index(self, items: Sequence[NewItem]) -> list[str]:
        """Adds or replaces items.

        Args:
            items: One request's worth.

        Returns:
            One line for each item that the service refused.
        """
        listed = [
            {"id": item.item_id, "text": item.text, "payload": dict(item.payload), "image": f"image{i}"}
            for i, item in enumerate(items)
        ]
        parts = {f"image{i}": (f"image{i}", item.image) for i, item in enumerate(items)}
        results = self._send("POST", "/index", data={"items": json.dumps(listed)}, files=parts).json()["results"]
        return [f"{result['id']}: {result['error']['detail']}" for result in results if result["status"] == "failed"]

    def search_text(self, text: str, *, k: int) -> list[Hit]:
        """Finds pictures for a text.

        Args:
            text: What to look for.
            k: At most so many hits.

        Returns:
            Nearest first.
        """
        return _hits(self._send("POST", "/search/text", json={"query": text, "k": k}))

    def search_image(self, image: bytes, *, k: int) -> list[Hit]:
        """Finds texts for a picture.

        Args:
            image: Encoded picture.
            k: At most so many hits.

        Returns:
            Nearest first.
        """
        return _hits(self._send("POST", "/search/image", data={"k": str(k)}, files={"image": ("query", image)}))

    def _send(self, method: str, path: str, *, missing_is_fine: bool = False, **content: Any) -> httpx.Response:
        """Sends a request; a service that is busy is asked again after as long as it says."""
        for _ in range(_MAX_TRIES):
            try:
                answer = self._http.request(method, path, **content)
            except httpx.TransportError as error:
                raise DemoError(f"{method} {path}: the service does not answer ({error})") from error
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(float(answer.headers.get("Retry-After", 1)))
        if answer.is_success or (missing_is_fine and answer.status_code == httpx.codes.NOT_FOUND):
            return answer
        raise DemoError(f"{method} {path}: the service answered {answer.status_code}: {answer.text[:300]}")


def _hits(answer: httpx.Response) -> list[Hit]:
    return [
        Hit(hit["id"], int(hit["distance"]), hit["text"] or "", tuple(hit["payload"].get("labels", ())))
        for hit in answer.json()["hits"]
    ]
