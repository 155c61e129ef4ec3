"""Pictures that a service must survive, made here, each with its documented answer: status and kind of problem.

``docs/limits.md`` shows the same table. The service they are sent to allows 50 million pixels and 20 MiB, as by default.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image, ImageCms, PngImagePlugin


class Hostile(NamedTuple):
    """One case.

    Attributes:
        content: The file.
        status: Of the answer.
        slug: Kind of problem, or None for an ordinary answer.
    """

    content: bytes
    status: int
    slug: str | None


def fine(content: bytes) -> Hostile:
    return Hostile(content, 200, None)


def broken(content: bytes) -> Hostile:
    return Hostile(content, 422, "undecodable-image")


def large(content: bytes) -> Hostile:
    return Hostile(content, 413, "image-too-large")


def other(content: bytes) -> Hostile:
    return Hostile(content, 415, "unsupported-media-type")


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(mode: str = "RGB", size: tuple[int, int] = (64, 48)) -> Image.Image:
    return Image.effect_noise(size, 80).convert(mode)


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, *chunks: bytes, depth: int = 8, colour: int = 2, pixels: bytes | None = None) -> bytes:
    """Returns a PNG with any header; its pixels are those given, else none."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"" if pixels is None else pixels, 9))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + data + chunk(b"IEND", b"")


def gif(width: int, height: int, frame: tuple[int, int] = (1, 1), *, n_frames: int = 1) -> bytes:
    """Returns a GIF with any logical screen and frames of any size."""
    one = b"," + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x02\x02D\x01\x00"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\x00\x00\x00\xff\xff\xff" + one * n_frames + b";"


def bmp(width: int, height: int, *, bits: int = 24, compression: int = 0, offset: int = 54, content: bytes = b"") -> bytes:
    """Returns a BMP with any header."""
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(content), 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(content), 0, 0, offset) + header + content


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    """Returns a WebP of any chunks."""
    body = b"WEBP" + b"".join(
        name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2) for name, content in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_canvas(width: int, height: int) -> tuple[bytes, bytes]:
    """Returns the header of an extended WebP, with the flag for animation."""
    return b"VP8X", b"\x02\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def jpeg_sized(width: int, height: int) -> bytes:
    """Returns a JPEG whose header promises another size than it has."""
    content = saved(noise(), "JPEG")
    start = content.index(b"\xff\xc0") + 5
    return content[:start] + struct.pack(">HH", height, width) + content[start + 4 :]


def with_exif(block: bytes, kind: str = "JPEG") -> bytes:
    return saved(noise(), kind, exif=block)


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return with_exif(exif.tobytes())


def truncated() -> Iterator[tuple[str, Hostile]]:
    """Yields each format cut at several places, within its header and within its pixels."""
    for kind in ("JPEG", "PNG", "WEBP", "BMP", "GIF"):
        content = saved(noise(), kind)
        for percent in (1, 10, 50, 90):
            yield f"{kind} cut at {percent} %", broken(content[: max(2, len(content) * percent // 100)])


def bombs() -> Iterator[tuple[str, Hostile]]:
    """Yields small files that promise, or unpack to, enormous pictures."""
    yield "PNG header of 65535 × 65535", large(png(65_535, 65_535))
    yield "PNG header of 2³¹−1 × 2³¹−1", large(png(2**31 - 1, 2**31 - 1))
    yield "PNG header of 0 × 0", broken(png(0, 0))
    yield "PNG one row too large", large(png(50_000, 1_001))
    yield "PNG whose pixels unpack to 64 MiB more than it needs", fine(png(8, 8, pixels=b"\0" * (64 << 20)))
    yield "PNG of 49 million equal pixels", fine(png(7_000, 7_000, depth=1, colour=0, pixels=b"\0" * (876 * 7_000)))
    yield "PNG of 50 million pixels that lacks them", broken(png(10_000, 5_000))
    yield "GIF with a logical screen of 65535 × 65535", large(gif(65_535, 65_535))
    yield "GIF whose frame is larger than its screen", large(gif(1, 1, (65_535, 65_535)))
    yield "GIF of 20000 frames", fine(gif(8, 8, n_frames=20_000))
    yield "BMP header of 2³¹−1 × 2³¹−1", large(bmp(2**31 - 1, 2**31 - 1))
    yield "BMP of negative width", large(bmp(-5, 5))
    yield "BMP header of 100000 × −100000", large(bmp(100_000, -100_000))
    yield "BMP whose pixels begin behind its end", broken(bmp(4, 4, offset=2**31, content=b"\0" * 48))
    yield (
        "BMP run-length coded that ends at once",
        broken(bmp(60, 60, bits=8, compression=1, offset=1078, content=b"\0" * 1024 + b"\0\1")),
    )
    yield "WebP canvas of 16777216 × 16777216", large(webp(webp_canvas(2**24, 2**24)))
    yield "WebP canvas of 16384 × 16384", large(webp(webp_canvas(16_384, 16_384), (b"ANIM", b"\0" * 6)))
    yield "WebP without loss, header of 16384 × 16384", large(webp((b"VP8L", b"\x2f\xff\xff\xff\x0f" + b"\0" * 20)))
    yield "JPEG header of 65500 × 65500", large(jpeg_sized(65_500, 65_500))
    yield "JPEG header of 0 × 0", broken(jpeg_sized(0, 0))
    yield "1 × 65535", fine(saved(Image.new("RGB", (1, 65_535)), "PNG"))
    yield "65535 × 1", fine(saved(Image.new("L", (65_535, 1)), "PNG"))
    yield "1 × 1", fine(saved(Image.new("RGB", (1, 1)), "PNG"))


def unusual() -> Iterator[tuple[str, Hostile]]:
    """Yields pictures that are right, but not what one expects."""
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "green", "blue")]
    for kind in ("GIF", "WEBP", "PNG"):
        yield f"animated {kind}", fine(saved(frames[0], kind, save_all=True, append_images=frames[1:]))
    yield "CMYK JPEG", fine(saved(noise("CMYK"), "JPEG"))
    yield (
        "YCCK JPEG (Adobe marker)",
        fine(saved(noise("CMYK"), "JPEG", quality=95).replace(b"Adobe\0d\0\0\0\0\0", b"Adobe\0d\0\0\0\0\2")),
    )
    yield "grey JPEG", fine(saved(noise("L"), "JPEG"))
    yield "progressive JPEG", fine(saved(noise(), "JPEG", progressive=True))
    yield "JPEG with pictures behind it (MPO)", fine(saved(noise(), "MPO", save_all=True, append_images=[noise()]))
    yield "PNG of 16 bits of grey", fine(saved(Image.new("I;16", (32, 32), 40_000), "PNG"))
    yield "PNG of 1 bit", fine(saved(noise("1"), "PNG"))
    yield "PNG with alpha", fine(saved(noise("LA"), "PNG"))
    yield "PNG palette with transparency", fine(saved(noise("P"), "PNG", transparency=3))
    yield "PNG palette that is too short", fine(png(8, 8, chunk(b"PLTE", b"\1\2\3"), colour=3, pixels=(b"\0" + b"\xff" * 8) * 8))
    yield "PNG palette that is missing", fine(png(8, 8, colour=3, pixels=(b"\0" + b"\xff" * 8) * 8))
    for orientation in range(1, 9):
        yield f"EXIF orientation {orientation}", fine(turned(orientation))
    yield "EXIF orientation 99", fine(turned(99))


def damaged() -> Iterator[tuple[str, Hostile]]:
    """Yields damage beside the pixels, and floods of it."""
    yield "EXIF that is nothing", fine(with_exif(b"Exif\0\0nothing"))
    yield (
        "EXIF whose table points to itself",
        fine(with_exif(b"Exif\0\0II*\0\x08\0\0\0\1\0\x69\x87\4\0\1\0\0\0\x08\0\0\0\x08\0\0\0")),
    )
    yield "EXIF of 65000 entries that is too short", fine(with_exif(b"Exif\0\0MM\0*\0\0\0\x08\xfd\xe8" + b"\1" * 60))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    yield "ICC profile that is right", fine(saved(noise(), "JPEG", icc_profile=profile))
    yield "ICC profile that is noise", fine(saved(noise(), "JPEG", icc_profile=b"\xff" * 5_000))
    yield (
        "ICC profile packed 1000 : 1 in a PNG",
        broken(png(8, 8, chunk(b"iCCP", b"x\0\0" + zlib.compress(b"\0" * (8 << 20), 9)), pixels=PIXELS)),
    )
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "x" * (4 << 20))
    yield "PNG text of 4 MiB", fine(saved(noise(), "PNG", pnginfo=info))
    yield (
        "PNG text packed 1000 : 1",
        broken(png(8, 8, chunk(b"zTXt", b"x\0\0" + zlib.compress(b"\0" * (64 << 20), 9)), pixels=PIXELS)),
    )
    yield "PNG of 20000 texts", fine(png(8, 8, *[chunk(b"tEXt", b"k%d\0v" % number) for number in range(20_000)], pixels=PIXELS))
    yield (
        "PNG with a wrong checksum",
        broken(png(8, 8, pixels=PIXELS).replace(chunk(b"IEND", b"")[-4:], b"\0\0\0\0")[:-60] + b"\0" * 60),
    )
    yield "PNG whose pixels are no zlib", broken(png(8, 8).replace(zlib.compress(b"", 9), b"notzlib!"))
    yield "JPEG scan of zeros", fine(saved(noise(), "JPEG")[:700] + b"\0" * 20_000 + b"\xff\xd9")
    yield "JPEG without tables", broken(b"\xff\xd8\xff\xc0\0\x11\x08\0\x10\0\x10\3\1\x22\0\2\x11\1\3\x11\1\xff\xd9")


PIXELS = (b"\0" + b"\x7f" * 24) * 8


def impostors() -> Iterator[tuple[str, Hostile]]:
    """Yields other things than pictures, pictures of other formats, and files that are two things."""
    picture = saved(noise(), "PNG")
    yield "nothing at all", broken(b"")
    for name, magic in {
        "JPEG": b"\xff\xd8\xff",
        "PNG": b"\x89PNG\r\n\x1a\n",
        "GIF": b"GIF89a",
        "WebP": b"RIFF\0\0\0\0WEBP",
        "BMP": b"BM",
    }.items():
        yield f"{name} signature alone", broken(magic)
    yield "a megabyte of zeros", broken(b"\0" * (1 << 20))
    yield "a sentence", broken(b"a picture of a cat")
    for kind in ("TIFF", "ICO", "PDF", "JPEG2000", "AVIF"):
        yield kind, other(saved(noise(size=(32, 32)), kind))
    for kind in ("PPM", "TGA", "PCX", "SGI", "DDS", "ICNS", "EPS"):
        yield kind, broken(saved(noise(size=(32, 32)), kind))
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><image href="file:///etc/passwd"/></svg>'
    yield "SVG with a script", other(svg)
    yield "SVG behind an XML bomb", other(b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + svg)
    yield "HTML", broken(b"<html><script>alert(1)</script></html>")
    yield "HTML that is a GIF as well", broken(b"GIF89a/*<script>alert(1)</script>*/=1;")
    yield "PNG with HTML behind it", fine(picture + b"<script>alert(1)</script>")
    yield "JPEG with a ZIP behind it", fine(saved(noise(), "JPEG") + b"PK\x03\x04" + b"\0" * 200)
    yield "PDF with a JPEG in it", other(b"%PDF-1.4\n" + saved(noise(), "JPEG") + b"\n%%EOF")
    yield "JPEG with a PDF in its comment", fine(saved(noise(), "JPEG", comment=b"%PDF-1.4 1 0 obj <</Type/Catalog>> endobj"))
    yield "ZIP", other(b"PK\x03\x04" + b"\0" * 100)
    yield "ELF program", broken(b"\x7fELF\x02\x01\x01" + b"\0" * 100)
    yield "one byte too many", large(picture + b"\0" * (20 * 1024 * 1024 + 1 - len(picture)))


def hostile_images() -> dict[str, Hostile]:
    """Returns every case by its name."""
    return dict([*truncated(), *bombs(), *unusual(), *damaged(), *impostors()])
