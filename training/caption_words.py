"""Frequent words of captions, as labels that are learnt beside the given ones.

Given labels name a few things; captions say more, though never everything that is to be seen: noisy labels, in great number.
Decides which words count and how they join given labels. What joins is for methods alone: validation, evaluation, audit and
calibration keep to given labels.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from model.codes import UInt8


@dataclass(frozen=True, eq=False)
class CaptionWords:
    """What a split's captions say.

    Attributes:
        words: (W) words, in alphabetical order.
        present: (N, W) uint8, multi-hot, which captions have them.
        label_of: (W) column of the given label that a word equals; −1 for none.
    """

    words: tuple[str, ...]
    present: UInt8
    label_of: tuple[int, ...]

    def join(self, given_labels: UInt8) -> UInt8:
        """Joins the words to given labels.

        Args:
            given_labels: (N, C) uint8 of the split.

        Returns:
            (N, C + W') uint8: given labels, which a word that equals one adds to, and the other W' words.
        """
        joined, label_of = given_labels.copy(), np.array(self.label_of, np.int64)
        for word in np.flatnonzero(label_of >= 0):
            joined[:, label_of[word]] |= self.present[:, word]
        return np.concatenate([joined, self.present[:, label_of < 0]], axis=1)

    def facts(self) -> dict[str, Any]:
        """Returns what identifies them, JSON-able."""
        content = json.dumps([self.words, self.label_of]).encode() + self.present.tobytes()
        return {"n": len(self.words), "sha256": hashlib.sha256(content).hexdigest()}


def find_caption_words(
    texts: Sequence[str], label_names: Sequence[str], *, n_words: int, min_captions: int, max_share: float
) -> CaptionWords:
    """Finds the most frequent words of captions, but for English stop words.

    A plural is its singular where that is frequent itself.

    Args:
        texts: (N) captions of the training split.
        label_names: (C) names of given labels.
        n_words: At most so many.
        min_captions: Rarer words are passed over.
        max_share: So are words in a larger share of the captions: they tell nothing apart.

    Returns:
        The words; none where no word is frequent enough.
    """
    from sklearn.feature_extraction.text import CountVectorizer  # takes its time

    counts = CountVectorizer(stop_words="english", binary=True, min_df=min_captions)
    split = counts.build_analyzer()

    def frequent(text: str) -> list[str]:
        return [word for each in split(text) if (word := _singular(each, counts.vocabulary_)) in counts.vocabulary_]

    chosen = CountVectorizer(analyzer=frequent, binary=True, max_df=max_share, max_features=n_words)
    try:
        counts.fit(texts)
        present = chosen.fit_transform(texts)
    except ValueError:  # no word is within these bounds
        return CaptionWords((), np.zeros((len(texts), 0), np.uint8), ())
    words = tuple(map(str, chosen.get_feature_names_out()))
    column_of = {name.lower(): column for column, name in enumerate(label_names)}
    return CaptionWords(words, present.toarray().astype(np.uint8), tuple(column_of.get(word, -1) for word in words))


def _singular(word: str, known: Collection[str]) -> str:
    """Returns the known word that an English plural belongs to, or else the word itself."""
    candidates = [word[: -len(ending)] + other for ending, other in (("s", ""), ("es", ""), ("ies", "y")) if word.endswith(ending)]
    return next((candidate for candidate in candidates if candidate in known), word)
