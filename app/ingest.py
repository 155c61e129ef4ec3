"""From sources to a running service: what it does not hold yet is sent, many at once, and everything is counted.

Decides that the service itself is asked what it holds, by id and content, so that an ingest that was broken off needs no notes to
go on: started again it sends what is missing. Does not know what sources read, nor how progress looks.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import Any, NamedTuple, Protocol, TypeVar

from app.client import Ingested, ItemOut, ItemResult, LookupOut, NewItem, Progress
from app.ingest_entries import Content, Entry, Source, Unusable, id_of, plain
from app.ingest_tally import Failure, Tally, Watch
from model.errors import InputError

T = TypeVar("T")
_N_LOOKUP, _HELD = 256, 16 * 1024 * 1024


class Service(Protocol):
    """What ingesting asks of a client."""

    def lookup(self, ids: Sequence[str]) -> LookupOut:
        """Returns items by id."""
        ...

    def ingest(
        self, items: Iterable[NewItem], *, n_parallel: int = 4, batch_items: int = 64, progress: Progress | None = None
    ) -> Ingested:
        """Indexes items."""
        ...


class _Pending(NamedTuple):
    entry: Entry
    held: ItemOut | None


class Ingest:
    """Sends the items of sources to a service.

    Args:
        service: Whom to.
        watch: Who is told.
        tally: Counts what has become of them.
        prefix: Stands before each id.
        n_parallel: Requests under way, and pictures read at once.
        batch_items: Most items of a request.
    """

    def __init__(
        self, service: Service, watch: Watch, tally: Tally, *, prefix: str = "", n_parallel: int = 4, batch_items: int = 64
    ) -> None:
        self.tally = tally
        self._service, self._watch, self._prefix = service, watch, prefix
        self._n_parallel, self._batch_items = n_parallel, batch_items
        self._places: dict[str, str] = {}

    def run(self, sources: Sequence[Source]) -> None:
        """Sends everything that is missing.

        Args:
            sources: One after the other.

        Raises:
            BitlensError: If the service is out of reach or refuses everything.
            DatasetError: If a source cannot be read any further.
        """
        with ThreadPoolExecutor(self._n_parallel) as readers:
            items = self._missing(self._each(sources), readers)
            self._service.ingest(items, n_parallel=self._n_parallel, batch_items=self._batch_items, progress=self._answered)
        self.tally.is_interrupted = self._watch.stop.is_set()

    def _each(self, sources: Sequence[Source]) -> Iterator[Entry]:
        """Yields what can be used, each id once."""
        seen = set[int]()
        for source in sources:
            for found in source:
                if self._watch.stop.is_set():
                    break
                if isinstance(found, Unusable):
                    self._fail(Failure(found.item_id, found.place, "source", found.reason, found.reason))
                elif (mark := hash(found.item_id)) in seen:
                    self._fail(Failure(found.item_id, found.place, "source", "the id came before", "the id came before"))
                else:
                    seen.add(mark)
                    yield found
            self.tally.left_out.update(source.left_out)

    def _missing(self, entries: Iterator[Entry], readers: ThreadPoolExecutor) -> Iterator[NewItem]:
        """Yields what the service does not hold."""
        pending = chain.from_iterable(map(self._looked_up, _chunks(entries)))
        for (entry, held), opened in _ahead(readers, _opened, pending, 2 * self._n_parallel):
            if self._watch.stop.is_set():
                return
            if isinstance(opened, InputError):
                self._fail(Failure(entry.item_id, entry.place, "source", _reason(opened), str(opened)))
            elif held is not None and _is_same(held, opened, _sha256(opened.image)):
                self._settle(n_present=1)
            else:
                self._places[item_id := self._id(entry)] = entry.place
                yield _item(item_id, opened)

    def _looked_up(self, chunk: list[Entry]) -> list[_Pending]:
        """Leaves out what is costly to open and held already, as far as is known without."""
        found = self._service.lookup([self._id(entry) for entry in chunk])["items"]
        pending = [_Pending(entry, held) for entry, held in zip(chunk, found, strict=True)]
        needed = [one for one in pending if not _is_known_to_be_held(*one)]
        self._settle(n_present=len(pending) - len(needed))
        return needed

    def _id(self, entry: Entry) -> str:
        return id_of(self._prefix + entry.item_id)

    def _answered(self, _: Ingested, results: list[ItemResult]) -> None:
        for result in results:
            place, error = self._places.pop(str(result["id"]), ""), result.get("error")
            if error is not None:
                self._fail(Failure(result["id"], place, error["type"], error["title"], error["detail"]))
        self._settle(
            n_added=sum(result["status"] == "added" for result in results),
            n_replaced=sum(result["status"] == "replaced" for result in results),
        )

    def _fail(self, failure: Failure) -> None:
        self.tally.fail(failure)
        self._watch.on_failure(failure)
        self._watch.on_change(self.tally)

    def _settle(self, *, n_present: int = 0, n_added: int = 0, n_replaced: int = 0) -> None:
        self.tally.n_present += n_present
        self.tally.n_added += n_added
        self.tally.n_replaced += n_replaced
        self._watch.on_change(self.tally)


def _chunks(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    chunk, held = list[Entry](), 0
    for entry in entries:
        chunk.append(entry)
        held += entry.n_held
        if len(chunk) == _N_LOOKUP or held >= _HELD:
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk


def _ahead(
    pool: ThreadPoolExecutor, work: Callable[[_Pending], T], pending: Iterator[_Pending], n_ahead: int
) -> Iterator[tuple[_Pending, T]]:
    """Yields each with its result, in order, while the next few are worked on."""
    under_way = deque[tuple[_Pending, Future[T]]]()
    for one in pending:
        under_way.append((one, pool.submit(work, one)))
        if len(under_way) > n_ahead:
            done, future = under_way.popleft()
            yield done, future.result()
    for done, future in under_way:
        yield done, future.result()


def _opened(pending: _Pending) -> Content | InputError:
    try:
        content = pending.entry.open()
        return Content(content.text, content.image, plain(content.payload))
    except InputError as error:
        return error


def _item(item_id: str, content: Content) -> NewItem:
    item: NewItem = {"id": item_id, "payload": content.payload}
    if content.text is not None:
        item["text"] = content.text
    if content.image is not None:
        item["image"] = content.image
    return item


def _is_known_to_be_held(entry: Entry, held: ItemOut | None) -> bool:
    """Compares what is known without opening; that the picture is the same is believed where its digest is not known."""
    if held is None or entry.known is None or held["image"] is None:
        return False
    return _is_same(held, entry.known, entry.sha256 or held["image"]["sha256"])


def _is_same(held: ItemOut, content: Content, sha256: str | None) -> bool:
    payload: Mapping[str, Any] = content.payload
    digest = None if held["image"] is None else held["image"]["sha256"]
    return held["text"] == content.text and held["payload"] == payload and digest == sha256


def _sha256(image: bytes | None) -> str | None:
    return None if image is None else hashlib.sha256(image).hexdigest()


def _reason(error: InputError) -> str:
    """Returns what errors of a kind have in common."""
    return str(error).partition(": ")[0] if "://" not in str(error) else "what lies at an address does not come"
