"""A visitor's own folder has pictures and no captions: a picture finds pictures there, and what is not indexed is named."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from selenium.webdriver import Chrome

from tests.browser.conftest import COLOURS, drawing, opened, server
from tests.browser.page import SearchPage

pytestmark = pytest.mark.browser
N_ITEMS = 30
INSTEAD = "No texts are indexed: these are the pictures nearest to your picture."


@pytest.fixture(scope="module")
def folder_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a service that holds pictures without captions."""
    files = [(colour, (f"{colour}.png", drawing(colour), "image/png")) for colour in COLOURS]
    items = [{"id": f"item-{i}", "image": COLOURS[i % len(COLOURS)]} for i in range(N_ITEMS)]
    with server(tmp_path_factory.mktemp("folder")) as address:
        httpx.post(f"{address}/index", data={"items": json.dumps(items)}, files=files, timeout=60).raise_for_status()
        yield address


@pytest.fixture
def folder(driver: Chrome, folder_service: str) -> Iterator[SearchPage]:
    with opened(driver, folder_service) as page:
        yield page


def test_a_picture_finds_pictures_where_no_texts_are_indexed(folder: SearchPage) -> None:
    folder.open("").drop("teal.png", "image/png", drawing("teal")).until(lambda: folder.state == "results")
    assert folder.hits[0].distance == 0
    assert not any(hit.is_text for hit in folder.hits)
    assert folder.find(".doubt--kind").text == INSTEAD
    assert folder.announcement.endswith(INSTEAD)
    folder.driver.execute_script("window.scrollTo(0, document.body.scrollHeight)")
    folder.until(lambda: len(folder.hits) == N_ITEMS)
    folder.find(".card__details").click()
    folder.until(lambda: folder.find_all("#detail-body figure")).find("#detail-close").click()


def test_a_kind_that_was_named_and_is_not_indexed_is_told_with_the_other_one(folder: SearchPage) -> None:
    folder.open("?q=a+teal+square&target=text&sure=0.9")
    assert (folder.state, folder.title) == ("none", "Nothing found")
    assert "No texts are indexed, so there is nothing to compare “a teal square” with." in folder.text
    assert "likely" not in folder.text
    folder.find(".message button").click()
    folder.until(lambda: folder.state != "none" or "target=image" in folder.driver.current_url).finished()
    assert folder.script("document.querySelector('[name=target]:checked').value") == "image"


def test_words_find_texts_where_no_pictures_are_indexed(driver: Chrome, tmp_path_factory: pytest.TempPathFactory) -> None:
    with server(tmp_path_factory.mktemp("texts")) as address:
        page = SearchPage(driver, address).open("?q=a+teal+square")
        assert "Nothing is indexed yet" in page.text
        assert page.find(".message button").text == "Add pictures"
        items = [{"id": f"{i}", "text": f"a square number {i}"} for i in range(N_ITEMS)]
        httpx.post(f"{address}/index", json={"items": items}, timeout=60).raise_for_status()
        page.open("?q=a+teal+square")
        assert page.find(".doubt--kind").text == "No pictures are indexed: these are the texts nearest to your words."
        page.driver.execute_script("window.scrollTo(0, document.body.scrollHeight)")
        page.until(lambda: len(page.hits) == N_ITEMS)
        page.open("?q=a+teal+square&target=image").find(".message button").click()
        page.until(lambda: page.state == "results" and "target=text" in page.driver.current_url)
        driver.get("about:blank")
