"""From the items of a request to written items: checked one by one, encoded together, written in one transaction.

Decides which items fail alone and what need not be encoded again. Does not know HTTP, nor how items are written.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from app.catalog.base import Catalog, ImageFile, Item, NewItem, Upserted
from app.encoding import Encoding
from app.pools import Pool
from app.records import Seal, no_records
from app.schemas import ItemIn, read_item
from app.writer import ItemWriter
from model.errors import HashingError, InputError, InvalidRequest
from model.preprocess import normalise_text


@dataclass(frozen=True, slots=True)
class ItemLimits:
    """What an item and a request may hold.

    Attributes:
        max_items: Items a request.
        max_text_chars: Characters a caption.
        max_payload_bytes: Bytes of a payload's JSON.
    """

    max_items: int
    max_text_chars: int
    max_payload_bytes: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item.

    Attributes:
        item_id: As sent, or None if there was no usable one.
        status: What was done.
        error: Why it failed, if it did.
        same_image: Ids of other items with the same picture, oldest first, a few of them.
        same_text: Ids of other items with the same text, likewise.
    """

    item_id: str | None
    status: Literal["added", "replaced", "failed"]
    error: HashingError | None = None
    same_image: tuple[str, ...] = ()
    same_text: tuple[str, ...] = ()


@dataclass(slots=True)
class _Draft:
    """An item on its way; ``error`` is set as soon as it has failed."""

    item_id: str | None = None
    text: str | None = None
    normalised: str | None = None
    payload: dict[str, Any] = field(default_factory=dict)
    content: bytes | None = None
    sha256: str = ""
    image: ImageFile | None = None
    text_code: bytes | None = None
    image_code: bytes | None = None
    error: HashingError | None = None

    def finished(self) -> NewItem:
        """Returns the item to be written."""
        return NewItem(str(self.item_id), self.text, self.image, self.payload, self.text_code, self.image_code)


class Indexing:
    """Indexes items.

    Args:
        encoding: Gives codes.
        catalog: The items, read only.
        writer: Writes them.
        writer_pool: Runs the writer; one thread.
        limits: What is allowed.
        n_turns: Pictures that may be decoded at once.
    """

    def __init__(
        self,
        *,
        encoding: Encoding,
        catalog: Catalog,
        writer: ItemWriter,
        writer_pool: Pool,
        limits: ItemLimits,
        n_turns: int,
    ) -> None:
        self._encoding = encoding
        self._catalog = catalog
        self._writer = writer
        self._writer_pool = writer_pool
        self._limits = limits
        # Pictures of all requests together take turns, so that a search finds room in the queue for decoding.
        self._turns = asyncio.Semaphore(n_turns)

    @property
    def max_items(self) -> int:
        """Items that one call may have."""
        return self._limits.max_items

    async def index(self, raw_items: Sequence[Any], files: Mapping[str, bytes], seal: Seal[Outcome] = no_records) -> list[Outcome]:
        """Writes all items that are in order, in one transaction; a bad one fails alone.

        Args:
            raw_items: JSON values, unchecked.
            files: Uploaded pictures by the name of their part.
            seal: Makes the records that are kept with the items, from their outcomes.

        Returns:
            One outcome an item, in order; "added" and "replaced" are on disk.

        Raises:
            InvalidRequest: If there are too many items.
            Overloaded: If too much is waiting; nothing has been written then.
            CatalogError: If the catalogue cannot be written; nothing has changed then.
        """
        if len(raw_items) > self._limits.max_items:
            raise InvalidRequest(
                f"{len(raw_items)} items are too many for one request; at most {self._limits.max_items} are allowed"
            )
        drafts = [self._draft(raw, files) for raw in raw_items]
        good = [draft for draft in drafts if draft.error is None]
        await self._reuse_present(good)
        await self._encode_texts([draft for draft in good if draft.normalised is not None and draft.text_code is None])
        await self._encode_images([draft for draft in good if draft.content is not None and draft.image_code is None])
        return await self._write(drafts, seal)

    def _draft(self, raw: Any, files: Mapping[str, bytes]) -> _Draft:
        try:
            return self._checked(read_item(raw), files)
        except InputError as error:
            item_id = raw.get("id") if isinstance(raw, dict) else None
            return _Draft(item_id if isinstance(item_id, str) else None, error=error)

    def _checked(self, item: ItemIn, files: Mapping[str, bytes]) -> _Draft:
        if item.text is None and item.image is None:
            raise InvalidRequest("an item needs a text or an image")
        if item.text is not None and len(item.text) > self._limits.max_text_chars:
            raise InvalidRequest(f"text: more than {self._limits.max_text_chars} characters")
        if item.payload_bytes > self._limits.max_payload_bytes:
            raise InvalidRequest(f"payload: more than {self._limits.max_payload_bytes} bytes")
        if item.image is not None and item.image not in files:
            raise InvalidRequest(f"image: the request has no file part named {item.image!r}")
        normalised = None if item.text is None else normalise_text(item.text)
        content = None if item.image is None else files[item.image]
        return _Draft(item.id, item.text, normalised, item.payload, content)

    async def _reuse_present(self, drafts: Sequence[_Draft]) -> None:
        """Takes over what the catalogue already holds under the same id: nothing of that is encoded again."""
        await asyncio.to_thread(_digest, drafts)
        present = await asyncio.to_thread(self._catalog.get_many, [str(draft.item_id) for draft in drafts])
        for draft, item in zip(drafts, present, strict=True):
            if item is not None:
                _take_over(draft, item)

    async def _encode_texts(self, drafts: Sequence[_Draft]) -> None:
        encoded = await self._encoding.encode_texts([str(draft.normalised) for draft in drafts], is_search=False)
        for draft, code in zip(drafts, encoded, strict=True):
            draft.text_code = code.code

    async def _encode_images(self, drafts: Sequence[_Draft]) -> None:
        for start in range(0, len(drafts), self._encoding.max_batch):
            await self._encode_image_batch(drafts[start : start + self._encoding.max_batch])

    async def _encode_image_batch(self, drafts: Sequence[_Draft]) -> None:
        keys = [await self._encoding.image_key(draft.content or b"") for draft in drafts]
        codes = await self._encoding.cached(keys)
        first = dict(zip(reversed(keys), reversed(drafts), strict=True))
        prepared = await asyncio.gather(*(self._prepare(draft, decode=key not in codes) for key, draft in first.items()))
        fresh = {key: one for key, one in zip(first, prepared, strict=True) if one is not None}
        if fresh:
            codes |= await self._encoding.encode_prepared(fresh)
        for key, draft in zip(keys, drafts, strict=True):
            draft.image, draft.error = first[key].image, first[key].error
            draft.image_code = codes.get(key)

    async def _prepare(self, draft: _Draft, *, decode: bool) -> Any:
        """Fills in the picture's facts; returns what is to be encoded, or None if nothing is."""
        content = draft.content or b""
        prepared = None
        async with self._turns:
            try:
                if decode:
                    facts, prepared = await self._encoding.prepare_image(content)
                else:
                    facts = await self._encoding.inspect_image(content)
            except InputError as error:
                draft.error = error
                return None
        draft.image = ImageFile(draft.sha256, facts.media_type, facts.width, facts.height)
        return prepared

    async def _write(self, drafts: Sequence[_Draft], seal: Seal[Outcome]) -> list[Outcome]:
        good = [draft for draft in drafts if draft.error is None]
        pictures = {draft.sha256: draft.content for draft in good if draft.content is not None}

        def outcomes(upserted: list[Upserted]) -> list[Outcome]:
            answers = dict(zip(map(id, good), upserted, strict=True))
            return [_outcome(draft, answers.get(id(draft))) for draft in drafts]

        if not good and seal is no_records:
            return outcomes([])
        items = [draft.finished() for draft in good]
        seal_all = no_records if seal is no_records else lambda upserted: seal(outcomes(upserted))
        return outcomes(await self._writer_pool.run(self._writer.write, items, pictures, seal_all))


def _digest(drafts: Sequence[_Draft]) -> None:
    for draft in drafts:
        if draft.content is not None:
            draft.sha256 = hashlib.sha256(draft.content).hexdigest()


def _take_over(draft: _Draft, item: Item) -> None:
    if draft.normalised is not None and item.text is not None and normalise_text(item.text) == draft.normalised:
        draft.text_code = item.text_code
    if draft.content is not None and item.image is not None and item.image.sha256 == draft.sha256:
        draft.image, draft.image_code = item.image, item.image_code


def _outcome(draft: _Draft, answer: Upserted | None) -> Outcome:
    if answer is None:
        return Outcome(draft.item_id, "failed", draft.error)
    status: Literal["added", "replaced"] = "added" if answer.replaced is None else "replaced"
    return Outcome(draft.item_id, status, same_image=answer.same_image, same_text=answer.same_text)
