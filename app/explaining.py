"""Explanations of searches: encodes again what was searched by and what was found, since only codes are kept.

Decides that hits wait behind searches, a few at a time, and that one which cannot be encoded any more is explained by its code.
Nothing here asks the code cache or changes it. Does not know what is told of a pair (``app.explanation``), nor HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from app.batching import Turn
from app.cache.base import Modality
from app.catalog.base import Item
from app.encoding import Encoding
from app.explanation import Explained, explained, known
from app.media import MediaStore
from app.pools import Pool
from app.retrieval import FoundItem
from model.codes import Float32
from model.errors import CatalogError, InputError
from model.label_reader import LabelReader
from model.preprocess import normalise_text

Source: TypeAlias = str | bytes | Item | npt.NDArray[np.floating] | None
"""What a query's code was made from: a text, a picture, an item, the mixed values themselves; None if there is only the code."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was searched by.

    Attributes:
        code: Packed code, n_bits / 8 bytes.
        modality: What the code was made from, or None.
        source: What it was made from itself.
    """

    code: bytes
    modality: Modality | None
    source: Source


class Explaining:
    """Explains searches.

    Args:
        encoding: Encodes again.
        media: The pictures.
        pool: Reads them, and does the arithmetic.
        reader: Reads labels off codes, if that was learned.
    """

    def __init__(self, *, encoding: Encoding, media: MediaStore, pool: Pool, reader: LabelReader | None) -> None:
        self._encoding = encoding
        self._media = media
        self._pool = pool
        self._reader = reader

    async def explained(self, asked: Asked, found: Sequence[FoundItem], target: Modality) -> Explained:
        """Explains one page of hits.

        Args:
            asked: What was searched by.
            found: The hits.
            target: By what they were compared.

        Returns:
            JSON of everything.

        Raises:
            Overloaded: If too much is waiting.
        """
        of_query = await self._query_values(asked)
        of_hits = await self._values([one.item for one in found], target)
        codes = [one.item.code(target) or b"" for one in found]

        def explain() -> Explained:
            query = known(asked.code, of_query, asked.modality, self._reader)
            hits = [known(code, values, target, self._reader) for code, values in zip(codes, of_hits, strict=True)]
            return explained(query, hits, self._reader)

        return await self._pool.run(explain)

    async def _query_values(self, asked: Asked) -> npt.NDArray[np.floating] | None:
        if isinstance(asked.source, Item) and asked.modality is not None:
            return (await self._values([asked.source], asked.modality, is_search=True))[0]
        if isinstance(asked.source, str | bytes):
            return (await self._encoding.relaxed(asked.source))[0]
        return asked.source if isinstance(asked.source, np.ndarray) else None

    async def _values(self, items: Sequence[Item], modality: Modality, *, is_search: bool = False) -> list[Float32 | None]:
        """Encodes items again, each different picture or text once: (n_bits,) relaxed codes, None for what cannot be encoded."""
        keys = [_key(item, modality) for item in items]
        wanted, made = dict(zip(keys, items, strict=True)), dict[str | None, Float32]()
        for start in range(0, len(wanted), self._encoding.max_batch):
            some = islice(wanted.items(), start, start + self._encoding.max_batch)
            ready = {key: one for key, item in some if (one := await self._prepared(item, modality)) is not None}
            passed = await self._encoding.queue.run(modality, list(ready.values()), Turn(is_search=is_search)) if ready else []
            made |= {key: one.relaxed for key, one in zip(ready, passed, strict=True)}
        return [made.get(key) for key in keys]

    async def _prepared(self, item: Item, modality: Modality) -> Any:
        """Returns what a forward pass takes; None if the picture is gone, or cannot be read under the limits of today."""
        with suppress(CatalogError, InputError):
            if modality == "text":
                return None if item.text is None else normalise_text(item.text)
            if item.image is not None:
                content = await self._pool.run(self._media.read, item.image.sha256)
                return (await self._encoding.prepare_image(content))[1]
        return None


def _key(item: Item, modality: Modality) -> str | None:
    if modality == "text":
        return item.text
    return None if item.image is None else item.image.sha256
