"""What is kept of a text or a picture: its code, and behind it how familiar it is.

Decides the form of an entry of the code cache. A calibration may be made anew while codes stay as they are, so an entry says which
measure of familiarity it holds; what another one has measured is missing to a search, which has it made anew. An entry with a code
alone is what earlier versions wrote, and what bundles without that measure have. Does not know where entries live.

    packed code · 4 bytes that name the measure · familiarity in millionths, 4 bytes, little-endian
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence

from app.cache.base import N_BEHIND, CodeCache, Modality
from app.encoder import Encoded
from model.codes import Float32
from model.familiarity import Familiarity

_FORM = 1  # of what lies behind a code
_MILLION = 1_000_000
_BEHIND = struct.Struct("<4sI")


class CodeEntries:
    """Writes and reads entries of the code cache.

    Args:
        cache: Where they are.
        n_bytes: Of a packed code.
        measures: How familiarity is measured, by modality; of modalities that are absent it is not known.
    """

    def __init__(self, cache: CodeCache, n_bytes: int, measures: Mapping[Modality, Familiarity]) -> None:
        self._cache = cache
        self._n_bytes = n_bytes
        self._measures = dict(measures)
        self._marks = {modality: _mark(measure) for modality, measure in measures.items()}

    def are_measured(self, modality: Modality) -> bool:
        """Tells whether it is known how familiar things are.

        Args:
            modality: Texts or pictures.

        Returns:
            Whether :meth:`written` takes features.
        """
        return modality in self._measures

    def written(self, modality: Modality, codes: Sequence[bytes], features: Float32 | None) -> list[bytes]:
        """Makes entries.

        Args:
            modality: Of what the codes were made from.
            codes: N packed codes.
            features: (N, feature_dim) float32, or None if familiarity is not measured.

        Returns:
            N entries.
        """
        if features is None:
            return list(codes)
        mark = self._marks[modality]
        shares = (self._measures[modality].shares(features) * _MILLION).round().astype(int).clip(1, _MILLION).tolist()
        return [code + _BEHIND.pack(mark, share) for code, share in zip(codes, shares, strict=True)]

    def read(self, modality: Modality, entry: bytes, *, cached: bool = False) -> Encoded:
        """Reads an entry.

        Args:
            modality: Of what its code was made from.
            entry: From :meth:`written`, or from the cache.
            cached: Whether it is from the cache.

        Returns:
            The code, and how familiar that is, if this measure has told it.
        """
        n_bytes = self._n_bytes
        if len(entry) == n_bytes + N_BEHIND:
            mark, share = _BEHIND.unpack_from(entry, n_bytes)
            if mark == self._marks.get(modality):
                return Encoded(entry[:n_bytes], cached, share / _MILLION)
        return Encoded(entry[:n_bytes], cached)

    async def found(self, modality: Modality, key: str) -> Encoded | None:
        """Looks up one text or picture for a search.

        Args:
            modality: Which of both.
            key: Its cache key.

        Returns:
            What the cache knows; None if it is not all that can be known.
        """
        [entry] = await self._cache.get_many([key])
        if entry is None:
            return None
        read = self.read(modality, entry, cached=True)
        return None if read.familiarity is None and modality in self._marks else read

    async def found_many(self, modality: Modality, keys: Sequence[str], *, is_search: bool) -> dict[str, Encoded]:
        """Looks up texts or pictures.

        Args:
            modality: Which of both.
            keys: Their cache keys.
            is_search: Whether a code alone is not enough where more can be known.

        Returns:
            What the cache knows by key, of those that were found.
        """
        entries = await self._cache.get_many(keys)
        read = {key: self.read(modality, entry, cached=True) for key, entry in zip(keys, entries, strict=True) if entry is not None}
        wants_all = is_search and modality in self._marks
        return {key: one for key, one in read.items() if not (wants_all and one.familiarity is None)}


def _mark(measure: Familiarity) -> bytes:
    """Names a measure; what its features are called changes nothing."""
    facts = {name: value for name, value in measure.to_facts().items() if name != "value"}
    return hashlib.sha256(json.dumps([_FORM, facts], sort_keys=True).encode()).digest()[:4]
