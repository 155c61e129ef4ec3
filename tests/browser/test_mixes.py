"""A visitor asks with words and a picture at once, and says which counts more."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from selenium.webdriver import Keys

from tests.browser.conftest import drawing
from tests.browser.page import SearchPage
from tests.browser.test_looks import barriers

pytestmark = pytest.mark.browser


def ask(service: str, share: float, picture: bytes | None = None, **bounds: object) -> list[tuple[str, int]]:
    part = {"image": "picture"} if picture else {"id": "square-2"}
    query = {"parts": [{"text": "a teal square", "weight": 1 - share}, {**part, "weight": share}], "k": 24, **bounds}
    files = [("picture", ("p.png", picture or b"", "image/png"))] if picture else [("query", (None, json.dumps(query)))]
    answer = httpx.post(f"{service}/search/mix", data={"query": json.dumps(query)} if picture else None, files=files, timeout=30)
    return [(hit["id"], hit["distance"]) for hit in answer.json()["hits"]]


def shown(page: SearchPage) -> list[tuple[str, int]]:
    return [(hit.item_id, hit.distance) for hit in page.hits]


def test_words_beside_a_picture_are_mixed_with_it(page: SearchPage, service: str, picture: Path) -> None:
    page.choose(picture).until(lambda: page.state == "results")
    page.search("a teal square").until(lambda: "with your picture" in page.title)
    assert shown(page) == ask(service, 0.5, picture.read_bytes())
    assert page.find("#share-words").text == "50 % words"


def test_a_picture_dropped_beside_words_is_mixed_with_them(page: SearchPage, service: str) -> None:
    page.search("a teal square").drop("black.png", "image/png", drawing("black"))
    page.until(lambda: "“a teal square” with your picture" in page.title).finished()
    assert shown(page) == ask(service, 0.5, drawing("black"))


def test_the_slider_says_what_counts_more(page: SearchPage, service: str) -> None:
    page.open("?q=a+teal+square&like=square-2")
    assert shown(page) == ask(service, 0.5)
    page.slide("#share", 90).until(lambda: "share=0.9" in page.driver.current_url).finished()
    assert shown(page) == ask(service, 0.9) != ask(service, 0.1)
    assert page.find("#share").get_attribute("aria-valuetext") == "10 % words, 90 % picture"


def test_a_mix_can_be_linked_and_left(page: SearchPage, service: str) -> None:
    page.open("?q=a+teal+square&like=square-2&share=0.2")
    assert page.title.endswith("nearest to “a teal square” with this picture")
    assert (shown(page), page.find("#share").get_attribute("value")) == (ask(service, 0.2), "20")
    page.find("#clear").click()
    page.until(lambda: page.title.endswith("nearest to “a teal square”")).finished()
    page.driver.back()
    page.until(lambda: "with this picture" in page.title)
    assert page.find("#chosen").is_displayed()


def test_more_like_this_can_be_narrowed_by_words(page: SearchPage, service: str) -> None:
    page.search("a square").click_hit("square-2").until(lambda: "this picture" in page.title).finished()
    assert not page.find("#mixing").is_displayed()
    page.find("#q").send_keys("a teal square")
    assert page.find("#mixing").is_displayed()
    page.find("#q").send_keys(Keys.ENTER)
    page.until(lambda: "“a teal square” with this picture" in page.title).finished()
    assert shown(page) == ask(service, 0.5, target="image")


def test_of_a_mix_no_precision_is_told_or_asked_for(page: SearchPage) -> None:
    page.open("?q=a+teal+square&like=square-2&sure=0.8")
    assert page.state == "results"
    assert page.find_all(".precision") == []
    assert not page.find("#sure").is_enabled()
    page.find(".legend summary").click()
    assert "was not measured for this kind of search" in page.find(".legend").text


def test_further_pages_of_a_mix_and_of_a_picture_are_asked_by_code(library: SearchPage, library_service: str) -> None:
    library.resize(390, 500).open("?q=a+teal+ring&like=3-7&k=12")
    library.find("#more button").send_keys(Keys.ENTER)
    library.until(lambda: len(library.hits) >= 24)
    parts = [{"text": "a teal ring", "weight": 0.5}, {"id": "3-7", "weight": 0.5}]
    hits = httpx.post(f"{library_service}/search/mix", json={"parts": parts, "k": 24}, timeout=30).json()["hits"]
    assert shown(library)[:24] == [(hit["id"], hit["distance"]) for hit in hits]
    assert library.script("performance.getEntriesByType('resource').some((e) => e.name.endsWith('/search/code'))")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1400])
def test_axe_finds_no_barrier_in_a_mix(page: SearchPage, scheme: str, width: int) -> None:
    page.prefer(color_scheme=scheme, reduced_motion="reduce").resize(width).open("?q=a+teal+square&like=square-2")
    assert barriers(page) == []
    assert page.overflow_px == 0
