"""What a backbone promises: frozen, pretrained, the same features for the same input everywhere.

Decides the steps: prepare → extract where features are wanted, prepare → inputs where a graph is run. Does not know codes or heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

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


class Preparation(Protocol):
    """What a graph needs done to raw input before it: the part of a backbone that needs no torch.

    Attributes:
        preprocessing: As :attr:`Backbone.preprocessing`; must be the one that the head was trained on.
    """

    preprocessing: dict[str, Any]

    def prepare(self, raw: Any) -> npt.NDArray[np.generic]:
        """Brings one raw input (a Pillow image, or a string) into a small array; safe in any thread.

        Args:
            raw: One picture or one text.

        Returns:
            What :meth:`inputs` takes.
        """
        ...

    def inputs(self, prepared: Sequence[npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """Joins prepared inputs into those of one run of a graph.

        Args:
            prepared: N results of :meth:`prepare`, N ≥ 1.

        Returns:
            Arrays by the graph's names for them.
        """
        ...
