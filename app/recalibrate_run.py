"""A recalibration of a data folder: by judgements what distances mean, also while the service runs, and the way back.

Decides the words in which it is told. A service that runs uses what is kept within seconds (``app.recalibration``).
"""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from app.catalog import open_existing, served_bundle
from app.data_dir import DataFolder
from app.recalibration import Recalibrated, recalibrated
from app.settings import Settings
from model.bundle_folder import bundle_id_of, read_bundle
from model.calibration import Calibration, DistanceCurve
from model.calibration_file import read_calibration
from model.errors import BundleMismatch, CatalogError
from model.hub import find_bundle, hub_address

_N_SHOWN = 9  # distances, from 0 to half of the bits


def recalibrate(settings: Settings, *, keep: bool) -> tuple[Calibration, Recalibrated]:
    """Makes a calibration of the judgements in a data folder.

    Args:
        settings: Name the data folder and the bundle.
        keep: Whether it is kept for the service.

    Returns:
        The bundle's own calibration and the new one.

    Raises:
        CatalogError: If there is no catalogue, or it cannot be used.
        BundleMismatch: If the catalogue's bundle is not found.
        BundleError: If the bundle cannot be read.
        InvalidRequest: If there are too few judgements, or the bundle has no calibration to begin with; nothing has changed then.
    """
    own = _own(settings, _catalogue_url(settings))
    with closing(open_existing(_catalogue_url(settings))) as catalog:
        made = recalibrated(own, catalog.judged_hits())
        if keep:
            catalog.keep_calibration(made.calibration.to_json(), int(time.time()))
    return own or made.calibration, made


def reset(settings: Settings) -> None:
    """Goes back to the bundle's own calibration.

    Args:
        settings: Name the data folder.

    Raises:
        CatalogError: If there is no catalogue, or it cannot be used.
    """
    with closing(open_existing(_catalogue_url(settings))) as catalog:
        catalog.keep_calibration(None, int(time.time()))


def as_json(made: Recalibrated, *, kept: bool) -> str:
    """Writes what was done for programs.

    Args:
        made: The new calibration.
        kept: Whether it is kept.

    Returns:
        JSON, with the curves by direction.
    """
    curves = json.loads(made.calibration.to_json())["curves"]
    told: dict[str, Any] = {
        "-".join(pair): {**used._asdict(), "curve": curves.get("-".join(pair))} for pair, used in made.used.items()
    }
    return json.dumps({"kept": kept, "directions": told}, indent=2)


def readable(own: Calibration, made: Recalibrated, *, kept: bool) -> str:
    """Writes what was done for readers.

    Args:
        own: The bundle's own calibration.
        made: The new one.
        kept: Whether it is kept.

    Returns:
        Lines.
    """
    lines: list[str] = []
    for pair, used in made.used.items():
        if not used.n:
            lines.append(f"{pair[0]} → {pair[1]}: no judgements, stays as it was")
            continue
        lines.append(f"{pair[0]} → {pair[1]}: {used.n} judgements of {used.n_queries} queries, {used.n_relevant} relevant")
        if used.lacking:
            lines.append(f"  stays as it was, lacks {used.lacking}")
        else:
            lines += _compared(own.curves[pair], made.calibration.curves[pair])
    end = "kept: a service that runs uses it within seconds; --reset goes back" if kept else "nothing is kept"
    return "\n".join([*lines, end])


def _compared(before: DistanceCurve, after: DistanceCurve) -> list[str]:
    half = (len(before.value) - 1) // 2
    distances = sorted({round(half * step / (_N_SHOWN - 1)) for step in range(_N_SHOWN)})
    rows = [
        f"  {at:>8}  {before.value[at]:6.3f}  {after.value[at]:6.3f}  {after.low[at]:.3f} to {after.high[at]:.3f}"
        for at in distances
    ]
    rate = f"  base rate {before.base_rate:.4f}, now {after.base_rate:.4f}"
    return [rate, f"  {'distance':>8}  {'before':>6}  {'now':>6}  95 %", *rows]


def _catalogue_url(settings: Settings) -> str:
    folder = DataFolder(settings.data_dir)
    if not folder.has_catalogue:
        raise CatalogError(f"there is no catalogue in {settings.data_dir}: --data-dir or BITLENS_DATA_DIR names another folder")
    return folder.catalogue_url


def _own(settings: Settings, url: str) -> Calibration | None:
    """Reads the own calibration of the bundle that the catalogue belongs to: that of the settings, or the one of a re-index."""
    bundle_id, folder = served_bundle(url)
    for place in (settings.bundle, Path(folder or settings.bundle)):
        place = find_bundle(place) if hub_address(place) else place
        if place.is_dir():
            manifest, _ = read_bundle(place)
            if bundle_id_of(manifest) == bundle_id:
                return read_calibration(place, bundle_id, manifest.n_bits)
    raise BundleMismatch(f"the catalogue holds codes of bundle {bundle_id}: name its folder with --bundle or BITLENS_BUNDLE")
