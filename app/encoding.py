"""From a text or a picture to its packed code and how familiar it is: cache, then decode, prepare, a pass shared with others.

Decides where each step runs, when the cache is asked, and that what is under way already is not done again. Does not know what a
code is searched for, nor who shares a pass (``app.batching``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from app.batching import Batcher, BatchRules
from app.cache.base import CodeCache, Modality, cache_key
from app.code_entries import CodeEntries
from app.decode import ImageDecoder, ImageFacts
from app.encoder import Encoded, Encoder
from app.flights import Flights
from app.meters import Meters
from app.passes import Made, Making, Picture, open_batcher
from app.pools import Pool
from model.codes import Float32
from model.errors import InvalidRequest
from model.familiarity import Familiarity
from model.preprocess import normalise_text

_KNOWN_TEXTS = 4096  # as they were sent, whose cache key need not be made again
_QUICKLY_DIGESTED = 256 * 1024  # bytes whose digest takes less than going to another thread and back


class Encoding:
    """Gives packed codes of texts and pictures.

    Args:
        encoders: One encoder a modality.
        bundle_id: The bundle they come from.
        cache: Keeps codes.
        decoder: Reads pictures.
        decode_pool: Runs decoding and preparation of pictures.
        encode_pool: Runs forward passes; one thread, since a pass uses the processor as a whole.
        max_text_chars: Longest query, characters.
        rules: How passes are made up.
        meters: Count passes and what was under way already, or None.
        measures: How familiarity is measured, by modality.

    Attributes:
        max_batch: Inputs of one forward pass, at most.
    """

    def __init__(
        self,
        *,
        encoders: Mapping[Modality, Encoder],
        bundle_id: str,
        cache: CodeCache,
        decoder: ImageDecoder,
        decode_pool: Pool,
        encode_pool: Pool,
        max_text_chars: int,
        rules: BatchRules | None = None,
        meters: Meters | None = None,
        measures: Mapping[Modality, Familiarity] | None = None,
    ) -> None:
        self._encoders = encoders
        self._bundle_id = bundle_id
        self._entries = CodeEntries(cache, encoders["text"].n_bits // 8, measures or {})
        self._decoder = decoder
        self._decode_pool = decode_pool
        self._max_text_chars = max_text_chars
        self._rules = rules or BatchRules()
        self.max_batch = self._rules.max_batch
        self._batcher = open_batcher(encoders, self._entries, encode_pool, self._rules, meters)
        self._key_of = lru_cache(_KNOWN_TEXTS)(lambda text: cache_key(bundle_id, "text", self.normalised(text).encode()))
        on_join = meters.coalesced if meters else lambda n_keys: None
        making = Making(self._batcher, cache, self.prepare_image)
        self._texts: Flights[str, bytes] = Flights(making.texts, on_join)
        self._pictures: Flights[Picture, bytes] = Flights(making.pictures, on_join)

    @property
    def queue(self) -> Batcher[Made]:
        """What waits for the encoders."""
        return self._batcher

    async def encode_text(self, text: str) -> Encoded:
        """Returns the code of one text.

        Args:
            text: As the client sent it; see :meth:`normalised`.

        Returns:
            Its code.

        Raises:
            Overloaded: If too much is waiting.
        """
        key = self._key_of(text)
        if found := await self._entries.found("text", key):
            return found
        made = await self._texts.results({key: self.normalised(text)}, is_search=True)
        return self._entries.read("text", made[key])

    def normalised(self, text: str) -> str:
        """Checks and normalises a text.

        Args:
            text: As the client sent it.

        Returns:
            What :meth:`encode_texts` takes.

        Raises:
            InvalidRequest: If it is too long.
            EmptyText: If nothing is left after normalisation.
        """
        if len(text) > self._max_text_chars:
            raise InvalidRequest(f"the text has {len(text)} characters; at most {self._max_text_chars} are allowed")
        return normalise_text(text)

    async def encode_texts(self, normalised: Sequence[str], *, is_search: bool = True) -> list[Encoded]:
        """Returns the codes of texts, each different text encoded once.

        Args:
            normalised: N texts that :func:`model.preprocess.normalise_text` returned.
            is_search: Whether somebody waits for them; others' searches go before.

        Returns:
            N codes, in order.

        Raises:
            Overloaded: If too much is waiting.
        """
        keys = [cache_key(self._bundle_id, "text", text.encode()) for text in normalised]
        found = await self._entries.found_many("text", keys, is_search=is_search)
        missing = {key: text for key, text in zip(keys, normalised, strict=True) if key not in found}
        for start in range(0, len(missing), self._rules.max_batch):
            some = islice(missing.items(), start, start + self._rules.max_batch)
            made = await self._texts.results(dict(some), is_search=is_search)
            found |= {key: self._entries.read("text", entry) for key, entry in made.items()}
        return [found[key] for key in keys]

    async def encode_image(self, content: bytes) -> Encoded:
        """Returns the code of one picture; one whose code is cached is not decoded.

        Args:
            content: The uploaded file.

        Returns:
            Its code.

        Raises:
            InputError: If it is not an acceptable picture.
            Overloaded: If too much is waiting.
        """
        self._decoder.check_size(len(content))
        key = await self.image_key(content)
        if found := await self._entries.found("image", key):
            return found
        made = await self._pictures.results({key: Picture(content)}, is_search=True)
        return self._entries.read("image", made[key])

    async def image_key(self, content: bytes) -> str:
        """Makes the cache key of a picture.

        Args:
            content: The uploaded file.

        Returns:
            See :func:`app.cache.base.cache_key`.
        """
        if len(content) <= _QUICKLY_DIGESTED:
            return cache_key(self._bundle_id, "image", content)
        return await asyncio.to_thread(cache_key, self._bundle_id, "image", content)

    async def cached(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Looks codes of pictures up in the cache.

        Args:
            keys: Cache keys.

        Returns:
            Codes by key, of those keys that were found.
        """
        return {key: one.code for key, one in (await self._entries.found_many("image", keys, is_search=False)).items()}

    async def inspect_image(self, content: bytes) -> ImageFacts:
        """Reads a picture's header; see :meth:`app.decode.ImageDecoder.inspect`.

        Args:
            content: The uploaded file.

        Returns:
            Its facts.
        """
        return await self._decode_pool.run(self._decoder.inspect, content)

    async def prepare_image(self, content: bytes) -> tuple[ImageFacts, Any]:
        """Decodes a picture and prepares it for :meth:`encode_prepared`.

        Args:
            content: The uploaded file.

        Returns:
            Its facts, and what the encoder takes.

        Raises:
            InputError: If it is not an acceptable picture.
            Overloaded: If too much is waiting.
        """
        return await self._decode_pool.run(self._decoder.decode, content, self._encoders["image"].prepare)

    async def encode_prepared(self, prepared: Mapping[str, Any], *, is_search: bool = False) -> dict[str, bytes]:
        """Encodes prepared pictures and keeps their codes in the cache.

        Args:
            prepared: At most :attr:`max_batch` results of :meth:`prepare_image` by key.
            is_search: Whether somebody waits for them; others' searches go before.

        Returns:
            Codes by key.

        Raises:
            Overloaded: If too much is waiting.
        """
        wanted = {key: Picture(prepared=one) for key, one in prepared.items()}
        made = await self._pictures.results(wanted, is_search=is_search)
        return {key: self._entries.read("image", entry).code for key, entry in made.items()}

    async def relaxed(self, raw: str | bytes) -> tuple[Float32, float | None]:
        """Returns the relaxed code of one text or one picture, which the cache has not, and how familiar it is.

        Args:
            raw: A text as the client sent it, or an uploaded picture.

        Returns:
            (n_bits,) float32 in [−1, 1], and familiarity as in :class:`app.encoder.Encoded`.

        Raises:
            InputError: If it is no acceptable text or picture.
            Overloaded: If too much is waiting.
        """
        modality: Modality = "text" if isinstance(raw, str) else "image"
        if not isinstance(raw, str):
            self._decoder.check_size(len(raw))
        ready = self.normalised(raw) if isinstance(raw, str) else (await self.prepare_image(raw))[1]
        [made] = await self._batcher.run(modality, [ready])
        return made.relaxed, self._entries.read(modality, made.entry).familiarity
