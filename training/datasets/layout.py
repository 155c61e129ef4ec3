"""Which file belongs to which split, and reading them through the ``datasets`` library.

Decides how split names are read off file names, that reading is offline, silent and cached in our own folder, and how the
library's many exceptions become one. Does not know columns.
"""

from __future__ import annotations

import gc
import re
import tarfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import datasets
from datasets.exceptions import DatasetsError
from huggingface_hub.utils import logging as hub_logging

from model.errors import DatasetError
from training.datasets.base import SPLITS

POOL = "pool"
"""Name of the heap that files without a split's name belong to."""

_SPLIT_NAME = re.compile(r"([A-Za-z]+)(?:[-_.]?\d.*)?")
# What the library lets through from pyarrow, pandas, tarfile and itself when a file is damaged or its rows disagree.
_FOREIGN_ERRORS = (DatasetsError, ValueError, OSError, KeyError, TypeError, EOFError, tarfile.TarError)


@dataclass(frozen=True, slots=True)
class RawSplit:
    """Rows of one split, as a table of the ``datasets`` library, pictures undecoded.

    Attributes:
        name: ``train``, ``query``, ``gallery`` or ``pool``.
        table: A ``datasets.Dataset`` with flat columns.
        files: Where the rows come from, for messages.
    """

    name: str
    table: Any
    files: tuple[Path, ...]

    @property
    def place(self) -> str:
        """The files in a few words."""
        more = f" and {len(self.files) - 1} more" if len(self.files) > 1 else ""
        return f"{self.files[0]}{more}"


class Layout(Protocol):
    """One way in which pairs lie in a folder.

    Attributes:
        name: As messages call it.
        expects: What the folder has to hold, in a few words.
    """

    name: str
    expects: str

    def find(self, folder: Path) -> dict[str, list[Path]]:
        """Finds the data files.

        Args:
            folder: The data set.

        Returns:
            Files by split or pool; empty where the folder has another layout.
        """
        ...

    def read(self, files: Mapping[str, Sequence[Path]], cache_dir: Path) -> list[RawSplit]:
        """Reads all splits.

        Args:
            files: What :meth:`find` gave.
            cache_dir: Where the library may write.

        Returns:
            One entry a split.
        """
        ...


def split_of(file: Path) -> str:
    """Reads the split off a file name: ``train-00000-of-00002.parquet`` is of ``train``, ``pairs.parquet`` of the pool.

    Args:
        file: A data file.

    Returns:
        ``train``, ``query``, ``gallery`` or ``pool``.
    """
    name = _SPLIT_NAME.fullmatch(file.stem)
    return name[1] if name and name[1] in SPLITS else POOL


def group_by_split(files: Sequence[Path]) -> dict[str, list[Path]]:
    """Groups data files by split, in the order of the splits and of the file names.

    Args:
        files: Data files.

    Returns:
        Files by split; only splits that have files.
    """
    grouped = {name: sorted(file for file in files if split_of(file) == name) for name in (*SPLITS, POOL)}
    return {name: found for name, found in grouped.items() if found}


def read_files(builder: str, files: Mapping[str, Sequence[Path]], cache_dir: Path, **options: Any) -> dict[str, datasets.Dataset]:
    """Reads files with one of the library's own builders; nothing is downloaded, nothing is written beside the data.

    Args:
        builder: ``parquet``, ``webdataset`` or ``imagefolder``.
        files: Data files by split.
        cache_dir: Where the library keeps its tables.
        **options: For the builder.

    Returns:
        One table a split.

    Raises:
        DatasetError: If a file is damaged or its rows do not agree; names the files.
    """
    data_files = {name: [str(file) for file in found] for name, found in files.items()}
    try:
        with quiet():
            return dict(datasets.load_dataset(builder, data_files=data_files, cache_dir=str(cache_dir / "datasets"), **options))
    except _FOREIGN_ERRORS as error:
        named = ", ".join(str(file) for found in files.values() for file in found[:3])
        reason = error.__cause__ or error
        raise DatasetError(f"{named}: cannot be read as {builder} files: {reason}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Silences progress bars and logs of library and hub client, and warnings about CSV files left to the garbage collector.

    Yields:
        Nothing.
    """
    level, bars = datasets.logging.get_verbosity(), datasets.are_progress_bars_disabled()
    hub_level = hub_logging.get_verbosity()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)
    hub_logging.set_verbosity(datasets.logging.CRITICAL)
    datasets.disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            yield
            gc.collect()
    finally:
        datasets.logging.set_verbosity(level)
        hub_logging.set_verbosity(hub_level)
        if not bars:
            datasets.enable_progress_bars()
