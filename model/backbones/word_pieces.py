"""Texts as the graph of MiniLM takes them: the numbers of their word pieces.

Decides truncation and what a missing vocabulary means. Does not know the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from model.bundle_folder import TOKENIZER
from model.codes import Int64
from model.errors import BundleCorrupt
from model.preprocess import normalise_text

MAX_TOKENS = 256  # the model's own `max_seq_length`; longer texts are cut


class WordPieces:
    """Normalises and splits texts.

    Args:
        tokenizer: Holds the vocabulary; its own padding and truncation are replaced.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer = tokenizer
        self.preprocessing: dict[str, Any] = {
            "unicode": "NFC",
            "spaces": "single",
            "max_tokens": MAX_TOKENS,
            "pooling": "mean",
        }

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> WordPieces:
        """Reads the vocabulary of a bundle.

        Args:
            files: The bundle's, by name.

        Returns:
            What splits texts.

        Raises:
            BundleCorrupt: If there is none.
        """
        if TOKENIZER not in files:
            raise BundleCorrupt(f"the bundle has no {TOKENIZER}")
        return cls(Tokenizer.from_buffer(files[TOKENIZER]))

    def prepare(self, raw: str) -> Int64:
        """Normalises and splits a text.

        Args:
            raw: Any string.

        Returns:
            (L,) int64, the numbers of at most 256 word pieces, those of beginning and end included.

        Raises:
            EmptyText: If nothing is left after normalisation.
        """
        return np.array(self._tokenizer.encode(normalise_text(raw)).ids, np.int64)

    def inputs(self, prepared: Sequence[Int64]) -> dict[str, npt.NDArray[Any]]:
        """Joins texts end to end, so that nothing but attention works on padding, which goes to the longest of them.

        Args:
            prepared: N arrays of (L,) int64, N ≥ 1; T word pieces together, longest L.

        Returns:
            ``tokens`` and their ``positions``: (T,) int64; ``place``: (N, L) int64, where each is in ``tokens``, 0 for padding;
            ``mask``: (N, L) int32, 0 for padding; ``padded_place``: (T,) int64, the way back from (N × L).
        """
        tokens, mask = padded(prepared)
        padded_place = np.flatnonzero(mask)
        place = np.zeros(mask.shape, np.int64)
        place.ravel()[padded_place] = np.arange(len(padded_place))
        positions = padded_place % mask.shape[1]
        return {
            "tokens": tokens.ravel()[padded_place],
            "positions": positions,
            "place": place,
            "mask": mask,
            "padded_place": padded_place,
        }


def padded(prepared: Sequence[Int64]) -> tuple[Int64, npt.NDArray[np.int32]]:
    """Lays texts below each other, padded to the longest of them.

    Args:
        prepared: N arrays of (L,) int64, N ≥ 1.

    Returns:
        (N, longest L) int64, and as many int32 of which 1 tells a word piece from padding.
    """
    lengths = np.array([len(pieces) for pieces in prepared])
    mask = np.arange(lengths.max()) < lengths[:, None]
    tokens = np.zeros(mask.shape, np.int64)
    tokens[mask] = np.concatenate(prepared)
    return tokens, mask.astype(np.int32)
