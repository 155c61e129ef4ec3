"""Which source an argument of ``bitlens ingest`` means.

Decides by what it is (an address, a folder, a file of a kind) and says what there is where it is none.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from app.ingest_datasets import PREFIX, open_data_set
from app.ingest_entries import Columns, Source, show
from app.ingest_folder import PICTURES, Folder, read_picture
from app.ingest_http import Fetcher
from app.ingest_tables import TABLES, Located, Table
from app.ingest_tar import SHARDS, Shard
from model.errors import ConfigError

_METADATA = ("metadata.jsonl", "metadata.csv")
_KINDS = "a folder, a picture, .csv, .tsv, .jsonl, .tar (packed or not), an address of a manifest, or datasets:NAME"


@dataclass(frozen=True, slots=True)
class Opening:
    """How sources are opened.

    Attributes:
        columns: Which columns mean what.
        max_image_bytes: Largest picture.
        fetcher: Fetches what lies at addresses.
        undo: Clears up when all is done.
    """

    columns: Columns
    max_image_bytes: int
    fetcher: Fetcher
    undo: ExitStack

    def all(self, arguments: Sequence[str]) -> list[Source]:
        """Opens sources.

        Args:
            arguments: As they were given.

        Returns:
            A source each.

        Raises:
            ConfigError: If some are none; all of them are listed.
            DatasetError: If one cannot be read.
        """
        mistakes = [mistake for argument in arguments if (mistake := _mistake(argument))]
        if mistakes:
            raise ConfigError(mistakes)
        return [self._one(argument) for argument in arguments]

    def _one(self, argument: str) -> Source:
        if argument.startswith(PREFIX):
            return open_data_set(argument, self.columns, self.max_image_bytes)
        if _is_address(argument):
            folder = Path(self.undo.enter_context(tempfile.TemporaryDirectory(prefix="bitlens-")))
            path = self.fetcher.manifest(argument, folder)
            return Table(path, path.name, self.columns, partial(self.fetcher.locate, argument))
        path = Path(argument)
        metadata = [path / name for name in _METADATA if (path / name).is_file()]
        if metadata or path.name.lower().endswith(TABLES):
            table = metadata[0] if metadata else path
            return Table(table, show(table.name), self.columns, partial(self._beside, table.parent))
        if path.name.lower().endswith(SHARDS):
            return Shard(path, self.columns, self.max_image_bytes)
        return Folder(path, self.columns, self.max_image_bytes)

    def _beside(self, folder: Path, named: str) -> Located:
        if _is_address(named):
            return self.fetcher.locate(named, named)
        return Located(partial(read_picture, folder / named, self.max_image_bytes), is_far=False)


def _is_address(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _mistake(argument: str) -> str | None:
    if argument.startswith(PREFIX):
        return None
    if _is_address(argument):
        return None if urlsplit(argument).path.lower().endswith(TABLES) else f"{argument}: a manifest's name ends in .jsonl or .csv"
    path = Path(argument)
    if not path.exists():
        return f"{show(argument)}: there is no such file or folder"
    is_known = path.is_dir() or path.name.lower().endswith((*PICTURES, *TABLES, *SHARDS))
    return None if is_known else f"{show(argument)}: what can be read is {_KINDS}"
