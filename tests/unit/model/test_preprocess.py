"""From pictures in any mode to known numbers, and the laws of normalised text."""

from __future__ import annotations

import io
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from model.errors import EmptyText, UndecodableImage
from model.preprocess import ImagePreprocess, normalise_text, to_rgb

ROOT = Path(__file__).resolve().parents[3]
GREYS = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
UPRIGHT = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).T,
    8: np.rot90,
}


def stored(image: Image.Image, **options: object) -> Image.Image:
    """Returns a picture as it comes back from a PNG file."""
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return Image.open(io.BytesIO(file.getvalue()))


def colour(image: Image.Image) -> object:
    rgb = to_rgb(image)
    assert rgb.mode == "RGB"
    return rgb.getpixel((0, 0))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = np.asarray(to_rgb(stored(Image.fromarray(GREYS), exif=exif)))
    np.testing.assert_array_equal(found[:, :, 0], UPRIGHT[orientation](GREYS))


def test_damaged_orientation_data_are_the_pictures_fault() -> None:
    with pytest.raises(UndecodableImage, match="orientation data are damaged"):
        to_rgb(stored(Image.fromarray(GREYS), exif=b"garbage garbage"))


@pytest.mark.parametrize(
    ("mode", "value", "wanted"),
    [
        ("1", 1, (255, 255, 255)),
        ("L", 77, (77, 77, 77)),
        ("LA", (77, 255), (77, 77, 77)),
        ("LA", (77, 0), (255, 255, 255)),
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("CMYK", (0, 0, 0, 0), (255, 255, 255)),
        ("CMYK", (255, 0, 255, 0), (0, 255, 0)),
        ("CMYK", (0, 0, 0, 255), (0, 0, 0)),
        ("YCbCr", (128, 128, 128), (128, 128, 128)),
    ],
)
def test_every_mode_becomes_the_colour_one_sees(mode: str, value: object, wanted: object) -> None:
    assert colour(Image.new(mode, (2, 2), value)) == wanted


def test_half_transparent_means_half_white() -> None:
    assert colour(Image.new("RGBA", (1, 1), (0, 0, 0, 128))) == pytest.approx((127, 127, 127), abs=1)


@pytest.mark.parametrize(("mode", "shape"), [("RGBA", (1_700, 900, 4)), ("LA", (2_500, 500, 2))])
def test_a_large_transparent_picture_is_laid_on_white_without_seams(mode: str, shape: tuple[int, ...]) -> None:
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, shape, np.uint8), mode)
    layered = picture.convert("RGBA")
    white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
    whole = Image.alpha_composite(white, layered).convert("RGB")
    np.testing.assert_array_equal(np.asarray(to_rgb(picture)), np.asarray(whole))


def test_laying_a_picture_on_white_needs_little_more_memory_than_the_picture_itself() -> None:
    script = """if True:
        import resource
        from PIL import Image
        from model.preprocess import to_rgb
        peak_mib = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        picture = Image.new("RGBA", (5_000, 3_200), (1, 2, 3, 4))
        to_rgb(picture.crop((0, 0, 9, 9)))
        before = peak_mib()
        to_rgb(picture)
        print(peak_mib() - before)"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert float(ran.stdout) < 1.5 * 5_000 * 3_200 * 4 / 2**20


def test_palettes_are_looked_up_and_their_transparent_entry_is_white() -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 200, 100, 0])
    palette.putpixel((1, 0), 1)
    found = to_rgb(stored(palette, transparency=0))
    assert [found.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (200, 100, 0)]
    assert colour(stored(palette)) == (10, 20, 30)


def test_a_transparent_colour_key_is_white() -> None:
    found = to_rgb(stored(Image.fromarray(GREYS), transparency=40))
    np.testing.assert_array_equal(np.asarray(found)[0, :, 0], [0, 255, 80])


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_sixteen_bits_are_scaled_to_eight_not_clipped(dtype: type) -> None:
    grey = np.array([[0, 255, 256, 30_000, 65_535]], dtype)
    found = np.asarray(to_rgb(Image.fromarray(grey)))
    np.testing.assert_array_equal(found[0, :, 0], [0, 0, 1, 117, 255])


@pytest.mark.parametrize("value", [0, 127, 255])
def test_one_colour_becomes_one_known_number_a_channel(value: int) -> None:
    found = ImagePreprocess().to_array(Image.new("RGB", (300, 200), (value, 0, 255)))
    assert (found.shape, found.dtype, found.flags.c_contiguous) == ((3, 224, 224), np.float32, True)
    for channel, pixel in zip(found, (value, 0, 255), strict=True):
        np.testing.assert_array_equal(channel, np.float32((pixel - 127) / 128))


@pytest.mark.parametrize(("width", "height"), [(256, 256), (400, 256), (256, 999)])
def test_a_picture_of_the_right_size_is_only_cropped_in_the_centre(width: int, height: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    left, top = (width - 224) // 2, (height - 224) // 2
    wanted = (pixels[top : top + 224, left : left + 224].astype(np.float32) - 127) / 128
    np.testing.assert_array_equal(ImagePreprocess().to_array(Image.fromarray(pixels)), wanted.transpose(2, 0, 1))


def test_what_lies_outside_of_the_centre_is_not_seen() -> None:
    framed = Image.new("RGB", (512, 512), (255, 0, 0))
    framed.paste((0, 0, 0), (24, 24, 488, 488))
    np.testing.assert_array_equal(ImagePreprocess().to_array(framed), np.float32(-127 / 128))


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 3000), (3000, 1), (5, 4), (2000, 7)])
def test_tiny_and_extreme_shapes_fit(size: tuple[int, int]) -> None:
    found = ImagePreprocess().to_array(Image.new("RGB", size, (255, 255, 255)))
    np.testing.assert_array_equal(found, np.full((3, 224, 224), 1.0, np.float32))


@given(st.text())
@example("a\u200b\u0301")
@example("\u1100\x00\u1161")
def test_normalising_twice_is_normalising_once(text: str) -> None:
    try:
        once = normalise_text(text)
    except EmptyText:
        return
    assert normalise_text(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert once == once.strip() != ""
    assert not set(once) & set("\n\t\r\x00\u00a0\u2028")
    assert "  " not in once


@given(st.text())
def test_composed_and_decomposed_texts_are_one(text: str) -> None:
    forms = [normalise_text("x" + unicodedata.normalize(form, text)) for form in ("NFC", "NFD")]
    assert forms[0] == forms[1]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("  a \t red\n\ncat ", "a red cat"),
        ("a\u00a0b\u2003c\u3000d", "a b c d"),
        ("nul\x00byte", "nul byte"),
        ("cafe\u0301", "café"),
        ("Case Stays!", "Case Stays!"),
    ],
)
def test_texts_in_their_one_form(text: str, wanted: str) -> None:
    assert normalise_text(text) == wanted


@pytest.mark.parametrize("emoji", ["👩‍🚀", "👨‍👩‍👧‍👦", "❤️", "🏳️‍🌈", "👍🏽", "🇦🇶", "1️⃣", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"])
def test_emoji_keep_what_holds_them_together(emoji: str) -> None:
    assert normalise_text(f" {emoji}  up ") == f"{emoji} up"


@pytest.mark.parametrize(
    "text", ["", " ", "\n\t", "\x00\x07", "\u200b", "\u200d", " \u200d \u200d", "\u3000", "\ufeff", "\ud800", "\U000e0067"]
)
def test_nothing_to_read_is_no_text(text: str) -> None:
    with pytest.raises(EmptyText):
        normalise_text(text)
