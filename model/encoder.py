"""One modality's way from raw input to relaxed codes: a frozen backbone and a trained head.

Decides that features never leave this file at serving time. Does not know batching, caching or limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from model.backbones.base import Backbone
from model.codes import Float32
from model.heads import HashHead

_BLOCK_ROWS = 4096


class TorchEncoder:
    """Encodes images or texts.

    Args:
        backbone: Gives features.
        head: Gives relaxed codes from features.
    """

    def __init__(self, backbone: Backbone, head: HashHead) -> None:
        self._backbone = backbone
        self._head = head.eval()

    @property
    def n_bits(self) -> int:
        """Bits of one code."""
        return self._head.n_bits

    def prepare(self, raw: Any) -> Any:
        """Brings one picture or text into the form :meth:`encode` takes; safe in any thread.

        Args:
            raw: A Pillow image, or a string.

        Returns:
            What the backbone takes.

        Raises:
            EmptyText: If a text has nothing left after normalisation.
        """
        return self._backbone.prepare(raw)

    def encode(self, prepared: Sequence[Any]) -> Float32:
        """Encodes a batch in one forward pass.

        Args:
            prepared: N results of :meth:`prepare`, N ≥ 0.

        Returns:
            (N, n_bits) float32 in [−1, 1], the relaxed codes.
        """
        return self.encode_features(self._backbone.extract(prepared))

    def encode_features(self, features: Float32) -> Float32:
        """Encodes features that the backbone gave earlier.

        Args:
            features: (N, feature_dim) float32.

        Returns:
            (N, n_bits) float32 in [−1, 1], the relaxed codes.
        """
        return encode_features(self._head, features)


def encode_features(head: HashHead, features: Float32) -> Float32:
    """Encodes features by a head, some thousand rows at a time, so that they may be memory-mapped and larger than memory.

    Args:
        head: Trained.
        features: (N, feature_dim) float32, N ≥ 0.

    Returns:
        (N, n_bits) float32 in [−1, 1], the relaxed codes; the same whatever the block size.
    """
    codes = np.empty((len(features), head.n_bits), np.float32)
    with torch.inference_mode():
        for start in range(0, len(features), _BLOCK_ROWS):
            block = slice(start, start + _BLOCK_ROWS)
            codes[block] = head(torch.tensor(features[block])).numpy()
    return codes
