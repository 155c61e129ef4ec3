"""What the service needs of an encoder, and what it makes of that.

Decides nothing. Does not know what encoders are made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from model.codes import Float32


class Encoder(Protocol):
    """What the service needs of a :class:`model.graph_encoder.GraphEncoder`."""

    @property
    def n_bits(self) -> int:
        """Bits of one code."""
        ...

    def prepare(self, raw: Any) -> Any:
        """Brings one Pillow image or one text into the form :meth:`encode` takes; safe in any thread.

        Args:
            raw: A Pillow image, or a string.

        Returns:
            What :meth:`encode` takes.
        """
        ...

    def encode(self, prepared: Sequence[Any]) -> Float32:
        """Encodes a batch; one call at a time.

        Args:
            prepared: N results of :meth:`prepare`.

        Returns:
            (N, n_bits) float32 in [−1, 1], the relaxed codes.
        """
        ...

    def encode_with_features(self, prepared: Sequence[Any]) -> tuple[Float32, Float32]:
        """Encodes a batch as :meth:`encode` does; asked of encoders that were opened to show features.

        Args:
            prepared: N results of :meth:`prepare`, N ≥ 1.

        Returns:
            The relaxed codes, and (N, feature_dim) float32 features.
        """
        ...


@dataclass(frozen=True, slots=True)
class Encoded:
    """A code and where it came from.

    Attributes:
        code: Packed code, n_bits / 8 bytes.
        cached: Whether it was found in the cache.
        familiarity: How familiar what it was made from is, in (0, 1] (:mod:`model.familiarity`); None where nobody knows.
    """

    code: bytes
    cached: bool
    familiarity: float | None = None
