"""Requests that may be sent again: the key that a client gives, and the answer that it is given again.

Decides how long an answer is kept and what counts as the same request. The answer is written in the transaction of what was
asked, so that a client that saw no answer can always ask again: either nothing was done, or the answer is there. Errors are not
kept, as they change nothing. After the IETF draft "The Idempotency-Key HTTP Header Field".
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from app.pools import Pool
from app.records import KeptAnswer, Records, Seal, no_records
from model.errors import IdempotencyKeyReused, InvalidRequest, RequestInProgress

T = TypeVar("T")

KEEP_S = 24 * 3600
_KEY = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may come again.

    Attributes:
        name: Digest of the key and of whose it is.
        digest: Of what is asked.
    """

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered.

    Attributes:
        status: HTTP status.
        body: JSON, or empty.
        replayed: Whether it was given before.
    """

    status: int
    body: str
    replayed: bool = False


class Keep(Protocol):
    """Makes of a function that words an answer one that keeps it."""

    def __call__(self, word: Callable[[list[T]], Answer]) -> Seal[T]:
        """Returns what a write takes as its seal.

        Args:
            word: Words the answer.

        Returns:
            The seal.
        """
        ...


class Idempotency:
    """Answers a request once.

    Args:
        records: Where answers are kept.
        pool: Runs reads of the catalogue.
        clock: Seconds since 1970.
    """

    def __init__(self, *, records: Records, pool: Pool, clock: Callable[[], float] = time.time) -> None:
        self._records = records
        self._pool = pool
        self._clock = clock
        self._running: set[str] = set()

    async def once(self, asked: Asked | None, work: Callable[[Keep], Awaitable[Answer]]) -> Answer:
        """Does what is asked, unless it has been done.

        Args:
            asked: The request, or None if it has no key.
            work: Does it; keeps the answer by what it is handed.

        Returns:
            The answer, of now or of before.

        Raises:
            IdempotencyKeyReused: If the key came with another request.
            RequestInProgress: If the same request is being worked on.
        """
        if asked is None:
            return await work(_keep_nothing)
        if asked.name in self._running:
            raise RequestInProgress("the request with this Idempotency-Key is still being worked on: ask again later")
        self._running.add(asked.name)
        try:
            kept = await self._pool.run(self._records.answer, asked.name)
            if kept is None or kept.kept_at_s + KEEP_S < self._clock():
                return await work(self._keeping(asked))
        finally:
            self._running.discard(asked.name)
        if kept.digest != asked.digest:
            raise IdempotencyKeyReused("this Idempotency-Key came with another request: use a new one")
        return Answer(kept.status, kept.body, replayed=True)

    def forget(self) -> int:
        """Deletes answers that have expired.

        Returns:
            How many.
        """
        return self._records.forget_answers(int(self._clock()) - KEEP_S)

    def _keeping(self, asked: Asked) -> Keep:
        def keep(word: Callable[[list[T]], Answer]) -> Seal[T]:
            def seal(results: list[T]) -> list[KeptAnswer]:
                answer = word(results)
                return [KeptAnswer(asked.name, asked.digest, answer.status, answer.body, int(self._clock()))]

            return seal

        return keep


def asked_of(key: str | None, caller: str, what: Any, files: Mapping[str, bytes]) -> Asked | None:
    """Describes a request.

    Args:
        key: The client's key, or None.
        caller: Whose key it is.
        what: Method, address and JSON.
        files: Uploaded files by name.

    Returns:
        The request, or None if it has no key.

    Raises:
        InvalidRequest: If the key is not 1 to 255 visible ASCII characters.
    """
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise InvalidRequest("Idempotency-Key: must be 1 to 255 visible ASCII characters")
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return Asked(_digest([caller, key]), _digest([what, digests]))


def _keep_nothing(word: Callable[[list[T]], Answer]) -> Seal[T]:
    return no_records


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
