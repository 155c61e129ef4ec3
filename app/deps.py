"""What routes are handed: the running services, and the id in an address.

Decides how a route gets at them; the functions are ``async`` so that the framework does not send them to a thread. Does not know
how the services are made (``app.main``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import quote, unquote

from fastapi import Depends, Header, Path, Request

from app.cache.base import CodeCache, Modality
from app.catalog.base import Catalog
from app.code_report import CodeReports
from app.deleting import Deleting
from app.drift import DriftMonitor
from app.encoder import Encoder
from app.encoding import Encoding
from app.expectations import Expectations
from app.explaining import Explaining
from app.familiarity import FamiliarityWatch
from app.fetch import ImageFetcher
from app.idempotency import Idempotency
from app.index.base import CodeIndex
from app.indexing import Indexing
from app.jobs import JobWorker
from app.life import Life
from app.media import MediaStore
from app.meters import Meters
from app.pools import Pool, Queue
from app.recalibration import Recalibration
from app.retrieval import Retrieval
from app.settings import Settings
from app.snapshots import SnapshotFile
from app.things import Things
from app.upkeep import Upkeep
from app.writer import ItemWriter
from model.calibration import Calibration
from model.errors import UnknownItem
from model.label_reader import LabelReader


@dataclass(frozen=True, slots=True)
class Parts:
    """What the service is put together from; tests hand in fakes.

    Attributes:
        bundle_id: The bundle that the encoders come from.
        encoders: One a modality.
        indexes: One a modality, empty.
        cache: Keeps codes.
        catalog: The items.
        media: The pictures.
        close: Closes the catalogue and whatever else was opened for it.
        snapshot: Where the index is kept between starts, if anywhere.
        fetcher: Fetches pictures by their URL, if that is allowed.
        calibration: What the bundle's distances mean by itself, if that was measured.
        labels: Reads labels off codes, if that was learned.
        note_served: Called with the bundle's identity when its codes are searched, for processes that wait for it.
    """

    bundle_id: str
    encoders: Mapping[Modality, Encoder]
    indexes: Mapping[Modality, CodeIndex]
    cache: CodeCache
    catalog: Catalog
    media: MediaStore
    close: Callable[[], None] = field(default=lambda: None)
    snapshot: SnapshotFile | None = None
    fetcher: ImageFetcher | None = None
    calibration: Calibration | None = None
    labels: LabelReader | None = None
    note_served: Callable[[str], None] = field(default=lambda bundle_id: None)

    @property
    def n_bits(self) -> int:
        """Bits of one code."""
        return self.indexes["image"].n_bits


@dataclass(frozen=True, slots=True)
class Services:
    """What a running application works with.

    Attributes:
        settings: As read at start-up.
        parts: What it was put together from.
        encoding: Gives codes.
        retrieval: Searches.
        expectations: Tells what distances mean.
        drift: Watches whether they still mean it.
        familiarity: Holds searches to a least familiarity.
        code_reports: Tell how healthy the indexed codes are.
        recalibration: Measures that by judgements.
        explaining: Tells why hits were found.
        things: Turns texts, pictures, items and codes into codes.
        indexing: Writes items.
        deleting: Deletes them.
        idempotency: Gives the answer of a request again.
        writer: Knows whether index and catalogue agree.
        read_pool: Runs searches and reads of the catalogue.
        writer_pool: Runs writes, one at a time.
        upkeep: Takes snapshots.
        jobs: Works on bulk jobs.
        pools: All queues of blocking work, to be closed.
        meters: Count and time.
        life: Whether it is on its way out.
        started_s: When it was put together, on the monotonic clock.
    """

    settings: Settings
    parts: Parts
    encoding: Encoding
    retrieval: Retrieval
    expectations: Expectations
    drift: DriftMonitor
    familiarity: FamiliarityWatch
    code_reports: CodeReports
    recalibration: Recalibration
    explaining: Explaining
    things: Things
    indexing: Indexing
    deleting: Deleting
    idempotency: Idempotency
    writer: ItemWriter
    read_pool: Pool
    writer_pool: Pool
    upkeep: Upkeep
    jobs: JobWorker
    pools: tuple[Queue, ...]
    meters: Meters
    life: Life = field(default_factory=Life)
    started_s: float = field(default_factory=time.monotonic)


async def services_of(request: Request) -> Services:
    """Gives a route the services of its application.

    Args:
        request: The request.

    Returns:
        The services.
    """
    services: Services = request.app.state.services
    return services


async def item_id_of(item_id: Annotated[str, Path(description="The item's id, percent-encoded (`/` as `%2F`).")]) -> str:
    """Returns the id that an address names.

    Args:
        item_id: Percent-encoded; see :class:`app.middleware.EncodedItemIds`.

    Returns:
        The id as the client gave it.

    Raises:
        UnknownItem: If it is no UTF-8: no item can have such an id.
    """
    try:
        return unquote(item_id, errors="strict")
    except UnicodeDecodeError as error:
        raise UnknownItem(f"there is no item {item_id!r}") from error


def image_url(item_id: str) -> str:
    """Builds the address of an item's picture.

    Args:
        item_id: The item.

    Returns:
        A path, percent-encoded.
    """
    return f"/index/{quote(item_id, safe='')}/image"


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What tells a request that is sent again from others.

    Attributes:
        key: The header ``Idempotency-Key``, or None.
        caller: Whose request it is: the name of the API key, empty without keys.
        address: Method and path.
    """

    key: str | None
    caller: str
    address: str


async def request_key_of(
    request: Request,
    key: Annotated[
        str | None, Header(alias="Idempotency-Key", description="Of a write that may be sent again; kept for a day.")
    ] = None,
) -> RequestKey:
    """Returns the key of a request.

    Args:
        request: The request.
        key: As it was sent.

    Returns:
        The key, and whose it is.
    """
    caller: str = request.scope.get("state", {}).get("key_name", "")
    return RequestKey(key, caller, f"{request.method} {request.scope['path']}")


ServicesDep = Annotated[Services, Depends(services_of, use_cache=False)]
IdempotencyDep = Annotated[RequestKey, Depends(request_key_of)]
ItemIdDep = Annotated[str, Depends(item_id_of)]
