"""A real service with fake encoders, a few generated pictures in it, and a headless browser in front of it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from PIL import Image, ImageDraw, PngImagePlugin
from selenium.webdriver import Chrome

from app.keys import new_key
from tests.browser.chromium import start_chromium
from tests.browser.page import SearchPage
from tests.builders import picture as picture_of

REPOSITORY = Path(__file__).resolve().parents[2]
COLOURS = ["crimson", "seagreen", "royalblue", "goldenrod", "purple", "black", "teal", "chocolate"]
HOSTILE_TEXT = '<img src=x onerror="window.hacked = true">'
SECRETS = {role: new_key(f"visitor-{role}", role) for role in ("read", "write")}
ATTRIBUTION = "Squares drawn for this test, CC0"


def drawing(colour: str, side: int = 96) -> bytes:
    """Returns a PNG that the fake encoders understand as "a <colour> square"."""
    image = Image.new("RGB", (side, side), "white")
    ImageDraw.Draw(image).rectangle((side // 6, side // 6, side // 2, side - side // 6), fill=colour)
    buffer = io.BytesIO()
    meaning = PngImagePlugin.PngInfo()
    meaning.add_text("meaning", f"a {colour} square")
    image.save(buffer, "PNG", pnginfo=meaning)
    return buffer.getvalue()


def _items() -> list[dict[str, object]]:
    drawings = [
        {"id": f"square-{i}", "text": f"a {colour} square", "image": f"file-{i}", "payload": {"attribution": ATTRIBUTION}}
        for i, colour in enumerate(COLOURS)
    ]
    return [
        *drawings,
        {"id": "hostile <b>&", "text": HOSTILE_TEXT, "image": "hostile"},
        {"id": "nameless", "image": "nameless"},
        {"id": "words-only", "text": "a sentence without a picture"},
    ]


@contextmanager
def server(folder: Path, *options: str, port: int = 0, **environment: str) -> Iterator[str]:
    """Runs a service with fake encoders; yields its address."""
    command = [sys.executable, "-m", "tests.e2e.fake_server", "--data-dir", str(folder), "--port", str(port), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, env={**os.environ, **environment}) as process:
        assert process.stdout is not None
        try:
            ready = process.stdout.readline()
            assert ready.startswith("Bitlens is ready at "), "the service did not start"
            yield ready.split()[-1]
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def empty_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a service process of our own."""
    with server(tmp_path_factory.mktemp("service")) as address:
        yield address


@pytest.fixture(scope="session")
def guarded_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a service that wants a key and holds 30 items in 8 colours, so that most of them are as near as others."""
    keys = ",".join(str(key) for _, key in SECRETS.values())
    files = [(colour, (f"{colour}.png", drawing(colour), "image/png")) for colour in COLOURS]
    items = [{"id": f"item-{i}", "text": f"number {i}", "image": COLOURS[i % len(COLOURS)]} for i in range(30)]
    with server(tmp_path_factory.mktemp("guarded"), BITLENS_KEYS=keys) as address:
        headers = {"authorization": f"Bearer {SECRETS['write'][0]}"}
        answer = httpx.post(f"{address}/index", data={"items": json.dumps(items)}, files=files, headers=headers, timeout=60)
        assert answer.json()["n_added"] == len(items)
        yield address


@pytest.fixture(scope="session")
def service(empty_service: str) -> str:
    """Address of a service that holds the items above."""
    files = [(f"file-{i}", (f"{colour}.png", drawing(colour), "image/png")) for i, colour in enumerate(COLOURS)]
    files += [("hostile", ("hostile.png", drawing("orange"), "image/png")), ("nameless", ("n.png", drawing("pink"), "image/png"))]
    answer = httpx.post(f"{empty_service}/index", data={"items": json.dumps(_items())}, files=files, timeout=60)
    answer.raise_for_status()
    assert answer.json()["n_added"] == len(COLOURS) + 3
    return empty_service


@pytest.fixture(scope="session")
def library_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a service that holds 520 items with 40 different pictures, 13 of each."""
    meanings = [f"a {colour} {shape}" for colour in COLOURS for shape in ("square", "circle", "star", "cross", "ring")]
    files = [(f"file-{i}", (f"{i}.png", picture_of(words), "image/png")) for i, words in enumerate(meanings)]
    with server(tmp_path_factory.mktemp("library")) as address:
        for batch in range(13):
            items = [
                {"id": f"{batch}-{i}", "text": words, "image": f"file-{i}", "payload": {"shelf": batch, "shape": words.split()[2]}}
                for i, words in enumerate(meanings)
            ]
            httpx.post(f"{address}/index", data={"items": json.dumps(items)}, files=files, timeout=60).raise_for_status()
        yield address


@contextmanager
def opened(driver: Chrome, address: str) -> Iterator[SearchPage]:
    """Opens the empty page in a fresh tab state; afterwards nothing may have complained and no request may have left."""
    driver.get("about:blank")
    driver.get_log("browser")
    driver.get_log("performance")
    page = SearchPage(driver, address).resize(1400).prefer(color_scheme="light").open()
    yield page
    assert page.foreign_requests() == []
    assert page.console_errors() == []


@pytest.fixture
def library(driver: Chrome, library_service: str) -> Iterator[SearchPage]:
    """The page of a service with many items."""
    with opened(driver, library_service) as page:
        yield page


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    try:
        browser = start_chromium(tmp_path_factory.mktemp("chromium"))
    except FileNotFoundError as error:
        pytest.skip(str(error))
    yield browser
    browser.quit()


@pytest.fixture
def page(driver: Chrome, service: str) -> Iterator[SearchPage]:
    with opened(driver, service) as page:
        yield page


@pytest.fixture
def guarded(driver: Chrome, guarded_service: str) -> Iterator[SearchPage]:
    """The page of a service that wants a key, which it has not; only refused requests may be complained of."""
    driver.get(guarded_service)
    driver.execute_script("sessionStorage.clear()")
    driver.get_log("browser")
    driver.get_log("performance")
    guarded = SearchPage(driver, guarded_service).resize(1400).prefer(color_scheme="light").open()
    yield guarded
    assert guarded.foreign_requests() == []
    assert [line for line in guarded.console_errors() if "status of 401" not in line] == []


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "crimson.png"
    path.write_bytes(drawing("crimson"))
    return path
