"""What is made of texts and pictures: prepared, through a shared forward pass, signs and familiarity kept in the cache.

Decides what a pass gives of each input. Does not know who asked, nor what is under way already.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from app.batching import Batcher, BatchRules, Turn
from app.cache.base import CodeCache, Modality
from app.code_entries import CodeEntries
from app.decode import ImageFacts
from app.encoder import Encoder
from app.meters import Meters
from app.pools import Pool
from model.codes import Float32, pack_codes, sign_codes


class Made(NamedTuple):
    """What a forward pass gives of one input.

    Attributes:
        entry: What is kept of it (:mod:`app.code_entries`).
        relaxed: (n_bits,) float32 in [−1, 1].
    """

    entry: bytes
    relaxed: Float32


class Picture(NamedTuple):
    """A picture to be encoded.

    Attributes:
        content: The uploaded file, or None if it is prepared already.
        prepared: What the encoder takes.
    """

    content: bytes | None = None
    prepared: Any = None


class Making:
    """Makes entries of the cache by key.

    Args:
        batcher: Runs the passes.
        cache: Keeps what was made.
        prepare: Decodes and prepares an uploaded picture.
    """

    def __init__(
        self, batcher: Batcher[Made], cache: CodeCache, prepare: Callable[[bytes], Awaitable[tuple[ImageFacts, Any]]]
    ) -> None:
        self._batcher = batcher
        self._cache = cache
        self._prepare = prepare

    async def texts(self, texts: Mapping[str, str], turn: Turn) -> dict[str, bytes]:
        """Encodes normalised texts.

        Args:
            texts: Texts by key.
            turn: Whose turn it is.

        Returns:
            Entries by key.
        """
        return await self._kept(texts, await self._batcher.run("text", list(texts.values()), turn))

    async def pictures(self, pictures: Mapping[str, Picture], turn: Turn) -> dict[str, bytes]:
        """Encodes pictures, and prepares those that are not.

        Args:
            pictures: Pictures by key.
            turn: Whose turn it is.

        Returns:
            Entries by key.
        """
        ready = [one.prepared if one.content is None else (await self._prepare(one.content))[1] for one in pictures.values()]
        return await self._kept(pictures, await self._batcher.run("image", ready, turn))

    async def _kept(self, keys: Iterable[str], made: Sequence[Made]) -> dict[str, bytes]:
        entries = {key: one.entry for key, one in zip(keys, made, strict=True)}
        await self._cache.put_many(entries)
        return entries


def open_batcher(
    encoders: Mapping[Modality, Encoder], entries: CodeEntries, pool: Pool, rules: BatchRules, meters: Meters | None
) -> Batcher[Made]:
    """Puts a queue before encoders.

    Args:
        encoders: One encoder a modality.
        entries: Makes what is kept.
        pool: Runs forward passes.
        rules: How passes are made up.
        meters: Count passes, or None.

    Returns:
        What takes texts as they are normalised, and pictures as they are prepared.
    """

    def encode(modality: Modality, inputs: Sequence[Any]) -> list[Made]:
        encoder = encoders[modality]
        prepared = [encoder.prepare(text) for text in inputs] if modality == "text" else inputs
        both = encoder.encode_with_features(prepared) if entries.are_measured(modality) else (encoder.encode(prepared), None)
        relaxed, features = np.asarray(both[0], np.float32), both[1]
        codes = [code.tobytes() for code in pack_codes(sign_codes(relaxed))]
        return list(map(Made, entries.written(modality, codes, features), relaxed))

    return Batcher(encode, pool=pool, rules=rules, on_pass=meters.batched if meters else lambda modality, n_inputs: None)
