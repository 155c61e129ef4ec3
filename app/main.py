"""The composition root: which bundle, index, cache and catalogue the service runs on.

Decides every concrete variant. Does not know requests.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI

from app.application import new_application
from app.assembly import open_meters, start_services
from app.cache import open_cache
from app.cache.base import CodeCache, Modality
from app.catalog import served_bundle
from app.catalog.sql import SqlCatalog
from app.data_dir import DataDir, DataFolder
from app.decode import allow_pixels
from app.deps import Parts, Services
from app.encoder import Encoder
from app.fetch import ImageFetcher
from app.fetch_rules import UrlRules, read_hosts
from app.gate import open_gate
from app.index import open_index, warm_up
from app.index.base import CodeIndex
from app.media import MediaStore
from app.running import Running
from app.settings import Settings
from app.snapshots import SnapshotFile
from app.succession import Succession
from model.errors import BundleNotFound
from model.hub import hub_address

if TYPE_CHECKING:
    from model.served import ServedBundle

_log = logging.getLogger(__name__)


def create_app(
    settings: Settings, *, services: Services | None = None, open_other: Callable[[Parts], Parts] | None = None
) -> FastAPI:
    """Makes the application.

    Args:
        settings: Checked settings.
        services: What to work with, from :func:`start_services`; by default what the settings name is opened when the application
            starts. Either way the application closes them when it stops.
        open_other: Opens parts for the bundle that a re-index has given the catalogue to; by default :func:`open_next`.

    Returns:
        An ASGI application.

    Raises:
        ConfigError: If the keys or the rate limit are written wrongly.
    """
    gate = open_gate(settings)
    meters = services.meters if services else open_meters(settings)

    def publish(app: FastAPI, current: Services) -> None:
        app.state.services = current
        current.parts.note_served(current.parts.bundle_id)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.gate = gate
        first = services or start_services(open_parts(settings), settings, meters)
        running = Running(first, lambda current: publish(app, current))
        running.start()
        opening = open_other or (lambda parts: open_next(settings, parts))
        succession = Succession(running, opening, lambda parts: start_services(parts, settings, meters))
        try:
            async with succession.under_way():
                yield
        finally:
            await gate.close()
            await running.close()
            meters.close()

    return new_application(settings, lifespan, meters)


def open_parts(settings: Settings) -> Parts:
    """Opens what the settings name.

    Args:
        settings: Checked settings.

    Returns:
        Parts for :func:`start_services`.

    Raises:
        BundleError: If the bundle is missing, damaged or of no use here.
        BackboneError: If pretrained weights are missing.
        CatalogError: If the data folder cannot be used, or holds another bundle's codes.
        ConfigError: If the cache's address or the list of hosts for pictures is wrong.
    """
    if not hub_address(settings.bundle) and not settings.bundle.is_dir():
        raise BundleNotFound(f"there is no bundle at {settings.bundle}; name one with --bundle or BITLENS_BUNDLE")
    allow_pixels(settings.max_image_pixels)
    fetcher = _open_fetcher(settings)
    with ExitStack() as undo:
        data_dir = DataDir(settings.data_dir)
        undo.callback(data_dir.close)
        bundle = _chosen_bundle(settings, data_dir)
        encoders = _encoders(bundle, settings)  # before the catalogue, which a bundle that cannot be served must not claim
        catalog = SqlCatalog(data_dir.catalogue_url, bundle_id=bundle.bundle_id, n_bits=bundle.n_bits)
        undo.callback(catalog.close)
        media = MediaStore(data_dir.media)
        cache = _open_cache(settings, bundle.n_bits)
        closing = undo.pop_all()
    return Parts(
        bundle_id=bundle.bundle_id,
        encoders=encoders,
        indexes=_indexes(bundle.n_bits, settings, catalog),
        cache=cache,
        catalog=catalog,
        media=media,
        snapshot=SnapshotFile(data_dir.snapshot),
        close=closing.close,
        fetcher=fetcher,
        calibration=bundle.calibration,
        labels=bundle.label_reader,
        note_served=data_dir.note_served,
    )


def open_next(settings: Settings, parts: Parts) -> Parts:
    """Opens what a re-index has made, while the parts of the bundle before still answer.

    Args:
        settings: Checked settings.
        parts: Those of the bundle before; what does not depend on a bundle is taken over.

    Returns:
        Parts for :func:`start_services`; closing them closes the ones before as well.

    Raises:
        BundleError: If the bundle is missing, damaged or of no use here.
        CatalogError: If the catalogue cannot be used.
    """
    url = DataFolder(settings.data_dir).catalogue_url
    bundle_id, folder = served_bundle(url)
    if folder is None or not Path(folder).is_dir():
        raise BundleNotFound(f"the catalogue was given to bundle {bundle_id}, which is not at {folder} any more")
    bundle = _load_bundle(Path(folder))
    encoders = _encoders(bundle, settings)
    catalog = SqlCatalog(url, bundle_id=bundle.bundle_id, n_bits=bundle.n_bits)
    closing = ExitStack()
    closing.callback(parts.close)
    closing.callback(catalog.close)
    return replace(
        parts,
        bundle_id=bundle.bundle_id,
        encoders=encoders,
        indexes=_indexes(bundle.n_bits, settings, catalog),
        cache=_open_cache(settings, bundle.n_bits),
        catalog=catalog,
        close=closing.close,
        calibration=bundle.calibration,
        labels=bundle.label_reader,
    )


def _chosen_bundle(settings: Settings, data_dir: DataFolder) -> ServedBundle:
    """Loads the bundle of the settings, or the one that a re-index has given the catalogue to since they were written."""
    bundle = _load_bundle(settings.bundle)
    bundle_id, folder = served_bundle(data_dir.catalogue_url) if data_dir.has_catalogue else (bundle.bundle_id, None)
    if bundle_id == bundle.bundle_id or folder is None or not Path(folder).is_dir():
        return bundle
    _log.warning("the catalogue was re-indexed: %s is served, not %s; set BITLENS_BUNDLE to it", folder, settings.bundle)
    return _load_bundle(Path(folder))


def _load_bundle(folder: Path) -> ServedBundle:
    from model.served import ServedBundle  # here: it loads ONNX Runtime, which takes its time and is of no use to other parts

    return ServedBundle.open(folder)


def _encoders(bundle: ServedBundle, settings: Settings) -> dict[Modality, Encoder]:
    shown = bundle.calibration.feature_values if bundle.calibration else None
    encoders = bundle.encoders(settings.encode_threads, shown=shown)
    return {"image": encoders["image"], "text": encoders["text"]}


def _indexes(n_bits: int, settings: Settings, catalog: SqlCatalog) -> dict[Modality, CodeIndex]:
    warm_up(n_bits, kind=settings.index, n_codes=catalog.count())
    return {"image": open_index(n_bits, kind=settings.index), "text": open_index(n_bits, kind=settings.index)}


def _open_fetcher(settings: Settings) -> ImageFetcher | None:
    hosts = read_hosts(settings.image_url_hosts)
    rules = UrlRules(hosts, settings.image_url_http)
    return ImageFetcher(rules, max_bytes=settings.max_image_bytes, timeout_s=settings.image_url_timeout_s) if hosts else None


def _open_cache(settings: Settings, n_bits: int) -> CodeCache:
    return open_cache(settings.redis_url, n_bytes=n_bits // 8, ttl_s=settings.cache_ttl_s, max_entries=settings.cache_entries)
