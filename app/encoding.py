"""From a text or a picture to its packed code: cache first, then decode, prepare, one forward pass at a time.

Decides where each step runs and when the cache is asked. Does not know what a code is searched for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from app.cache.base import CodeCache, Modality, cache_key
from app.decode import ImageDecoder, ImageFacts
from app.encoder import Encoded, Encoder
from app.pools import Pool
from model.codes import Float32, pack_codes, sign_codes
from model.errors import InvalidRequest
from model.preprocess import normalise_text

MAX_BATCH = 8
"""Inputs of one forward pass: a search waits behind at most one, and on processors larger ones are no faster."""


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
    ) -> None:
        self._encoders = encoders
        self._bundle_id = bundle_id
        self._cache = cache
        self._decoder = decoder
        self._decode_pool = decode_pool
        self._encode_pool = encode_pool
        self._max_text_chars = max_text_chars

    async def encode_text(self, text: str) -> Encoded:
        """Returns the code of one text.

        Args:
            text: As the client sent it.

        Returns:
            Its code.

        Raises:
            InvalidRequest: If it is too long.
            EmptyText: If nothing is left after normalisation.
            Overloaded: If too much is waiting.
        """
        return (await self.encode_texts([self.normalised(text)]))[0]

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

    async def encode_texts(self, normalised: Sequence[str]) -> list[Encoded]:
        """Returns the codes of texts, each different text encoded once.

        Args:
            normalised: N texts that :func:`model.preprocess.normalise_text` returned.

        Returns:
            N codes, in order.

        Raises:
            Overloaded: If too much is waiting.
        """
        keys = [cache_key(self._bundle_id, "text", text.encode()) for text in normalised]
        found = await self.cached(keys)
        missing = {key: text for key, text in zip(keys, normalised, strict=True) if key not in found}
        for some in _batches(list(missing)):
            made = await self._encode_pool.run(self._encode_raw_texts, [missing[key] for key in some])
            found |= await self._kept(some, made)
        return [Encoded(found[key], key not in missing) for key in keys]

    async def encode_image(self, content: bytes) -> Encoded:
        """Returns the code of one picture; one whose code is cached is not decoded.

        Args:
            content: The uploaded file.

        Returns:
            Its code.

        Raises:
            ImageTooLarge: If it has more bytes or pixels than allowed.
            UnsupportedMediaType: If it is of a known format that is not accepted.
            UndecodableImage: If it is no picture, or damaged.
            Overloaded: If too much is waiting.
        """
        self._decoder.check_size(len(content))
        key = await self.image_key(content)
        found = await self.cached([key])
        if key in found:
            return Encoded(found[key], cached=True)
        _, prepared = await self.prepare_image(content)
        codes = await self.encode_prepared({key: prepared})
        return Encoded(codes[key], cached=False)

    async def image_key(self, content: bytes) -> str:
        """Makes the cache key of a picture.

        Args:
            content: The uploaded file.

        Returns:
            See :func:`app.cache.base.cache_key`.
        """
        return await asyncio.to_thread(cache_key, self._bundle_id, "image", content)

    async def cached(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Looks codes up in the cache.

        Args:
            keys: Cache keys of texts or pictures.

        Returns:
            Codes by key, of those keys that were found.
        """
        codes = await self._cache.get_many(keys)
        return {key: code for key, code in zip(keys, codes, strict=True) if code is not None}

    async def inspect_image(self, content: bytes) -> ImageFacts:
        """Reads a picture's header; see :meth:`app.decode.ImageDecoder.inspect`.

        Args:
            content: The uploaded file.

        Returns:
            Its facts.

        Raises:
            InputError: If it is not an acceptable picture.
            Overloaded: If too much is waiting.
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
        return await self._decode_pool.run(self._decoder.decode, content, self._prepare)

    async def encode_prepared(self, prepared: Mapping[str, Any]) -> dict[str, bytes]:
        """Encodes prepared pictures in one forward pass and keeps their codes in the cache.

        Args:
            prepared: At most :data:`MAX_BATCH` results of :meth:`prepare_image` by key.

        Returns:
            Codes by key.

        Raises:
            Overloaded: If too much is waiting.
        """
        made = await self._encode_pool.run(self._encode, "image", list(prepared.values()))
        return await self._kept(list(prepared), made)

    async def relaxed(self, raw: str | bytes) -> Float32:
        """Returns the relaxed code of one text or one picture; the cache has none.

        Args:
            raw: A text as the client sent it, or an uploaded picture.

        Returns:
            (n_bits,) float32 in [−1, 1].

        Raises:
            InputError: If it is no acceptable text or picture.
            Overloaded: If too much is waiting.
        """
        if isinstance(raw, str):
            return await self._encode_pool.run(self._relaxed, "text", self._encoders["text"].prepare(self.normalised(raw)))
        self._decoder.check_size(len(raw))
        _, prepared = await self.prepare_image(raw)
        return await self._encode_pool.run(self._relaxed, "image", prepared)

    def _relaxed(self, modality: Modality, prepared: Any) -> Float32:
        return np.asarray(self._encoders[modality].encode([prepared])[0], np.float32)

    def _prepare(self, image: Image.Image) -> Any:
        return self._encoders["image"].prepare(image)

    def _encode_raw_texts(self, texts: Sequence[str]) -> list[bytes]:
        prepare = self._encoders["text"].prepare
        return self._encode("text", [prepare(text) for text in texts])

    def _encode(self, modality: Modality, prepared: Sequence[Any]) -> list[bytes]:
        packed = pack_codes(sign_codes(self._encoders[modality].encode(prepared)))
        return [row.tobytes() for row in packed]

    async def _kept(self, keys: Sequence[str], codes: Sequence[bytes]) -> dict[str, bytes]:
        made = dict(zip(keys, codes, strict=True))
        await self._cache.put_many(made)
        return made


def _batches(keys: Sequence[str]) -> list[Sequence[str]]:
    return [keys[start : start + MAX_BATCH] for start in range(0, len(keys), MAX_BATCH)]
