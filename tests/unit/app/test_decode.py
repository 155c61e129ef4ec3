import io
import struct
import threading
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.decode import ENOUGH, ImageDecoder, PixelBudget, allow_pixels
from model.errors import ImageTooLarge, InputError, UndecodableImage, UnsupportedMediaType
from model.preprocess import ImagePreprocess
from tests.builders import picture

DECODER = ImageDecoder(max_bytes=100_000, max_pixels=10_000, pixel_budget=20_000)


def decoded(content: bytes) -> Image.Image:
    return DECODER.decode(content, lambda image: image.copy())[1]


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises a size and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(b""))


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp"), ("GIF", "image/gif"), ("BMP", "image/bmp")],
)
def test_accepted_formats(kind, media_type):
    facts = DECODER.inspect(picture(kind=kind, size=(20, 10)))
    assert (facts.media_type, facts.width, facts.height) == (media_type, 20, 10)
    assert decoded(picture(kind=kind, size=(20, 10))).size == (20, 10)


@pytest.mark.parametrize("kind", ["TIFF", "ICO", "PDF", "JPEG2000", "AVIF"])
def test_known_formats_that_are_not_accepted(kind):
    with pytest.raises(UnsupportedMediaType):
        DECODER.inspect(picture(kind=kind, size=(20, 20)))


def test_svg_is_not_accepted():
    with pytest.raises(UnsupportedMediaType, match="SVG"):
        decoded(b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>')


@pytest.mark.parametrize("content", [b"", b"hello", b"\x00" * 100, b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])
def test_what_is_no_picture(content):
    with pytest.raises(UndecodableImage):
        decoded(content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
def test_a_truncated_picture_is_undecodable_though_its_header_is_fine(kind):
    noise = Image.effect_noise((64, 64), 80).convert("RGB")
    buffer = io.BytesIO()
    noise.save(buffer, kind)
    half = buffer.getvalue()[: len(buffer.getvalue()) // 2]
    with pytest.raises(UndecodableImage):
        decoded(half)


@pytest.mark.parametrize("size", [(101, 100), (40_000, 40_000), (2**31 - 1, 2**31 - 1)])
def test_too_many_pixels_are_refused_by_the_header_alone(size):
    with pytest.raises(ImageTooLarge):
        DECODER.inspect(png_header(*size))


def test_too_many_bytes_are_refused_unread():
    with pytest.raises(ImageTooLarge, match="100001 bytes"):
        decoded(b"x" * 100_001)


def test_the_orientation_is_applied():
    image = Image.new("RGB", (20, 10))
    image.getexif()[0x0112] = 6
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=image.getexif())
    assert decoded(buffer.getvalue()).size == (10, 20)


def test_of_an_animation_the_first_frame_counts():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    assert decoded(buffer.getvalue()).convert("RGB").getpixel((0, 0)) == (255, 0, 0)


@given(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "BMP"]), st.data())
def test_a_damaged_file_is_a_picture_or_an_input_error(kind, data):
    content = bytearray(picture(kind=kind))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded(bytes(content))
    except InputError as error:
        assert str(error)  # noqa: PT017 - either outcome is right


def test_pictures_wait_until_there_is_room_for_their_pixels():
    budget, entered = PixelBudget(100), threading.Event()

    def second() -> None:
        with budget.hold(60):
            entered.set()

    thread = threading.Thread(target=second)
    with budget.hold(60):
        thread.start()
        assert not entered.wait(0.05)
    assert entered.wait(10)
    thread.join()


def test_a_picture_larger_than_the_budget_goes_alone():
    budget = PixelBudget(100)
    with budget.hold(1000):
        pass
    with budget.hold(100):
        pass


def test_a_decoder_leaves_the_process_wide_limit_alone_and_allow_pixels_never_lowers_it():
    before = Image.MAX_IMAGE_PIXELS
    ImageDecoder(max_bytes=10, max_pixels=1, pixel_budget=1)
    allow_pixels(1)
    assert before == Image.MAX_IMAGE_PIXELS


def jpeg(size, **options):
    """Broad stripes, which scaling leaves alone, as a JPEG."""
    stripes = Image.linear_gradient("L").resize(size).convert(options.pop("mode", "RGB"))
    buffer = io.BytesIO()
    stripes.save(buffer, "JPEG", quality=95, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((511, 900), (511, 900)),
        ((512, 512), (256, 256)),
        ((1024, 768), (512, 384)),
        ((1030, 4000), (258, 1000)),
        ((2048, 2050), (256, 257)),
    ],
)
def test_a_large_jpeg_is_decoded_to_what_is_enough(size, wanted):
    decoder = ImageDecoder(max_bytes=10_000_000, max_pixels=10_000_000, pixel_budget=10_000_000)
    facts, image = decoder.decode(jpeg(size), lambda image: image.copy())
    assert ((facts.width, facts.height), image.size) == (size, wanted)
    whole = ImageDecoder(max_bytes=10_000_000, max_pixels=10_000_000, pixel_budget=10_000_000, enough=0)
    assert whole.decode(jpeg(size), lambda image: image.size)[1] == size


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"mode": "L"}, {"mode": "CMYK"}, {"subsampling": 0}])
@pytest.mark.parametrize("orientation", [1, 6])
def test_what_is_seen_of_a_large_jpeg_hardly_changes(options, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = jpeg((1024, 768), exif=exif, **options)
    limits = {"max_bytes": 10_000_000, "max_pixels": 10_000_000, "pixel_budget": 10_000_000}
    seen = [ImageDecoder(**limits, enough=n).decode(content, ImagePreprocess().to_pixels)[1] for n in (0, ENOUGH)]
    assert seen[0].shape == seen[1].shape == (224, 224, 3)
    assert np.abs(seen[0].astype(int) - seen[1]).max() <= 3
