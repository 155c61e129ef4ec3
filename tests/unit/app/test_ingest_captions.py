import io
import struct

import pytest
from PIL import Image

from app.ingest_captions import read_json, read_text, written_into
from model.errors import InputError
from tests.builders import picture
from tests.hostile_images import hostile_images


def jpeg(description=None, iptc=b""):
    """Returns a JPEG with EXIF's description and IPTC's records."""
    exif, buffer = Image.Exif(), io.BytesIO()
    if description is not None:
        exif[0x010E] = description
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", exif=exif)
    block = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + struct.pack(">I", len(iptc)) + iptc + b"\x00" * (len(iptc) % 2)
    marker = b"\xff\xed" + struct.pack(">H", len(block) + 2) + block if iptc else b""
    return buffer.getvalue()[:2] + marker + buffer.getvalue()[2:]


def iptc_record(number, content, of=2):
    return struct.pack(">BBBH", 0x1C, of, number, len(content)) + content


@pytest.mark.parametrize(
    ("content", "caption"),
    [
        (jpeg("A dog"), "A dog"),
        (jpeg("~~ber allem").replace(b"~~", "Ü".encode()), "Über allem"),
        (jpeg("~ber allem").replace(b"~", "Ü".encode("latin-1")), "Über allem"),
        (jpeg("  \x00 "), None),
        (jpeg("OLYMPUS DIGITAL CAMERA"), None),
        (jpeg("of EXIF", iptc_record(120, b"of IPTC")), "of IPTC"),
        (jpeg(None, iptc_record(90, b"\x1b%G", 1) + iptc_record(120, "Ä".encode())), "Ä"),
        (jpeg(None, iptc_record(120, "Ä".encode("latin-1"))), "Ä"),
        (jpeg("of EXIF", iptc_record(5, b"a title")), "of EXIF"),
        (picture(), None),
        (b"no picture", None),
    ],
)
def test_a_caption_is_read_out_of_the_picture(content, caption):
    assert written_into(content) == caption


def test_pictures_that_mean_harm_have_captions_or_none_and_nothing_is_raised():
    found = {name: written_into(case.content) for name, case in hostile_images().items()}
    assert all(text is None or isinstance(text, str) for text in found.values())


@pytest.mark.parametrize(("content", "text"), [(b"\xef\xbb\xbf a cat\r\n", "a cat"), (b" \n", None), ("Ä".encode(), "Ä")])
def test_a_caption_beside_a_picture_is_utf_8(content, text):
    assert read_text(content) == text


@pytest.mark.parametrize("read", [read_text, read_json])
def test_what_is_not_utf_8_is_told(read):
    with pytest.raises(InputError, match=r"not UTF-8|cannot be read"):
        read(b"\xe9")


def test_json_beside_a_picture_is_an_object():
    assert read_json(b'{"text": "x"}') == {"text": "x"}
    for content in (b"[1]", b"{", b"[" * 100_000):
        with pytest.raises(InputError, match="JSON beside"):
            read_json(content)
