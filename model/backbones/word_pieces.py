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
        """Joins texts, padded to the longest of them.

        Args:
            prepared: N arrays of (L,) int64, N ≥ 1.

        Returns:
            ``tokens``: (N, longest L) int64; ``mask``: the same shape, int32, 1 where there is a word piece.
        """
        shape = (len(prepared), max(map(len, prepared)))
        tokens, mask = np.zeros(shape, np.int64), np.zeros(shape, np.int32)
        for row, pieces in enumerate(prepared):
            tokens[row, : len(pieces)], mask[row, : len(pieces)] = pieces, 1
        return {"tokens": tokens, "mask": mask}
