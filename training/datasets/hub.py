"""``datasets:NAME``: anything that the ``datasets`` library loads, by its name on the hub or from a folder.

Decides how name and configuration are told apart and which of its splits are ours. Does not know columns.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
from datasets.exceptions import DatasetsError
from httpx import HTTPError
from huggingface_hub.errors import HfHubHTTPError

from model.errors import DatasetError
from training.datasets.base import SPLITS, SplitOptions
from training.datasets.layout import POOL, RawSplit, quiet

HUB_PREFIX = "datasets:"

_UNREACHABLE = (ConnectionError, HTTPError, HfHubHTTPError)
# What the library lets through from pyarrow, pandas and itself; RuntimeError is its answer to a script.
_UNREADABLE = (DatasetsError, ValueError, OSError, KeyError, TypeError, EOFError, RuntimeError)


def load_from_library(data: str, options: SplitOptions, cache_dir: Path) -> list[RawSplit]:
    """Reads a data set by its name.

    Args:
        data: ``datasets:owner/name`` or ``datasets:path/to/folder``, with ``@configuration`` after it where there are several.
        options: What the splits are called. If the three names are there, other splits are passed over.
        cache_dir: Where the library may write.

    Returns:
        The three splits, or the only one there is, as a heap to be cut.

    Raises:
        DatasetError: If it cannot be reached or read, or has several splits but not the three that are named.
    """
    name, configuration = _parse(data)
    tables = _load(data, name, configuration, cache_dir)
    wanted = dict(zip(SPLITS, (options.train, options.query, options.gallery), strict=True))
    if len(set(wanted.values())) < len(wanted):
        raise DatasetError(f"{data}: data.train_split, data.query_split and data.gallery_split must name different splits")
    place = (Path(data),)
    if len(tables) == 1:
        return [RawSplit(POOL, next(iter(tables.values())), place)]
    if missing := [split for split in wanted.values() if split not in tables]:
        raise DatasetError(
            f"{data}: has no split {' and no split '.join(missing)}; it has {', '.join(tables)}: say which is which with "
            "--set data.train_split=…, --set data.query_split=… and --set data.gallery_split=…"
        )
    return [RawSplit(ours, tables[theirs], place) for ours, theirs in wanted.items()]


def _parse(data: str) -> tuple[str, str | None]:
    """Splits ``datasets:NAME@CONFIGURATION``; a folder may have an @ in its name."""
    whole = data.removeprefix(HUB_PREFIX)
    if whole and Path(whole).expanduser().exists():
        return str(Path(whole).expanduser()), None
    name, _, configuration = whole.rpartition("@") if "@" in whole else (whole, "", "")
    if not name:
        raise DatasetError(
            f"{data}: names no data set; expected datasets:owner/name, datasets:FOLDER or either with @configuration"
        )
    return str(Path(name).expanduser()), configuration or None


def _load(data: str, name: str, configuration: str | None, cache_dir: Path) -> dict[str, Any]:
    try:
        with quiet():
            return dict(datasets.load_dataset(name, configuration, cache_dir=str(cache_dir / "datasets")))
    except _UNREACHABLE as error:
        raise DatasetError(
            f"{data}: cannot be reached: no such folder here, and the hub does not answer ({_line(error)})"
        ) from error
    except _UNREADABLE as error:
        raise DatasetError(f"{data}: the datasets library cannot load it: {_line(error.__cause__ or error)}") from error


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
