"""One run of ``bitlens ingest``: the client, the sources, the bar and the list of failures put together.

Decides the exit status, and that the first signal lets what is under way come to its end while the second one does not. Does not
know arguments.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import IO

from app.asking import check_service, service_at
from app.client import Client, Retries
from app.ingest import Ingest
from app.ingest_bar import ingest_bar
from app.ingest_entries import Columns, Source, show
from app.ingest_folder import PICTURES
from app.ingest_http import Fetcher
from app.ingest_sources import Opening
from app.ingest_tally import Failure, Tally, Watch
from model.errors import ConfigError

INTERRUPTED = 130
_PATIENCE = Retries(n_tries=10, most_s=90)  # a service that is restarted is waited for


@dataclass(frozen=True, slots=True)
class Asked:
    """What one run is asked to do.

    Attributes:
        sources: Arguments.
        url: The service's address.
        api_key: A key, or None.
        prefix: Stands before each id.
        columns: Which columns mean what.
        n_parallel: Requests under way.
        batch_items: Most items of a request.
        max_image_bytes: Largest picture.
        failures: File that failures are listed in, or None.
        as_json: Whether the summary is JSON.
    """

    sources: Sequence[str]
    url: str
    api_key: str | None = None
    prefix: str = ""
    columns: Columns = field(default_factory=Columns)
    n_parallel: int = 4
    batch_items: int = 64
    max_image_bytes: int = 20 * 1024 * 1024
    failures: Path | None = None
    as_json: bool = False


def run(asked: Asked) -> int:
    """Ingests, and prints what has become of it.

    Args:
        asked: What to do.

    Returns:
        0 if the service holds everything now, 1 if something failed or there was nothing, 130 if it was stopped.

    Raises:
        ConfigError: If an argument is no source.
        HashingError: If the service is out of reach or refuses everything; what was done is printed before.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.")  # of damaged metadata: such pictures have no caption
    stop, tally = threading.Event(), Tally()
    with ExitStack() as undo:
        sources = _opened(asked, undo)
        check_service(asked.url, asked.api_key)
        on_failure = undo.enter_context(_failure_list(asked.failures))
        undo.callback(_tell, tally, time.monotonic(), as_json=asked.as_json)
        watch = Watch(stop, undo.enter_context(_bar(sources)), on_failure)
        client = Client(asked.url, api_key=asked.api_key, retries=_PATIENCE, timeout_s=120, sleep=stop.wait)
        service = undo.enter_context(service_at(asked.url, client))
        undo.enter_context(_stopped_by_signals(stop))
        ingest = Ingest(service, watch, tally, prefix=asked.prefix, n_parallel=asked.n_parallel, batch_items=asked.batch_items)
        ingest.run(sources)
    if tally.is_interrupted:
        return INTERRUPTED
    if not tally.n_done:
        sys.stderr.write(
            f"nothing to index was found in {', '.join(map(show, asked.sources))}: pictures are {', '.join(PICTURES)}\n"
        )
    return 1 if tally.n_failed or not tally.n_done else 0


def _opened(asked: Asked, undo: ExitStack) -> list[Source]:
    fetcher = Fetcher(asked.max_image_bytes)
    undo.callback(fetcher.close)
    return Opening(asked.columns, asked.max_image_bytes, fetcher, undo).all(asked.sources)


@contextmanager
def _bar(sources: Sequence[Source]) -> Iterator[Callable[[Tally], None]]:
    """Shows a bar where someone can see it; only then is counted how much there is."""
    if not sys.stderr.isatty():
        yield lambda tally: None
        return
    counts = [source.count() for source in sources]
    known = [count for count in counts if count is not None]
    with ingest_bar(sum(known) if len(known) == len(counts) else None) as on_change:
        yield on_change


@contextmanager
def _failure_list(path: Path | None) -> Iterator[Callable[[Failure], None]]:
    """Opens a list of failures, a line of JSON each, written as they come."""
    if path is None:
        yield lambda failure: None
        return
    try:
        file = path.open("w", encoding="utf-8", buffering=1)
    except OSError as error:
        raise ConfigError([f"--failures: {path} cannot be written: {error.strerror}"]) from error
    with file:
        yield partial(_list, file)


def _list(file: IO[str], failure: Failure) -> None:
    file.write(json.dumps(asdict(failure), ensure_ascii=False) + "\n")


@contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            sys.stderr.write("\x1b[?25h" if sys.stderr.isatty() else "")  # the bar has hidden the cursor
            os._exit(INTERRUPTED)
        stop.set()
        sys.stderr.write("stopping when what is under way is answered; once more stops at once\n")

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(tally: Tally, began_s: float, *, as_json: bool) -> None:
    seconds = time.monotonic() - began_s
    told = json.dumps(tally.as_json(seconds), indent=2, ensure_ascii=False) + "\n" if as_json else tally.as_text(seconds)
    sys.stdout.write(told)
