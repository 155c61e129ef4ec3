"""How probably a hit is relevant stands on its card, and a visitor may ask for a least chance."""

from __future__ import annotations

import httpx
import pytest
from selenium.webdriver.support.ui import Select

from tests.browser.page import SearchPage

pytestmark = pytest.mark.browser
WORDS = "[...document.querySelectorAll('.precision')].map((p) => p.textContent)"


def ask(service: str, **bounds: object) -> dict:
    return httpx.post(f"{service}/search/text", json={"query": "a crimson square", "k": 24, **bounds}, timeout=30).json()


def choose(page: SearchPage, value: str) -> SearchPage:
    page.until(lambda: page.find("#sureness").is_displayed())
    Select(page.find("#sure")).select_by_value(value)
    return page.until(lambda: f"sure={value}" in page.driver.current_url).finished()


def test_each_card_tells_its_measured_chance_with_the_interval(page: SearchPage, service: str) -> None:
    page.search("a crimson square")
    hits = ask(service)["hits"]
    assert page.script(WORDS)[0] == "90 % likely to be relevant (85–95)"
    shown = page.script("[...document.querySelectorAll('.precision')].map((p) => Number(p.dataset.precision))")
    assert shown == [hit["expected_precision"] for hit in hits]


def test_a_least_chance_leaves_out_what_promises_less_and_stands_in_the_address(page: SearchPage, service: str) -> None:
    page.search("a crimson square")
    choose(page, "0.8")
    wanted = [hit["id"] for hit in ask(service, min_precision=0.8)["hits"]]
    page.until(lambda: [hit.item_id for hit in page.hits] == wanted)
    assert 0 < len(wanted) < len(ask(service)["hits"])
    page.open("?q=a+crimson+square&sure=0.8")
    assert [hit.item_id for hit in page.hits] == wanted


def test_where_nothing_reaches_it_the_page_says_so_instead_of_showing_the_nearest(page: SearchPage) -> None:
    page.open("?q=a+crimson+square&sure=0.95")
    assert (page.state, page.title, page.hits) == ("none", "No match", [])
    assert "at least 95 % likely to be relevant to “a crimson square”" in page.text
    assert page.announcement == "No match."
    page.find(".message button").click()
    page.until(lambda: page.state == "results")
    assert page.find("#sure").get_attribute("value") == "0"
    assert "sure" not in page.driver.current_url


@pytest.mark.parametrize("sure", ["0.6", "2", "much", ""])
def test_an_address_with_another_chance_asks_for_none(page: SearchPage, sure: str) -> None:
    page.open(f"?q=a+crimson+square&sure={sure}")
    assert page.state == "results"
    assert page.find("#sure").get_attribute("value") == "0"
