"""Small pictures for the page, as addresses that carry the picture.

Decides their size. Does not know the page.
"""

from __future__ import annotations

import base64
import io

from PIL import ImageOps

from training.datasets import FeaturePairs, PairDataset

_EDGE, _QUALITY = 224, 72  # pixels, of the longer side; about 9 kB each


class Thumbnails:
    """Pictures and texts of a split, as far as it has any.

    Args:
        pairs: The split.
    """

    def __init__(self, pairs: PairDataset | FeaturePairs) -> None:
        self._pairs = pairs

    def picture(self, row: int) -> str:
        """Returns the picture of a pair, made small.

        Args:
            row: Position in the split.

        Returns:
            A ``data:`` address of a JPEG; "" if the data set has features instead of pictures.

        Raises:
            DatasetError: If the picture cannot be decoded.
        """
        if isinstance(self._pairs, FeaturePairs):
            return ""
        small = ImageOps.exif_transpose(self._pairs.image(row)).convert("RGB")
        small.thumbnail((_EDGE, _EDGE))
        file = io.BytesIO()
        small.save(file, "JPEG", quality=_QUALITY, optimize=True)
        return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()

    def text(self, row: int) -> str:
        """Returns the text of a pair.

        Args:
            row: Position in the split.

        Returns:
            The text; "" if the data set has features instead of texts.
        """
        return "" if isinstance(self._pairs, FeaturePairs) else self._pairs.texts[row]
