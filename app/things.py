"""From a text, a picture, an indexed item or a packed code to a code, and from a weighted mix of them to one.

Decides what weighs how much in a mix. Does not know HTTP, nor what a code is searched for.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from app.cache.base import Modality
from app.catalog.base import Catalog, Item
from app.encoder import Encoded
from app.encoding import Encoding
from app.pools import Pool
from app.thing_schemas import MixPart, ThingIn
from model.codes import Float32, unpack_codes
from model.errors import InvalidRequest, UnknownItem

Float64: TypeAlias = npt.NDArray[np.float64]
_HEX = re.compile(r"[0-9a-fA-F]+")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_LEAST = 1e-6  # a mix shorter than this has no direction left


class Things:
    """Turns what a client names into codes.

    Args:
        encoding: Gives codes of texts and pictures.
        catalog: The items.
        pool: Reads the catalogue.
        n_bits: Bits of one code.
    """

    def __init__(self, *, encoding: Encoding, catalog: Catalog, pool: Pool, n_bits: int) -> None:
        self._encoding = encoding
        self._catalog = catalog
        self._pool = pool
        self._n_bits = n_bits

    async def item(self, item_id: str) -> Item:
        """Returns an indexed item.

        Args:
            item_id: Its id.

        Returns:
            The item.

        Raises:
            UnknownItem: If there is none.
            Overloaded: If too much is waiting.
        """
        return found_item((await self._pool.run(self._catalog.get_many, [item_id]))[0], item_id)

    async def code(self, thing: ThingIn, files: Mapping[str, bytes]) -> Encoded:
        """Returns the packed code of a thing.

        Args:
            thing: What it is.
            files: Uploaded pictures by the name of their part.

        Returns:
            Its code.

        Raises:
            InputError: If the text, the picture or the code cannot be used, or the item has no such code.
            UnknownItem: If there is no such item.
            Overloaded: If too much is waiting.
        """
        if thing.text is not None:
            return await self._encoding.encode_text(thing.text)
        if thing.image is not None:
            return await self._encoding.encode_image(picture_of(thing.image, files))
        if thing.id is not None:
            return Encoded(stored_code(await self.item(thing.id), thing.by)[0], cached=False)
        return Encoded(read_code(thing.code or "", self._n_bits), cached=False)

    async def relaxed(self, thing: ThingIn, files: Mapping[str, bytes]) -> tuple[Float32, float | None]:
        """Returns the relaxed code of a thing, and how familiar it is; of items and codes there are only the signs.

        Args:
            thing: What it is.
            files: Uploaded pictures by the name of their part.

        Returns:
            (n_bits,) float32 in [−1, 1], and familiarity as in :class:`app.encoder.Encoded`.

        Raises:
            InputError: If the text, the picture or the code cannot be used, or the item has no such code.
            UnknownItem: If there is no such item.
            Overloaded: If too much is waiting.
        """
        if thing.text is not None:
            return await self._encoding.relaxed(thing.text)
        if thing.image is not None:
            return await self._encoding.relaxed(picture_of(thing.image, files))
        packed = np.frombuffer((await self.code(thing, files)).code, np.uint8)
        signs: Float32 = unpack_codes(packed[None, :])[0].astype(np.float32)
        return signs, None

    async def mix(self, parts: Sequence[MixPart], files: Mapping[str, bytes]) -> tuple[Float64, float | None]:
        """Returns a weighted mix: Σ wᵢ · rᵢ / ‖rᵢ‖ of the parts' relaxed codes rᵢ; its signs are the code.

        Each part is brought to unit length, so that a weight means the same for a text, whose relaxed code is known, and for an
        item, of which only the signs are stored. It is as familiar as the least familiar of its texts and pictures, whatever they
        weigh: what a strange one does to the code nobody knows.

        Args:
            parts: Things with weights.
            files: Uploaded pictures by the name of their part.

        Returns:
            (n_bits,) float64, of a length above 0, and familiarity as in :class:`app.encoder.Encoded`.

        Raises:
            InputError: If a part cannot be used, or the parts cancel each other out.
            UnknownItem: If there is no such item.
            Overloaded: If too much is waiting.
        """
        total, told = np.zeros(self._n_bits), []
        for part in parts:
            relaxed, familiarity = await self.relaxed(part, files)
            total += part.weight * relaxed.astype(np.float64) / max(float(np.linalg.norm(relaxed)), math.sqrt(_LEAST))
            told += [] if familiarity is None else [familiarity]
        if float(np.linalg.norm(total)) < _LEAST:
            raise InvalidRequest("parts: they cancel each other out, so that there is nothing to look for")
        return total, min(told, default=None)


def raw_of(parts: Sequence[ThingIn]) -> set[Modality]:
    """Returns what among things is a text or a picture.

    Args:
        parts: Things.

    Returns:
        Their modalities; those of items and codes are not among them.
    """
    texts, pictures = (any(getattr(part, name) is not None for part in parts) for name in ("text", "image"))
    return {*(["text"] if texts else ()), *(["image"] if pictures else ())}


def found_item(item: Item | None, item_id: str) -> Item:
    """Returns the item that a look-up found.

    Args:
        item: What the catalogue answered.
        item_id: What it was asked for.

    Returns:
        The item.

    Raises:
        UnknownItem: If there is none.
    """
    if item is None:
        raise UnknownItem(f"there is no item {item_id!r}")
    return item


def stored_code(item: Item, by: Modality | None) -> tuple[bytes, Modality]:
    """Returns a code of an item.

    Args:
        item: The item.
        by: Of its image or its text; None for the image's, if it has one, else the text's.

    Returns:
        The packed code and whose it is.

    Raises:
        InvalidRequest: If it has no such code.
    """
    modality: Modality = by or ("text" if item.image_code is None else "image")
    code = item.code(modality)
    if code is None:
        raise InvalidRequest(f"by: the item {item.item_id!r} has no {modality}")
    return code, modality


def picture_of(name: str, files: Mapping[str, bytes]) -> bytes:
    """Returns an uploaded picture.

    Args:
        name: Name of its part.
        files: Uploaded pictures by the name of their part.

    Returns:
        Its content.

    Raises:
        InvalidRequest: If the request has no such part.
    """
    if name not in files:
        raise InvalidRequest(f"image: the request has no file part named {name!r}")
    return files[name]


def read_code(text: str, n_bits: int) -> bytes:
    """Reads a packed code, little bit order, from hex or base64 (either alphabet).

    Args:
        text: As the client sent it.
        n_bits: Bits that it must have.

    Returns:
        n_bits / 8 bytes.

    Raises:
        InvalidRequest: If it is neither or has another length.
    """
    n_bytes = n_bits // 8
    length = f"code: a code of {n_bits} bits has {2 * n_bytes} hex digits or {-(-n_bytes // 3) * 4} characters of base64"
    if len(text) == 2 * n_bytes and _HEX.fullmatch(text):
        return bytes.fromhex(text)
    try:
        code = base64.b64decode(text.encode("ascii").translate(_STANDARD), validate=True)
    except ValueError as error:
        raise InvalidRequest(length if _HEX.fullmatch(text) else "code: neither hex nor base64") from error
    if len(code) != n_bytes:
        raise InvalidRequest(length)
    return code
