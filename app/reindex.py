"""Encodes a catalogue's items anew with another bundle, while they are served with the first one.

Decides in which order, and that an item which cannot be encoded keeps the bundles from being exchanged. What is done is kept in
the catalogue, so that a run that was broken off goes on where it was. Does not know where codes are kept nor who serves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from app.cache.base import Modality
from app.catalog.base import Item, OtherCodes, Reencoded
from app.decode import ImageDecoder
from app.encoder import Encoder
from app.media import MediaStore
from model.codes import pack_codes, sign_codes
from model.errors import CatalogError, InputError, UnknownItem
from model.preprocess import normalise_text

_BLOCK = 64  # items whose codes are kept at once
_BATCH = 8  # inputs of one forward pass
_N_ROUNDS = 100


class Reindexing:
    """Makes the other bundle's codes, as often as items come.

    Args:
        codes: The catalogue's other codes.
        media: The pictures.
        encoders: The other bundle's, by modality.
        decoder: Reads pictures.
        progress: Called with the number of items encoded so far.
    """

    def __init__(
        self,
        *,
        codes: OtherCodes,
        media: MediaStore,
        encoders: Mapping[Modality, Encoder],
        decoder: ImageDecoder,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._codes = codes
        self._media = media
        self._encoders = encoders
        self._decoder = decoder
        self._progress = progress
        self.n_encoded = 0
        self.failures: dict[str, str] = {}

    def catch_up(self) -> None:
        """Encodes every item that has no code of the other bundle yet; why one cannot be is kept in ``failures``.

        Raises:
            CatalogError: If the catalogue cannot be read or written.
        """
        self.failures = {}
        after = 0
        while block := self._codes.missing(after, _BLOCK):
            self._codes.put(list(self._encoded(block)))
            after = block[-1].row_id
            self._progress(self.n_encoded)

    def exchange(self) -> bool:
        """Makes the other bundle's codes the served ones; items written meanwhile are encoded first.

        Returns:
            Whether that was done; not if an item cannot be encoded.

        Raises:
            CatalogError: If the catalogue cannot be read or written, or items come faster than they are encoded.
        """
        for _ in range(_N_ROUNDS):
            self.catch_up()
            if self.failures:
                return False
            if self._codes.exchange():
                return True
        raise CatalogError("items are written faster than they can be encoded: index less for a while and try again")

    def _encoded(self, block: Sequence[Item]) -> Iterator[Reencoded]:
        images: dict[int, Any] = {}
        failed: set[int] = set()
        for item in block:
            try:
                if item.image is not None:
                    images[item.row_id] = self._prepared(item.image.sha256)
            except (InputError, UnknownItem) as error:
                failed.add(item.row_id)
                self.failures[item.item_id] = str(error)
        good = [item for item in block if item.row_id not in failed]
        prepare = self._encoders["text"].prepare
        texts = {item.row_id: prepare(normalise_text(item.text)) for item in good if item.text is not None}
        text_codes, image_codes = self._codes_of("text", texts), self._codes_of("image", images)
        for item in good:
            yield Reencoded(item.row_id, text_codes.get(item.row_id), image_codes.get(item.row_id))
        self.n_encoded += len(good)

    def _prepared(self, sha256: str) -> Any:
        return self._decoder.decode(self._media.read(sha256), self._encoders["image"].prepare)[1]

    def _codes_of(self, modality: Modality, prepared: Mapping[int, Any]) -> dict[int, bytes]:
        rows = list(prepared)
        made: dict[int, bytes] = {}
        for start in range(0, len(rows), _BATCH):
            some = rows[start : start + _BATCH]
            packed = pack_codes(sign_codes(self._encoders[modality].encode([prepared[row] for row in some])))
            made |= {row: code.tobytes() for row, code in zip(some, packed, strict=True)}
        return made
