"""From parts to services: pools, limits and what needs what.

Decides how the services are put together and how many threads each kind of work has. Does not know which variants the parts are.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import cast

from app.batching import BatchRules
from app.catalog.base import Catalog
from app.code_report import CodeReports
from app.code_samples import CodeSamples
from app.data_dir import JOBS
from app.decode import ImageDecoder, enough_for
from app.deleting import Deleting
from app.deps import Parts, Services
from app.drift import DriftMonitor
from app.encoding import Encoding
from app.expectations import Expectations
from app.explaining import Explaining
from app.familiarity import FamiliarityWatch, measures_of
from app.hits import parts_of
from app.idempotency import Idempotency
from app.indexing import Indexing, ItemLimits
from app.job_files import JobFiles
from app.job_records import UNFINISHED
from app.job_store import Jobs
from app.jobs import JobWorker
from app.kept_rows import KeptRows
from app.measured import measured, measured_decoder
from app.meters import Meters
from app.metrics import PrometheusMeters
from app.pools import Pool
from app.recalibration import Recalibration
from app.retrieval import HeldRows, Retrieval
from app.settings import Settings
from app.things import Things
from app.upkeep import Upkeep
from app.writer import ItemWriter
from model.errors import ConfigError

VERSION = "0.1.0"


def open_meters(settings: Settings) -> Meters:
    """Makes what counts and times, and makes spans if the settings name a collector.

    Args:
        settings: Checked settings.

    Returns:
        Meters; close them when done.

    Raises:
        ConfigError: If a collector is named and OpenTelemetry is not installed.
    """
    meters = PrometheusMeters()
    if settings.otlp_endpoint is None:
        return meters
    try:
        from app.tracing import traced  # here: OpenTelemetry is an extra, and takes its time
    except ImportError as error:
        told = f"BITLENS_OTLP_ENDPOINT: OpenTelemetry is not installed (pip install 'bitlens[otel]'): {error}"
        raise ConfigError([told]) from error
    return traced(meters, settings.otlp_endpoint, VERSION)


def start_services(parts: Parts, settings: Settings, meters: Meters | None = None) -> Services:
    """Puts the services together and fills the index from the catalogue.

    Args:
        parts: What to work with; the indexes are empty.
        settings: Checked settings.
        meters: Count and time; by default ones of its own.

    Returns:
        Services that answer.

    Raises:
        CatalogError: If the catalogue or the pictures cannot be read.
    """
    meters = meters or open_meters(settings)
    parts, held = _with_kept_rows(measured(parts, meters), settings.kept_items)
    writer = ItemWriter(catalog=parts.catalog, indexes=parts.indexes, media=parts.media, snapshot=parts.snapshot)
    writer.rebuild()
    waiting = settings.max_waiting
    read_pool = Pool("searching", n_threads=settings.search_threads, max_waiting=waiting)
    decode_pool = Pool("decoding", n_threads=settings.decode_threads, max_waiting=waiting)
    writer_pool = Pool("writing", n_threads=1, max_waiting=waiting)
    encoding = _encoding(parts, settings, meters, decode_pool)
    samples = CodeSamples(parts.indexes, read_pool)
    idempotency = Idempotency(records=parts.catalog, pool=read_pool)
    indexing = _indexing(parts, settings, encoding, writer, writer_pool)
    recalibration = _recalibration(parts, read_pool, writer_pool)
    return Services(
        settings=settings,
        parts=parts,
        encoding=encoding,
        retrieval=Retrieval(indexes=parts.indexes, catalog=parts.catalog, pool=read_pool, max_k=settings.max_k, held=held),
        drift=DriftMonitor(parts.calibration, samples),
        familiarity=FamiliarityWatch(measures_of(parts.calibration), settings.min_familiarity),
        code_reports=CodeReports(samples, read_pool),
        expectations=recalibration.expectations,
        recalibration=recalibration,
        explaining=Explaining(encoding=encoding, media=parts.media, pool=read_pool, reader=parts.labels),
        things=Things(encoding=encoding, catalog=parts.catalog, pool=read_pool, n_bits=parts.n_bits),
        indexing=indexing,
        deleting=Deleting(catalog=parts.catalog, read_pool=read_pool, writer=writer, writer_pool=writer_pool),
        idempotency=idempotency,
        writer=writer,
        read_pool=read_pool,
        writer_pool=writer_pool,
        upkeep=_upkeep(writer, writer_pool, idempotency, parts.catalog, settings),
        jobs=_jobs(parts, settings, indexing, read_pool, writer_pool),
        pools=(writer_pool, read_pool, decode_pool, encoding.queue),
        meters=meters,
    )


def _indexing(parts: Parts, settings: Settings, encoding: Encoding, writer: ItemWriter, writer_pool: Pool) -> Indexing:
    return Indexing(
        encoding=encoding,
        catalog=parts.catalog,
        writer=writer,
        writer_pool=writer_pool,
        limits=ItemLimits(settings.max_batch_items, settings.max_text_chars, settings.max_payload_bytes),
        n_turns=settings.decode_threads,
    )


def _with_kept_rows(parts: Parts, n_kept: int) -> tuple[Parts, HeldRows | None]:
    """Puts the rows found lately in front of the catalogue, if there are to be any."""
    if not n_kept:
        return parts, None
    kept = KeptRows(parts.catalog, n_kept, parts_of)
    return replace(parts, catalog=cast(Catalog, kept)), kept.held


def _decoder(parts: Parts, settings: Settings) -> ImageDecoder:
    return ImageDecoder(
        max_bytes=settings.max_image_bytes,
        max_pixels=settings.max_image_pixels,
        pixel_budget=settings.decode_pixel_budget,
        enough=enough_for(parts.encoders["image"]),
    )


def _encoding(parts: Parts, settings: Settings, meters: Meters, decode_pool: Pool) -> Encoding:
    return Encoding(
        encoders=parts.encoders,
        bundle_id=parts.bundle_id,
        cache=parts.cache,
        decoder=measured_decoder(_decoder(parts, settings), meters),
        decode_pool=decode_pool,
        encode_pool=Pool("encoding", n_threads=1, max_waiting=settings.max_waiting),
        max_text_chars=settings.max_text_chars,
        rules=BatchRules(settings.max_batch, settings.max_wait_ms / 1000, settings.max_waiting),
        meters=meters,
        measures=measures_of(parts.calibration),
    )


def _recalibration(parts: Parts, read_pool: Pool, writer_pool: Pool) -> Recalibration:
    expectations = Expectations(parts.calibration, parts.n_bits)
    made = Recalibration(
        catalog=parts.catalog, own=parts.calibration, expectations=expectations, read_pool=read_pool, writer_pool=writer_pool
    )
    made.load()
    return made


def _upkeep(writer: ItemWriter, writer_pool: Pool, idempotency: Idempotency, jobs: Jobs, settings: Settings) -> Upkeep:
    def forget() -> None:
        idempotency.forget()
        jobs.forget_jobs(int(time.time()) - settings.job_ttl_s)

    return Upkeep(
        writer=writer,
        writer_pool=writer_pool,
        every_changes=settings.snapshot_every_changes,
        every_s=settings.snapshot_every_s,
        hourly=forget,
    )


def _jobs(parts: Parts, settings: Settings, indexing: Indexing, read_pool: Pool, writer_pool: Pool) -> JobWorker:
    files = JobFiles(settings.data_dir / JOBS, settings.bulk_folder, settings.max_archive_bytes, settings.max_image_bytes)
    files.sweep({job.job_id for job in parts.catalog.jobs(UNFINISHED, 10_000)})
    return JobWorker(
        store=parts.catalog,
        files=files,
        indexing=indexing,
        read_pool=read_pool,
        writer_pool=writer_pool,
        max_unfinished=settings.max_jobs,
    )
