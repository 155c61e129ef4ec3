"""What a backbone promises: frozen, pretrained, the same features for the same input everywhere.

Decides the three steps prepare → extract. Does not know codes or heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from model.codes import Float32


class Backbone(Protocol):
    """A frozen feature extractor for one modality.

    Attributes:
        name: Key in the table of backbones.
        feature_dim: Width of a feature vector.
        weights_digest: sha256 (hex) over everything that determines the features besides the input.
        preprocessing: How raw input is prepared, as JSON-able facts for a bundle's manifest; covered by the digest.
    """

    name: str
    feature_dim: int
    weights_digest: str
    preprocessing: dict[str, Any]

    def prepare(self, raw: Any) -> Any:
        """Brings one raw input (a Pillow image, or a string) into the form :meth:`extract` takes; safe in any thread.

        Args:
            raw: One picture or one text.

        Returns:
            What :meth:`extract` takes.
        """
        ...

    def extract(self, prepared: Sequence[Any]) -> Float32:
        """Returns features of a batch.

        Args:
            prepared: N results of :meth:`prepare`, N ≥ 0.

        Returns:
            (N, feature_dim) float32.
        """
        ...
