"""A real service with fake encoders, a few generated pictures in it, and a headless browser in front of it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image, ImageDraw, PngImagePlugin
from selenium.webdriver import Chrome

from tests.browser.chromium import start_chromium
from tests.browser.page import SearchPage

REPOSITORY = Path(__file__).resolve().parents[2]
COLOURS = ["crimson", "seagreen", "royalblue", "goldenrod", "purple", "black", "teal", "chocolate"]
HOSTILE_TEXT = '<img src=x onerror="window.hacked = true">'
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


@pytest.fixture(scope="session")
def empty_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a service process of our own."""
    command = [sys.executable, "-m", "tests.e2e.fake_server", "--data-dir", str(tmp_path_factory.mktemp("service"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        try:
            ready = process.stdout.readline()
            assert ready.startswith("Bitlens is ready at "), "the service did not start"
            yield ready.split()[-1]
        finally:
            process.terminate()


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
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    try:
        browser = start_chromium(tmp_path_factory.mktemp("chromium"))
    except FileNotFoundError as error:
        pytest.skip(str(error))
    yield browser
    browser.quit()


@pytest.fixture
def page(driver: Chrome, service: str) -> Iterator[SearchPage]:
    """The empty page in a fresh tab state; afterwards nothing may have complained and no request may have left."""
    driver.get("about:blank")
    driver.get_log("browser")
    driver.get_log("performance")
    yield SearchPage(driver, service).resize(1400).prefer(color_scheme="light").open()
    assert SearchPage(driver, service).foreign_requests() == []
    assert SearchPage(driver, service).console_errors() == []


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "crimson.png"
    path.write_bytes(drawing("crimson"))
    return path
