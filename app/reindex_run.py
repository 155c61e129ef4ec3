"""A whole re-index: another bundle's codes for a catalogue, also while it is served.

Decides the order: encode, compare, exchange. The service that runs notices by itself and changes over (``app.succession``). Does
not know how it was asked for.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.cache.base import Modality
from app.catalog import open_other_codes
from app.catalog.base import OtherCodes
from app.data_dir import DataFolder
from app.decode import ImageDecoder, allow_pixels, enough_for
from app.encoder import Encoder
from app.index import open_index
from app.media import MediaStore
from app.reindex import Reindexing
from app.reindex_report import Change, as_json, compare
from app.settings import Settings
from model.errors import CatalogError

_N_SHOWN = 20
_PATIENCE_S, _LOOKS_EVERY_S = 60.0, 0.1
_STATES = {
    "old": "the old bundle's codes are still served",
    "new": "the new bundle's codes are served now",
    "no service": "the new bundle's codes will be served: no service runs on this folder",
    "late": "the codes are exchanged, but the running service still answers by the old ones: its log says why",
}


@dataclass(frozen=True, slots=True)
class Bundle:
    """The other bundle.

    Attributes:
        bundle_id: Its identity.
        n_bits: Bits of one code.
        folder: Where it lies.
        encoders: By modality.
    """

    bundle_id: str
    n_bits: int
    folder: Path
    encoders: dict[Modality, Encoder]


def reindex(
    settings: Settings, bundle: Bundle, *, switch: bool, n_queries: int, patience_s: float = _PATIENCE_S
) -> dict[str, object]:
    """Encodes, compares and exchanges.

    Args:
        settings: Checked settings.
        bundle: The other bundle.
        switch: Whether the bundles are exchanged.
        n_queries: Items that are compared by.
        patience_s: How long a running service may take to change over before that is told instead.

    Returns:
        What was done, for :func:`told`.

    Raises:
        CatalogError: If the data folder cannot be used, or another re-index is under way.
    """
    folder = DataFolder(settings.data_dir)
    if not folder.has_catalogue:
        raise CatalogError(f"there is no catalogue in {settings.data_dir}: --data-dir or BITLENS_DATA_DIR names another folder")
    with ExitStack() as undo:
        undo.enter_context(_alone(settings.data_dir))
        codes = open_other_codes(
            folder.catalogue_url, other_id=bundle.bundle_id, other_bits=bundle.n_bits, folder=str(bundle.folder.resolve())
        )
        undo.callback(codes.close)
        before = {"bundle_id": codes.bundle_id, "n_bits": codes.n_bits}
        done: dict[str, object] = {"from": before, "to": {"bundle_id": bundle.bundle_id, "n_bits": bundle.n_bits}}
        if codes.bundle_id == bundle.bundle_id:
            return {**done, "n_encoded": 0, "failures": {}, "changes": [], "switched": False, "is_served": True}
        work = _work(settings, bundle, codes)
        work.catch_up()
        changes = [] if work.failures else compare(codes.pairs(), open_index, (codes.n_bits, bundle.n_bits), n_queries=n_queries)
        switched = switch and not work.failures and work.exchange()
    done |= {"n_encoded": work.n_encoded, "failures": work.failures, "changes": changes, "switched": switched}
    return {**done, "served": what_is_served(folder, bundle.bundle_id, patience_s) if switched else "old"}


def told(done: dict[str, object]) -> str:
    """Writes what was done for readers.

    Args:
        done: What :func:`reindex` returned.

    Returns:
        Lines.
    """
    if done.get("is_served"):
        return "this bundle's codes are served already\n"
    failures, changes = done["failures"], done["changes"]
    lines = [f"{done['n_encoded']} items encoded"]
    if isinstance(changes, list):
        lines += [change.line() for change in changes if isinstance(change, Change)]
    if isinstance(failures, dict):
        lines += [f"not encoded: {item_id}: {reason}" for item_id, reason in list(failures.items())[:_N_SHOWN]]
    return "\n".join([*lines, _STATES[str(done["served"])]]) + "\n"


def shown(done: dict[str, object]) -> dict[str, object]:
    """Returns what was done for programs.

    Args:
        done: What :func:`reindex` returned.

    Returns:
        The same, JSON-able.
    """
    changes = done["changes"]
    return {**done, "changes": as_json(changes) if isinstance(changes, list) else []}


def load(folder: Path, settings: Settings) -> Bundle:
    """Opens a bundle to encode with.

    Args:
        folder: Where it lies.
        settings: Threads of the encoders.

    Returns:
        The bundle.

    Raises:
        BundleError: If it cannot be used.
    """
    from model.served import ServedBundle  # here: it loads ONNX Runtime, which is of no use to the other commands

    bundle = ServedBundle.open(folder)
    encoders = bundle.encoders(settings.encode_threads)
    return Bundle(bundle.bundle_id, bundle.n_bits, bundle.folder, {"image": encoders["image"], "text": encoders["text"]})


def what_is_served(folder: DataFolder, bundle_id: str, patience_s: float = _PATIENCE_S) -> str:
    """Waits until the service that runs on the folder, if one does, has changed over.

    Args:
        folder: Where the codes were exchanged.
        bundle_id: Identity of the bundle whose codes they are now.
        patience_s: How long to wait.

    Returns:
        "new", "no service", or "late" if it has not changed over yet.
    """
    until = time.monotonic() + patience_s
    while folder.is_held:
        if folder.served_id == bundle_id:
            return "new"
        if time.monotonic() > until:
            return "late"
        time.sleep(_LOOKS_EVERY_S)
    return "no service"


def _work(settings: Settings, bundle: Bundle, codes: OtherCodes) -> Reindexing:
    allow_pixels(settings.max_image_pixels)
    decoder = ImageDecoder(
        max_bytes=settings.max_image_bytes,
        max_pixels=settings.max_image_pixels,
        pixel_budget=settings.decode_pixel_budget,
        enough=enough_for(bundle.encoders["image"]),
    )
    media = MediaStore(DataFolder(settings.data_dir).media)
    n_items, is_shown = codes.n_items(), sys.stderr.isatty()

    def progress(n_encoded: int) -> None:
        if is_shown:
            sys.stderr.write(f"\r{n_encoded:,} of at most {n_items:,} items")

    return Reindexing(codes=codes, media=media, encoders=bundle.encoders, decoder=decoder, progress=progress)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Holds the folder's lock for re-indexing, which is not the service's."""
    try:
        lock = os.open(folder / "reindex.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise CatalogError(f"the data folder {folder} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise CatalogError(f"the data folder {folder} is being re-indexed by another process") from error
    finally:
        os.close(lock)
