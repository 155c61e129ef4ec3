"""Pairs that come as ready-made features: no pictures, no texts.

Decides what a split of such a data set holds. Does not know files.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from model.codes import Float32, UInt8
from training.label_corrections import LabelCorrections


@dataclass(frozen=True, eq=False)
class FeaturePairs:
    """One split of pairs, as features.

    Attributes:
        image: (N, image feature_dim) float32, memory-mapped and read-only.
        text: (N, text feature_dim) float32, memory-mapped and read-only.
        true_labels: (N, C) uint8, multi-hot; a row may be all zero.
        image_digest: sha256 (hex) that stands for the content of ``image``, order included.
        text_digest: sha256 (hex) that stands for the content of ``text``, order included.
        corrections: Labels that training sees in the place of given ones; None for no such.
    """

    image: Float32
    text: Float32
    true_labels: UInt8
    image_digest: str
    text_digest: str
    corrections: LabelCorrections | None = None

    def __len__(self) -> int:
        return len(self.true_labels)

    @property
    def ids(self) -> list[str]:
        """(N) ids: the rows' numbers in the split, from 0 on."""
        return list(map(str, range(len(self))))

    def rows(self, start: int, stop: int) -> FeaturePairs:
        """Returns the pairs start…stop − 1, over the same memory.

        Args:
            start: First row.
            stop: Row after the last one.

        Returns:
            A split; its digests are made of these ones and the range, so that nothing is read.
        """
        cut = slice(start, stop)
        image, text = (
            hashlib.sha256(f"{each} {start} {stop}".encode()).hexdigest() for each in (self.image_digest, self.text_digest)
        )
        return FeaturePairs(self.image[cut], self.text[cut], self.true_labels[cut], image_digest=image, text_digest=text)


@dataclass(frozen=True, eq=False)
class FeatureSplits:
    """The splits of a data set of ready-made features.

    Attributes:
        train: For training; validation is cut from it.
        query: Asked once, at the final evaluation.
        gallery: The part of the database that training does not see; may be empty.
        label_names: (C) names, the same for all splits.
        benchmark: Name of the data set, such as ``MIRFlickr-25K``.
        variables: What the features are called in its files, by modality.
    """

    train: FeaturePairs
    query: FeaturePairs
    gallery: FeaturePairs
    label_names: tuple[str, ...]
    benchmark: str
    variables: dict[str, str]

    def source_facts(self) -> dict[str, dict[str, str]]:
        """Returns what the features are, by modality, JSON-able: heads fit features of the same source only."""
        return {name: {"benchmark": self.benchmark, "variable": variable} for name, variable in self.variables.items()}
