"""From what a caller has to what a backbone takes, the same at training and at serving.

Decides orientation, transparency, crop, scale and text normalisation. Does not know limits on uploads (``app.decode``).
"""

from __future__ import annotations

import math
import struct
import unicodedata
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image, ImageOps

from model.codes import Float32, UInt8
from model.errors import EmptyText, UndecodableImage

_DAMAGED_EXIF = (SyntaxError, OSError, ValueError, struct.error)  # what Pillow raises for it, from format to format
_TURNED = range(2, 9)
_STRIP = 1_000_000  # pixels
_JOINERS = "\u200d" + "".join(map(chr, range(0xE0020, 0xE0080)))  # the joiner and the tags that hold emoji sequences together


@dataclass(frozen=True, slots=True)
class ImagePreprocess:
    """How a picture becomes the array that an image backbone takes.

    Attributes:
        size: Side of the square result, pixels.
        crop_fraction: Share of the shorter side that the centre crop keeps, in (0, 1].
        mean: Subtracted from channel values in 0…255.
        scale: What the difference is divided by.
    """

    size: int = 224
    crop_fraction: float = 224 / 256
    mean: float = 127.0
    scale: float = 128.0

    @property
    def shortest_side(self) -> int:
        """A picture's shorter side, pixels, from which on more pixels only make the crop be scaled down further."""
        return math.ceil(self.size / self.crop_fraction)

    def to_array(self, image: Image.Image) -> Float32:
        """Crops the centre, scales bicubically and normalises.

        Args:
            image: Any picture Pillow can hold; see :func:`to_rgb` for orientation and transparency.

        Returns:
            (3, size, size) float32, channels first, (value − mean) / scale.
        """
        pixels = self.to_pixels(image).transpose(2, 0, 1).astype(np.float32, order="C")
        pixels -= self.mean
        pixels /= self.scale
        return pixels

    def to_pixels(self, image: Image.Image) -> UInt8:
        """Crops the centre and scales bicubically; does not normalise.

        Args:
            image: Any picture Pillow can hold; see :func:`to_rgb` for orientation and transparency.

        Returns:
            (size, size, 3) uint8.
        """
        rgb = to_rgb(image)
        side = max(1, round(min(rgb.size) * self.crop_fraction))
        left, top = (rgb.width - side) // 2, (rgb.height - side) // 2
        box = (left, top, left + side, top + side)
        return np.asarray(rgb.resize((self.size, self.size), Image.Resampling.BICUBIC, box=box))


def to_rgb(image: Image.Image) -> Image.Image:
    """Turns a picture upright by its EXIF orientation and lays transparent parts on white.

    Args:
        image: A picture in any mode.

    Returns:
        The same picture in mode RGB; the same object where nothing had to be done.

    Raises:
        UndecodableImage: If the orientation data are damaged.
    """
    try:
        image.load()
        is_turned = image.getexif().get(ExifTags.Base.Orientation, 1) in _TURNED
        upright = ImageOps.exif_transpose(image) if is_turned else image  # it would copy what it does not turn
    except _DAMAGED_EXIF as error:
        raise UndecodableImage(f"the picture's orientation data are damaged: {error}") from error
    if upright.mode.startswith(
        "I"
    ):  # 16 bits of grey, which Pillow would clip at 255; the high byte, as it takes of 16-bit colours
        return upright.point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if upright.has_transparency_data:
        return _on_white(upright)
    return upright if upright.mode == "RGB" else upright.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    """Lays a picture on white, strip by strip: all at once would need five times the memory of the picture."""
    whole = Image.new("RGB", image.size)
    n_rows = max(1, _STRIP // max(1, image.width))
    for top in range(0, image.height, n_rows):
        strip = image.crop((0, top, image.width, min(top + n_rows, image.height))).convert("RGBA")
        canvas = Image.new("RGBA", strip.size, (255, 255, 255, 255))
        whole.paste(Image.alpha_composite(canvas, strip).convert("RGB"), (0, top))
    return whole


def normalise_text(text: str) -> str:
    """Brings a text into the one form that is encoded and hashed: NFC, single spaces, no spaces around.

    Args:
        text: Any string.

    Returns:
        The normalised text, never empty.

    Raises:
        EmptyText: If nothing is left but white space and control characters.
    """
    # Category "C…" holds control, format and unassigned characters.
    visible = "".join(c if unicodedata.category(c)[0] != "C" or c in _JOINERS else " " for c in unicodedata.normalize("NFC", text))
    normalised = " ".join(visible.split())
    if not normalised.strip(_JOINERS + " "):
        raise EmptyText("nothing in the text can be read" if text.strip() else "the text is empty")
    return normalised
