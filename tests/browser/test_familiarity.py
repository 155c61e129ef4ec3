"""Where the model never learnt anything like the query, the page says so in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from selenium.webdriver import Chrome, Keys

from app.familiarity import UNFAMILIAR
from tests.browser.conftest import REPOSITORY, server
from tests.browser.page import SearchPage

pytestmark = pytest.mark.browser
DOUBT = "Nothing like this was in what this model learnt from; hits may be unrelated."


@pytest.fixture(scope="module")
def strict_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a service that answers nothing strange."""
    with server(tmp_path_factory.mktemp("strict"), "--min-familiarity", "0.02") as address:
        items = [{"id": f"item-{i}", "text": f"a square number {i}"} for i in range(30)]
        httpx.post(f"{address}/index", json={"items": items}, timeout=60).raise_for_status()
        yield address


@pytest.fixture
def strict(driver: Chrome, strict_service: str) -> SearchPage:
    return SearchPage(driver, strict_service).resize(1400).open()


def test_what_passes_for_unfamiliar_is_the_same_for_page_and_service() -> None:
    source = Path(REPOSITORY / "app" / "web" / "asking.js").read_text(encoding="utf-8")
    assert re.findall(r"UNFAMILIAR = ([\d.]+);", source) == [str(UNFAMILIAR)]


def test_hits_of_a_strange_query_come_with_a_doubt_which_is_announced(page: SearchPage) -> None:
    page.search("strange crimson square")
    assert page.find(".doubt").text == DOUBT
    assert page.announcement.endswith(f" {DOUBT}")
    assert page.hits
    assert page.find_all(".precision") == []
    page.search("a crimson square")
    assert page.find_all(".precision")
    assert page.find_all(".doubt") == []
    assert DOUBT not in page.announcement


def test_details_of_a_strange_querys_hit_tell_no_chance(page: SearchPage) -> None:
    page.search("strange crimson square").find(".card__details").click()
    page.until(lambda: page.find_all("#detail-body .no-chance"))
    assert "does not hold for such a query" in page.find("#detail-body .no-chance").text
    assert page.find_all("#detail-body .precision") == []
    page.find("#detail-close").click()


def test_a_service_that_answers_nothing_strange_says_so_and_can_be_asked_all_the_same(strict: SearchPage) -> None:
    strict.open("?q=strange+square&target=text")
    assert (strict.state, strict.title, strict.hits) == ("none", "No match", [])
    assert "Nothing like “strange square” was in what this model learnt from" in strict.text
    assert strict.announcement.startswith("No match. Nothing like “strange square”")
    strict.find(".message button").click()
    strict.until(lambda: strict.state == "results")
    assert strict.find(".doubt").text == DOUBT
    assert "insist=1" in strict.driver.current_url
    strict.driver.execute_script("window.scrollTo(0, document.body.scrollHeight)")
    strict.until(lambda: len(strict.hits) == 30)


def test_another_search_does_not_insist_any_more(strict: SearchPage) -> None:
    strict.open("?q=strange+square&target=text&insist=1")
    assert strict.hits
    strict.find("#q").clear()
    strict.find("#q").send_keys("strange circle", Keys.ENTER)
    strict.until(lambda: "“strange circle”" in strict.text and strict.state == "none")
    assert "insist" not in strict.driver.current_url
