"""Pictures as the graphs of the EfficientNet backbones take them: bytes, which the graph itself normalises.

Decides the form of the graph's input. Does not know the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from model.codes import UInt8
from model.preprocess import ImagePreprocess


class Pixels:
    """Crops and scales; a prepared picture is a quarter of the floats it becomes."""

    def __init__(self) -> None:
        self._preprocess = ImagePreprocess()
        self.preprocessing: dict[str, Any] = asdict(self._preprocess)

    def prepare(self, raw: Image.Image) -> UInt8:
        """Crops and scales a picture.

        Args:
            raw: Any Pillow image.

        Returns:
            (224, 224, 3) uint8.
        """
        return self._preprocess.to_pixels(raw)

    def inputs(self, prepared: Sequence[UInt8]) -> dict[str, npt.NDArray[Any]]:
        """Joins pictures.

        Args:
            prepared: N arrays of (224, 224, 3) uint8, N ≥ 1.

        Returns:
            ``pixels``: (N, 224, 224, 3) uint8.
        """
        return {"pixels": np.stack(prepared)}
