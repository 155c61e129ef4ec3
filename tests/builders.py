"""What tests put together: encoders that mean something, pictures in memory, a service in a folder, a client to talk to it.

The encoders give the same code to a text and to a picture that mean the same words: ``picture("red cat")`` is found by "red cat".
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin
from starlette.testclient import TestClient

from app.assembly import start_services
from app.cache.base import CodeCache
from app.catalog.base import Catalog
from app.catalog.sql import SqlCatalog
from app.data_dir import DataDir
from app.deps import Parts
from app.index.faiss_flat import FaissFlatIndex
from app.logs import formatter
from app.main import create_app
from app.media import MediaStore
from app.settings import Settings
from app.snapshots import SnapshotFile
from model.calibration import MODALITY_PAIRS, Calibration, DistanceCurve
from model.codes import Float32, pack_codes, sign_codes
from model.familiarity import Familiarity
from model.preprocess import normalise_text
from tests.fakes import FakeCatalog, FakeCodeCache, FakeCodeIndex

BUNDLE_ID = "fake-bundle"
N_BITS = 64
TO_SCHEMA_4 = ("DROP TABLE judgements", "DROP TABLE calibrations", "UPDATE meta SET schema_version = 4")
TO_SCHEMA_2 = (
    *TO_SCHEMA_4,
    "DROP TABLE other_codes",
    "DROP TABLE bundles",
    "DROP TABLE answers",
    "DROP TABLE jobs",
    "DROP TABLE job_failures",
    "DROP INDEX ix_items_text_sha256",
    "ALTER TABLE items DROP COLUMN text_sha256",
    "UPDATE meta SET schema_version = 2",
)
COLOURS = {
    "red": (200, 30, 30),
    "green": (40, 160, 60),
    "blue": (40, 60, 200),
    "yellow": (230, 210, 50),
    "white": (245, 245, 245),
    "black": (15, 15, 15),
    "grey": (128, 128, 128),
    "brown": (120, 80, 45),
}


def meaning(words: str, n_bits: int = N_BITS) -> Float32:
    """Returns (n_bits,) relaxed codes of some words: one random sign code a word, added up, so that shared words bring near."""
    total = np.zeros(n_bits)
    for word in words.lower().split():
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "little")
        total += np.random.default_rng(seed).choice([-1.0, 1.0], n_bits)
    return np.tanh(total).astype(np.float32)


def packed(words: str, n_bits: int = N_BITS) -> bytes:
    """Returns the packed code of some words."""
    return pack_codes(sign_codes(meaning(words, n_bits)[None, :]))[0].tobytes()


class FakeEncoder:
    """Encodes prepared words; counts how often it was asked and for how much."""

    def __init__(self, n_bits: int = N_BITS) -> None:
        self.n_bits = n_bits
        self.batch_sizes: list[int] = []

    def encode(self, prepared: Sequence[str]) -> Float32:
        self.batch_sizes.append(len(prepared))
        return np.stack([meaning(words, self.n_bits) for words in prepared])

    def encode_with_features(self, prepared: Sequence[str]) -> tuple[Float32, Float32]:
        """Features of one direction for all that begins with "strange", and of another one for everything else."""
        strange = np.array([words.startswith("strange") for words in prepared], np.float32)
        return self.encode(prepared), np.stack([1 - strange, strange], axis=1)


class FakeTextEncoder(FakeEncoder):
    """Texts are their own words."""

    def prepare(self, raw: Any) -> str:
        return normalise_text(raw)


class FakeImageEncoder(FakeEncoder):
    """A picture means the words written into it by :func:`picture`, otherwise the colour it has on average."""

    def prepare(self, raw: Any) -> str:
        words = raw.info.get("meaning")
        if words is not None:
            return str(words)
        mean = np.asarray(raw.convert("RGB").resize((8, 8))).reshape(-1, 3).mean(axis=0)
        return min(COLOURS, key=lambda name: float(np.abs(mean - COLOURS[name]).sum()))


def picture(words: str | None = None, *, colour: str = "red", size: tuple[int, int] = (12, 9), kind: str = "PNG") -> bytes:
    """Returns a picture file of one colour; a PNG may carry words that are its meaning."""
    buffer = io.BytesIO()
    info = PngImagePlugin.PngInfo()
    if words is not None:
        info.add_text("meaning", words)
    options = {"pnginfo": info} if kind == "PNG" else {}
    Image.new("RGB", size, COLOURS[colour]).save(buffer, kind, **options)
    return buffer.getvalue()


def settings_for(folder: Path, **given: Any) -> Settings:
    """Returns settings that the environment has no part in, apart from what a test sets itself."""
    hosts = given.pop("hosts", "testserver")  # as TestClient calls the service
    return Settings(data_dir=folder, redis_url=given.pop("redis_url", None), hosts=hosts, **given)


def fake_parts(folder: Path, *, catalog: Catalog | None = None, cache: CodeCache | None = None, n_bits: int = N_BITS) -> Parts:
    """Returns parts that are fakes throughout, but for the pictures' folder."""
    return Parts(
        bundle_id=BUNDLE_ID,
        encoders={"image": FakeImageEncoder(n_bits), "text": FakeTextEncoder(n_bits)},
        indexes={"image": FakeCodeIndex(n_bits), "text": FakeCodeIndex(n_bits)},
        cache=cache or FakeCodeCache(),
        catalog=catalog or FakeCatalog(BUNDLE_ID),
        media=MediaStore(folder / "media"),
    )


def real_parts(folder: Path, *, cache: CodeCache | None = None, bundle_id: str = BUNDLE_ID, n_bits: int = N_BITS) -> Parts:
    """Returns the real catalogue, pictures and index on a folder, with encoders that are fakes."""
    with ExitStack() as undo:
        data_dir = DataDir(folder)
        undo.callback(data_dir.close)
        catalog = SqlCatalog(data_dir.catalogue_url, bundle_id=bundle_id, n_bits=n_bits)
        undo.callback(catalog.close)
        closing = undo.pop_all()
    return Parts(
        bundle_id=bundle_id,
        encoders={"image": FakeImageEncoder(n_bits), "text": FakeTextEncoder(n_bits)},
        indexes={"image": FaissFlatIndex(n_bits), "text": FaissFlatIndex(n_bits)},
        cache=cache or FakeCodeCache(),
        catalog=catalog,
        media=MediaStore(data_dir.media),
        snapshot=SnapshotFile(data_dir.snapshot),
        close=closing.close,
        note_served=data_dir.note_served,
    )


@contextmanager
def running(parts: Parts, settings: Settings) -> Iterator[TestClient]:
    """Runs an application in this process, with its start and its stop, and yields a client."""
    app = create_app(settings, services=start_services(parts, settings))
    with TestClient(app) as client:
        yield client


@contextmanager
def logged_lines() -> Iterator[list[dict[str, Any]]]:
    """Collects what is logged in the block, as the service writes it in JSON."""
    lines: list[dict[str, Any]] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if not record.name.startswith("httpx"):  # the test's own client
                lines.append(json.loads(self.format(record)))

    handler, root = Collector(), logging.getLogger()
    handler.setFormatter(formatter("json"))
    level = root.level
    root.addHandler(handler)
    root.setLevel("INFO")
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def index(client: TestClient, *items: dict[str, Any], pictures: dict[str, bytes] | None = None) -> Any:
    """Indexes items and returns the answer's JSON; with pictures as multipart, a file part a picture."""
    if pictures is None:
        response = client.post("/index", json={"items": items})
    else:
        files = {name: (name, content) for name, content in pictures.items()}
        response = client.post("/index", data={"items": json.dumps(items)}, files=files)
    assert response.status_code == 200, response.text
    return response.json()


def search(client: TestClient, query: str | bytes, **bounds: Any) -> Any:
    """Searches by a text or a picture and returns the answer's JSON."""
    if isinstance(query, str):
        response = client.post("/search/text", json={"query": query, **bounds})
    else:
        response = client.post("/search/image", files={"image": query}, data=bounds)
    assert response.status_code == 200, response.text
    return response.json()


def is_problem(response: Any, status: int, slug: str) -> bool:
    """Asserts that a response is a complete problem of a kind."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["type"] == f"/problems/{slug}", body
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["instance"].startswith("/")
    return True


def small_calibration(bundle_id: str = "fake") -> Calibration:
    """Returns one of 8 bits that knows images asking for texts, and nothing else."""
    curve = DistanceCurve(
        value=(0.95, 0.95, 0.6, 0.6, *[0.2] * 5),
        low=(0.9, 0.9, 0.5, 0.5, *[0.1] * 5),
        high=(1.0, 1.0, 0.7, 0.7, *[0.3] * 5),
        n_pairs=(10,) * 9,
        n_relevant=(9.5, 9.5, 6.0, 6.0, 2.0, 1.0, 1.0, 1.0, 1.0),
        n_nearest=(3, 2, *[0] * 7),
        base_rate=0.4,
    )
    return Calibration(
        kind="labels", n_bits=8, bundle_id=bundle_id, curves={("image", "text"): curve}, measured_on={"data": "fake"}
    )


def two_worlds(value: str | None = "features", n_known: int = 99) -> Familiarity:
    """Returns a measure to which what the fake encoders call strange is (familiarity 0.01), and all else is not (1.0)."""
    facts: dict[str, Any] = {"mean": np.array([1, 0], "<f4").tobytes(), "directions": np.array([1, 0], "<f2").tobytes()}
    return Familiarity(**facts, n_known=n_known, variances=(1.0,), rest=1.0, strangeness=(0.5, 1.0), value=value)


def whole_calibration(n_bits: int = N_BITS, bundle_id: str = BUNDLE_ID, modality_pairs: Any = MODALITY_PAIRS) -> Calibration:
    """Returns one of the named directions, all alike: 0.9 at distance 0, falling evenly to 0.1 at n_bits, ± 0.05."""
    value = tuple(round(0.9 - 0.8 * distance / n_bits, 6) for distance in range(n_bits + 1))
    curve = DistanceCurve(
        value=value,
        low=tuple(round(each - 0.05, 6) for each in value),
        high=tuple(round(each + 0.05, 6) for each in value),
        n_pairs=(10,) * (n_bits + 1),
        n_relevant=tuple(10 * each for each in value),
        n_nearest=(1,) * (n_bits + 1),
        base_rate=0.5,
    )
    return Calibration(kind="labels", n_bits=n_bits, bundle_id=bundle_id, curves=dict.fromkeys(modality_pairs, curve))
