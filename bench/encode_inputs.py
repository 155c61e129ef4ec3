"""What `bench.encode` encodes: sentences, photographs, an upload, and pictures that a scaled decode is judged by."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from python_multipart import parse_form
from sklearn.datasets import load_sample_images

from app.decode import ImageDecoder
from model.backbones.pixels import Pixels
from model.codes import Float32
from model.graph_encoder import GraphEncoder
from model.preprocess import ImagePreprocess
from training.datasets import ColumnNames, PairSplits, SplitOptions, load_data

BATCHES = (1, 8)
SENTENCES = [
    "A dog runs along the beach with a ball in its mouth.",
    "a man riding a bicycle",
    "two cats",
    "A puppy plays with a ball in the long grass behind the house while the sun goes down.",
    "a red bus in the city street",
    "people on a boat near the shore in the evening",
    "a truck and a car",
    "a horse stands in the field",
]
_SIZE = (1024, 768)
_LIMITS = {"max_bytes": 20 << 20, "max_pixels": 50_000_000, "pixel_budget": 64_000_000}
_BOUNDARY = "an-upload"


def photographs() -> list[Image.Image]:
    """Returns eight different views of scikit-learn's two photographs."""
    whole = [Image.fromarray(pixels) for pixels in load_sample_images().images]
    return [picture.crop((40 * i, 20 * i, 440 + 40 * i, 320 + 20 * i)) for i in range(4) for picture in whole]


def read_splits(data: Path) -> PairSplits:
    """Reads a data set of pictures and texts.

    Args:
        data: Its folder.

    Returns:
        Its splits.

    Raises:
        SystemExit: If it holds ready-made features.
    """
    found = load_data(data, columns=ColumnNames(), splits=SplitOptions(), cache_dir=Path(".cache/bitlens"))
    if not isinstance(found, PairSplits):
        raise SystemExit("--data must hold pictures and texts")
    return found


def upload_paths() -> dict[str, Callable[[], object]]:
    """Returns the plain way and ours from a form with a JPEG of 1024×768 to what the graph takes."""
    body = _form(_jpeg(photographs()[0].resize(_SIZE, Image.Resampling.BICUBIC), 75))
    decoder, preparation = ImageDecoder(**_LIMITS), Pixels()
    return {
        "plain multipart, Pillow": lambda: _plain(_uploaded(body)),
        "ours": lambda: decoder.decode(_uploaded(body), preparation.prepare)[1],
    }


def decode_agreement(encoder: GraphEncoder, data: Path, n: int = 60) -> dict[str, float]:
    """Compares codes of whole and of scaled decodes, and of what else happens to pictures.

    The pictures are mosaics of training pictures at their own size, so that they are as rich in detail as any photograph.

    Args:
        encoder: Of pictures.
        data: Folder of the data set.
        n: Mosaics.

    Returns:
        Shares of bits equal to those of the whole decode.
    """
    inputs, rng = read_splits(data).train.image_inputs, np.random.default_rng(0)
    scaled, whole = ImageDecoder(**_LIMITS), ImageDecoder(**_LIMITS, enough=0)
    equal: dict[str, list[float]] = {"scaled decode": [], "JPEG quality 75, not 90": [], "moved by a pixel": []}
    for _ in range(n):
        mosaic = _mosaic([inputs.read(int(i)) for i in rng.integers(0, len(inputs.ids), 35)])
        content = _jpeg(mosaic, 90)
        wanted = _code(encoder, whole, content)
        others = [
            _code(encoder, scaled, content),
            _code(encoder, whole, _jpeg(mosaic, 75)),
            whole.decode(content, lambda picture: _relaxed(encoder, picture.crop((1, 1, *_SIZE))))[1],
        ]
        for name, found in zip(equal, others, strict=True):
            equal[name].append(float(((found >= 0) == (wanted >= 0)).mean()))
    return {name: round(float(np.mean(found)), 4) for name, found in equal.items()}


def _code(encoder: GraphEncoder, decoder: ImageDecoder, content: bytes) -> Float32:
    return decoder.decode(content, lambda picture: _relaxed(encoder, picture))[1]


def _relaxed(encoder: GraphEncoder, picture: Image.Image) -> Float32:
    code: Float32 = encoder.encode([encoder.prepare(picture)])[0]
    return code


def _mosaic(pictures: list[Image.Image]) -> Image.Image:
    canvas = Image.new("RGB", (1120, 800))
    for i, picture in enumerate(pictures):
        canvas.paste(picture.convert("RGB"), (160 * (i % 7), 160 * (i // 7)))
    return canvas.crop((48, 16, 48 + _SIZE[0], 16 + _SIZE[1]))


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _form(content: bytes) -> bytes:
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    return head.encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()


def _uploaded(body: bytes) -> bytes:
    files: list[Any] = []
    headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}".encode(), "Content-Length": str(len(body)).encode()}
    parse_form(headers, io.BytesIO(body), lambda _: None, files.append)
    files[0].file_object.seek(0)
    content: bytes = files[0].file_object.read()
    return content


def _plain(content: bytes) -> Float32:
    """As one writes it: decode all, crop, scale, then floats, differences, quotients and a transposed copy."""
    picture, facts = Image.open(io.BytesIO(content)).convert("RGB"), ImagePreprocess()
    side = round(min(picture.size) * facts.crop_fraction)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    box, size = (left, top, left + side, top + side), (facts.size, facts.size)
    pixels = np.asarray(picture.resize(size, Image.Resampling.BICUBIC, box=box), np.float32)
    return np.ascontiguousarray(((pixels - facts.mean) / facts.scale).transpose(2, 0, 1))
