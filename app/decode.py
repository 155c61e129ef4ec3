"""From uploaded bytes to a picture, within limits.

Decides which formats are accepted, how large a picture may be, how many pixels are decoded at once, and that a large JPEG is
decoded to a half, a quarter or an eighth of its size where that leaves enough. A picture's size is read from its header, before
anything is decoded. Does not know what the picture is for.
"""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from PIL import Image, ImageOps, UnidentifiedImageError

from model.errors import ImageTooLarge, UndecodableImage, UnsupportedMediaType
from model.preprocess import ImagePreprocess

T = TypeVar("T")

ACCEPTED = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
}
ENOUGH = ImagePreprocess().shortest_side
"""What the image backbones look at of the shorter side."""


def enough_for(encoder: object) -> int:
    """Returns the shorter side, pixels, that a JPEG may be decoded to for an encoder; some look at more pixels than others."""
    return max(ENOUGH, getattr(encoder, "shortest_side", 0))


_MPO = "MPO"  # what Pillow calls a JPEG with further pictures behind it, as some cameras write
# How files begin that are well-known but not accepted: they get a better answer than "cannot be decoded".
_OTHERS = {
    b"%PDF-": "PDF",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"II+\x00": "TIFF",
    b"MM\x00+": "TIFF",
    b"8BPS": "PSD",
    b"\x00\x00\x01\x00": "ICO",
    b"\x00\x00\x00\x0cjP  ": "JPEG 2000",
    b"\xff\x0a": "JPEG XL",
    b"\x00\x00\x00\x0cJXL ": "JPEG XL",
    b"qoif": "QOI",
    b"PK\x03\x04": "ZIP",
}
# What Pillow raises for damaged files differs from format to format; these are all that its documentation and code name.
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, struct.error, zlib.error)


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a picture's header says.

    Attributes:
        media_type: One of :data:`ACCEPTED`.
        width: Pixels.
        height: Pixels.
    """

    media_type: str
    width: int
    height: int


class PixelBudget:
    """Lets threads decode while the sum of their pictures' pixels stays within a number.

    Args:
        n_pixels: That number; a larger picture is let through alone.
    """

    def __init__(self, n_pixels: int) -> None:
        self._total = n_pixels
        self._free = n_pixels
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, n_pixels: int) -> Iterator[None]:
        """Waits for room and holds it.

        Args:
            n_pixels: Pixels of one picture.

        Yields:
            Nothing.
        """
        share = min(n_pixels, self._total)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= share)
            self._free -= share
        try:
            yield
        finally:
            with self._changed:
                self._free += share
                self._changed.notify_all()


class ImageDecoder:
    """Reads pictures within limits; safe in any thread.

    Args:
        max_bytes: Largest file, bytes.
        max_pixels: Largest picture, width × height.
        pixel_budget: Pixels of all pictures that are decoded at the same moment.
        enough: Shorter side, pixels, that a JPEG may be decoded to; 0 for its whole size. Codes change by that as much as by
            a crop that is one pixel off (``python -m bench.encode``), and decoding takes a third of the time.
    """

    def __init__(self, *, max_bytes: int, max_pixels: int, pixel_budget: int, enough: int = ENOUGH) -> None:
        self._enough = enough
        self._max_bytes = max_bytes
        self._max_pixels = max_pixels
        self._budget = PixelBudget(pixel_budget)

    def check_size(self, n_bytes: int) -> None:
        """Refuses a file that is too large.

        Args:
            n_bytes: Its size.

        Raises:
            ImageTooLarge: If it is larger than allowed.
        """
        if n_bytes > self._max_bytes:
            raise ImageTooLarge(f"the image has {n_bytes} bytes; at most {self._max_bytes} are allowed")

    def inspect(self, content: bytes) -> ImageFacts:
        """Reads a picture's header; decodes nothing.

        Args:
            content: The uploaded file.

        Returns:
            Its facts.

        Raises:
            ImageTooLarge: If it has more bytes or pixels than allowed.
            UnsupportedMediaType: If it is of a known format that is not accepted.
            UndecodableImage: If it is no picture, or its header is damaged.
        """
        self.check_size(len(content))
        with _opened(content) as image:
            return self._facts(image)

    def decode(self, content: bytes, use: Callable[[Image.Image], T]) -> tuple[ImageFacts, T]:
        """Decodes a picture (of an animation, the first frame) and hands it to a function while its pixels are accounted for.

        Args:
            content: The uploaded file.
            use: Takes the decoded picture.

        Returns:
            The picture's facts and what ``use`` returned.

        Raises:
            ImageTooLarge: If it has more bytes or pixels than allowed.
            UnsupportedMediaType: If it is of a known format that is not accepted.
            UndecodableImage: If it is no picture, or damaged.
        """
        self.check_size(len(content))
        with _opened(content) as image:
            facts = self._facts(image)
            with self._budget.hold(facts.width * facts.height):
                _load(image, self._enough)
                return facts, use(image)

    def _facts(self, image: Image.Image) -> ImageFacts:
        if image.width * image.height > self._max_pixels:
            raise ImageTooLarge(f"the image has {image.width} × {image.height} pixels; at most {self._max_pixels} are allowed")
        return ImageFacts(ACCEPTED["JPEG" if image.format == _MPO else str(image.format)], image.width, image.height)


def allow_pixels(max_pixels: int) -> None:
    """Sets Pillow up for the whole process; for the composition root.

    Pictures are judged by :class:`ImageDecoder` from their headers. Pillow's own limit is raised where it is lower, so that it is
    not in the way, and what it would only warn of is an error; its other warnings, about damaged metadata, are not logged.

    Args:
        max_pixels: Largest picture, width × height.
    """
    Image.MAX_IMAGE_PIXELS = max(max_pixels, Image.MAX_IMAGE_PIXELS or 0)
    warnings.filterwarnings("ignore", module=r"PIL\.")
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def _opened(content: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(content), formats=list(ACCEPTED))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError, MemoryError) as error:
        raise ImageTooLarge("the image has more pixels than allowed") from error
    except UnidentifiedImageError as error:
        raise _unidentified(content) from error
    except _DAMAGED as error:
        raise UndecodableImage("the image's header is damaged") from error


def _load(image: Image.Image, enough: int) -> None:
    try:
        if enough:
            image.draft(None, (enough, enough))  # of the accepted formats JPEG alone can; the others do nothing
        image.load()
        ImageOps.exif_transpose(image, in_place=True)  # here, because damaged orientation data shows only when it is read
    except (Image.DecompressionBombWarning, Image.DecompressionBombError, MemoryError) as error:
        raise ImageTooLarge("the image unpacks to more than is allowed") from error
    except _DAMAGED as error:
        raise UndecodableImage("the image is damaged or incomplete") from error


def _unidentified(content: bytes) -> UndecodableImage | UnsupportedMediaType:
    accepted = "JPEG, PNG, WebP, GIF and BMP are"
    for start, name in _OTHERS.items():
        if content.startswith(start):
            return UnsupportedMediaType(f"{name} is not accepted; {accepted}")
    if content[4:8] == b"ftyp":
        return UnsupportedMediaType(f"AVIF, HEIF and videos are not accepted; {accepted}")
    if b"<svg" in content[:1024]:
        return UnsupportedMediaType(f"SVG is not accepted; {accepted}")
    return UndecodableImage("the bytes are no picture")
