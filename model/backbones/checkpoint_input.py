"""Pictures and texts as the graphs of hub checkpoints (CLIP, SigLIP) take them; the facts come from the checkpoint's own processor.

Decides what of a processor is taken over, and that pictures are turned upright and laid on white, and texts normalised, before it,
as everywhere. Does not know the network, torch or transformers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from tokenizers import Tokenizer

from model.bundle_folder import TOKENIZER
from model.codes import Int64, UInt8
from model.errors import BundleCorrupt
from model.preprocess import normalise_text, to_rgb

_PICTURE_FACTS = {"resize", "crop", "resample", "scale", "mean", "std"}
_TEXT_FACTS = {"unicode", "spaces", "max_tokens", "padding", "pad", "end"}


class CheckpointPixels:
    """Scales and crops.

    Args:
        facts: ``resize``: the shorter side, or [height, width]; ``crop``: [height, width] of the centre; ``resample``: Pillow's
            number of a filter; ``scale``, ``mean``, ``std`` for the graph, which computes (value · scale − mean) / std.

    Raises:
        BundleCorrupt: If a fact is missing.
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.preprocessing = _checked(facts, _PICTURE_FACTS)
        self._resize, (self._height, self._width) = facts["resize"], facts["crop"]
        self._resample = Image.Resampling(facts["resample"])

    @property
    def shortest_side(self) -> int:
        """A picture's shorter side, pixels, from which on more pixels only make it be scaled down further; a seventh to spare."""
        return math.ceil(float(np.max(self._resize)) * 8 / 7)

    def prepare(self, raw: Image.Image) -> UInt8:
        """Scales and crops a picture.

        Args:
            raw: Any Pillow image.

        Returns:
            (height, width, 3) uint8.
        """
        rgb = to_rgb(raw)
        resized = rgb.resize(self._size(rgb.width, rgb.height), self._resample)
        left, top = (resized.width - self._width) // 2, (resized.height - self._height) // 2
        return np.asarray(resized.crop((left, top, left + self._width, top + self._height)))

    def _size(self, width: int, height: int) -> tuple[int, int]:
        if not isinstance(self._resize, int):
            return self._resize[1], self._resize[0]
        longer = int(self._resize * max(width, height) / min(width, height))
        return (self._resize, longer) if width <= height else (longer, self._resize)

    def inputs(self, prepared: Sequence[UInt8]) -> dict[str, npt.NDArray[Any]]:
        """Joins pictures.

        Args:
            prepared: N arrays of (height, width, 3) uint8, N ≥ 1.

        Returns:
            ``pixels``: (N, height, width, 3) uint8.
        """
        return {"pixels": np.stack(prepared)}


class CheckpointWords:
    """Normalises and splits texts.

    Args:
        tokenizer: Content of ``tokenizer.json``; its own padding and truncation are replaced.
        facts: ``max_tokens``; ``padding`` to as many: none, left or right, with the token ``pad``; ``end``: the token whose first
            place is pooled, or none for the last place.

    Raises:
        BundleCorrupt: If a fact is missing or the tokenizer is none.
    """

    def __init__(self, tokenizer: bytes, facts: Mapping[str, Any]) -> None:
        self.preprocessing = _checked(facts, _TEXT_FACTS)
        self._tokenizer, self._end = Tokenizer.from_buffer(tokenizer), facts["end"]
        self._tokenizer.enable_truncation(facts["max_tokens"])
        if facts["padding"]:
            self._tokenizer.enable_padding(
                direction=facts["padding"], pad_id=facts["pad"], pad_token="", length=facts["max_tokens"]
            )

    @classmethod
    def read(cls, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> CheckpointWords:
        """Reads the vocabulary of a bundle.

        Args:
            files: The bundle's, by name.
            facts: As its manifest has them.

        Returns:
            What splits texts.

        Raises:
            BundleCorrupt: If there is none.
        """
        if TOKENIZER not in files:
            raise BundleCorrupt(f"the bundle has no {TOKENIZER}")
        return cls(files[TOKENIZER], facts)

    def prepare(self, raw: str) -> Int64:
        """Normalises and splits a text.

        Args:
            raw: Any string.

        Returns:
            (L,) int64, the numbers of its tokens, those of beginning, end and fixed padding included.

        Raises:
            EmptyText: If nothing is left after normalisation.
        """
        return np.array(self._tokenizer.encode(normalise_text(raw)).ids, np.int64)

    def inputs(self, prepared: Sequence[Int64]) -> dict[str, npt.NDArray[Any]]:
        """Lays texts below each other; what stands behind an end is not looked at.

        Args:
            prepared: N arrays of (L,) int64, N ≥ 1, longest L.

        Returns:
            ``tokens``: (N, L) int64; ``ends``: (N, 1) int64, the place that is pooled.
        """
        tokens = np.zeros((len(prepared), max(map(len, prepared))), np.int64)
        ends = np.empty((len(prepared), 1), np.int64)
        for i, text in enumerate(prepared):
            tokens[i, : len(text)] = text
            ends[i] = len(text) - 1 if self._end is None else np.argmax(text == self._end)
        return {"tokens": tokens, "ends": ends}


def _checked(facts: Mapping[str, Any], wanted: set[str]) -> dict[str, Any]:
    if missing := wanted - facts.keys():
        raise BundleCorrupt(f"config.json of the bundle does not say how input is prepared: {', '.join(sorted(missing))}")
    return dict(facts)
