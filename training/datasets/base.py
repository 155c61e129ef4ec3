"""Image–text pairs with labels, one split at a time, whatever files they came from.

Decides what a split holds, that pictures are read when asked for, and how its content is digested. Does not know file layouts
(the table in ``training.datasets``) or features.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from model.codes import UInt8
from model.errors import DatasetError
from training.caption_words import CaptionWords
from training.label_corrections import LabelCorrections

SPLITS = ("train", "query", "gallery")


@dataclass(frozen=True, slots=True)
class ColumnNames:
    """What the columns of a data set are called.

    Attributes:
        image: Picture; a data set whose only picture column has another name (``jpg`` in shards) is understood as well.
        text: Caption, or a list of captions of which the first that is not blank is taken.
        labels: List of names, list of class numbers, one comma-separated string, or a multi-hot list; None to read none.
        id: Optional; without it an item's place in the data set becomes its id.
    """

    image: str = "image"
    text: str = "text"
    labels: str | None = "labels"
    id: str = "id"


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """How the splits of a data set come about, where its layout does not settle it.

    Attributes:
        seed: Of the cut, where all pairs are one heap.
        n_query: Queries of feature files; 0 for the reference's number.
        n_train: Training pairs of feature files; 0 for the reference's number.
        train: What ``datasets:NAME`` calls the training split.
        query: What it calls the query split.
        gallery: What it calls the gallery split.
    """

    seed: int = 0
    n_query: int = 0
    n_train: int = 0
    train: str = "train"
    query: str = "query"
    gallery: str = "gallery"


@dataclass(frozen=True, slots=True)
class ModalityInputs:
    """One modality of a split, as feature extraction takes it.

    Attributes:
        modality: ``image`` or ``text``.
        digest: sha256 (hex) over the content of all inputs, order included.
        ids: (N) item ids, for messages.
        read: Returns the i-th input: a Pillow image or a string.
    """

    modality: str
    digest: str
    ids: Sequence[str]
    read: Callable[[int], Any]


@dataclass(frozen=True, eq=False)
class PairDataset:
    """One split of image–text pairs.

    Attributes:
        ids: (N) item ids, no two the same.
        texts: (N) captions, none blank.
        true_labels: (N, C) uint8, multi-hot, at least one label a row; (N, 0) where no labels were read.
        label_names: (C) names, in the order of the columns of ``true_labels``.
        image_bytes: Returns the encoded picture of the i-th pair; raises DatasetError if it cannot be read.
        corrections: Labels that training sees in the place of given ones; None for no such.
        caption_words: Words of the texts that are learnt beside given labels; None for no such.
    """

    ids: list[str]
    texts: list[str]
    true_labels: UInt8
    label_names: tuple[str, ...]
    image_bytes: Callable[[int], bytes]
    corrections: LabelCorrections | None = None
    caption_words: CaptionWords | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def image(self, i: int) -> Image.Image:
        """Decodes the picture of the i-th pair, in whatever mode it is stored.

        Args:
            i: Position in the split, 0…N − 1.

        Returns:
            A fully loaded picture.

        Raises:
            DatasetError: If the bytes are no readable picture; names the item.
        """
        try:
            image = Image.open(io.BytesIO(self.image_bytes(i)))
            image.load()
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise DatasetError(
                f"item {self.ids[i]!r}: its image cannot be decoded ({error}); replace the picture or drop the row"
            ) from error
        return image

    @cached_property
    def image_digest(self) -> str:
        """Hex sha256 over all encoded pictures, order included; reads every picture once."""
        return _digest(self.image_bytes(i) for i in range(len(self)))

    @cached_property
    def text_digest(self) -> str:
        """Hex sha256 over all texts, order included."""
        return _digest(text.encode() for text in self.texts)

    @property
    def image_inputs(self) -> ModalityInputs:
        """The pictures, for feature extraction."""
        return ModalityInputs("image", self.image_digest, self.ids, self.image)

    @property
    def text_inputs(self) -> ModalityInputs:
        """The texts, for feature extraction."""
        return ModalityInputs("text", self.text_digest, self.ids, self.texts.__getitem__)

    def subset(self, rows: npt.NDArray[np.integer] | Sequence[int]) -> PairDataset:
        """Returns some of the pairs, in the order asked for.

        Args:
            rows: Positions in the split, 0…N − 1, none twice.

        Returns:
            A split over the same pictures.
        """
        kept = [int(row) for row in rows]
        return PairDataset(
            ids=[self.ids[row] for row in kept],
            texts=[self.texts[row] for row in kept],
            true_labels=self.true_labels[kept],
            label_names=self.label_names,
            image_bytes=lambda i: self.image_bytes(kept[i]),
        )

    def followed_by(self, other: PairDataset) -> PairDataset:
        """Returns the pairs of this split, then those of another with the same labels.

        Args:
            other: The later pairs.

        Returns:
            One split over both.
        """
        return PairDataset(
            ids=self.ids + other.ids,
            texts=self.texts + other.texts,
            true_labels=np.concatenate([self.true_labels, other.true_labels]),
            label_names=self.label_names,
            image_bytes=lambda i: self.image_bytes(i) if i < len(self) else other.image_bytes(i - len(self)),
        )


@dataclass(frozen=True, eq=False)
class PairSplits:
    """The splits of a data set.

    Attributes:
        train: For training; validation is cut from it.
        query: Asked once, at the final evaluation.
        gallery: The part of the database that training does not see.
        label_names: (C) names, the same for all splits.
    """

    train: PairDataset
    query: PairDataset
    gallery: PairDataset
    label_names: tuple[str, ...]

    @cached_property
    def database(self) -> PairDataset:
        """What is searched: train, then gallery. Extract features of the two parts and concatenate; they are cached by part."""
        return self.train.followed_by(self.gallery)


def _digest(parts: Iterable[bytes]) -> str:
    """Hashes a sequence; each part's length goes in first, so that moving a boundary changes the digest."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()
