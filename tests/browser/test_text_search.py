"""A visitor types; what the page then shows is what the service answered."""

from __future__ import annotations

import httpx
import pytest
from selenium.webdriver import Keys

from tests.browser.conftest import ATTRIBUTION, COLOURS, HOSTILE_TEXT
from tests.browser.page import SearchPage

pytestmark = pytest.mark.browser


def ask(service: str, query: str, **more: object) -> dict:
    return httpx.post(f"{service}/search/text", json={"query": query, "k": 24, **more}, timeout=30).json()


def test_typing_a_query_shows_pictures_that_really_loaded(page: SearchPage) -> None:
    page.search("a crimson square")
    assert page.state == "results"
    assert len(page.hits) == len(COLOURS) + 2
    assert (page.hits[0].item_id, page.hits[0].distance) == ("square-0", 0)
    page.until(lambda: all(page.loaded_pictures))
    assert len(page.loaded_pictures) == len(COLOURS) + 2


def test_hits_stand_in_the_services_order_with_its_distances(page: SearchPage, service: str) -> None:
    page.search("a teal square")
    expected = ask(service, "a teal square")["hits"]
    assert [(hit.item_id, hit.distance) for hit in page.hits] == [(hit["id"], hit["distance"]) for hit in expected]
    n_bits = len(ask(service, "a teal square")["query"]["code"]) * 4
    assert [hit.words for hit in page.hits] == [f"{hit['distance']} of {n_bits} bits differ" for hit in expected]


def test_the_querys_code_is_shown_in_hex_and_as_bits(page: SearchPage, service: str) -> None:
    page.search("a purple square")
    code = ask(service, "a purple square")["query"]["code"]
    assert page.facts["Code"] == code
    drawn = page.script("[...document.querySelectorAll('.answer .bit-field rect')].map((r) => r.classList.contains('on'))")
    # Bit i of a code is bit i % 8 of byte i // 8, the lowest first.
    assert drawn == [bool(byte >> i & 1) for byte in bytes.fromhex(code) for i in range(8)]


def test_it_tells_where_the_code_came_from_and_how_long_it_took(page: SearchPage) -> None:
    page.search("a sentence asked for the first time")
    assert page.facts["Code from"] == "the encoder"
    page.open().search("a sentence asked for the first time")
    assert page.facts["Code from"] == "the cache"
    assert page.facts["Took"].endswith(" ms")


def test_the_number_of_results_is_announced(page: SearchPage) -> None:
    page.search("a crimson square")
    assert page.announcement.startswith(f"{len(COLOURS) + 2} pictures nearest to “a crimson square”; the nearest differs in ")


def test_a_text_of_an_item_is_never_markup(page: SearchPage) -> None:
    for target in ("image", "text"):
        page.open(f"?q=anything&target={target}")
        shown = page.script("document.querySelector('[data-id^=hostile]').textContent")
        assert HOSTILE_TEXT in shown
        assert page.script("document.querySelectorAll('img[src=x]').length") == 0
        assert page.script("window.hacked === undefined")


def test_looking_for_texts_finds_texts_as_text_cards(page: SearchPage, service: str) -> None:
    page.search("a square")
    page.find("input[name=target][value=text]").find_element("xpath", "..").click()
    page.until(lambda: page.title.startswith(f"{len(COLOURS) + 2} texts")).finished()
    assert [hit.item_id for hit in page.hits] == [hit["id"] for hit in ask(service, "a square", target="text")["hits"]]
    assert all(hit.is_text for hit in page.hits)
    assert "target=text" in page.driver.current_url


def test_the_number_of_results_can_be_chosen(page: SearchPage) -> None:
    page.open("?q=a+square&k=12")
    assert page.find("#k").get_attribute("value") == "12"
    page.open("?q=a+square&k=7")
    assert page.find("#k").get_attribute("value") == "24"  # no such choice


def test_the_address_can_be_shared_and_back_works(page: SearchPage) -> None:
    page.search("a teal square").search("a black square")
    assert page.driver.current_url.endswith("?q=a+black+square")
    page.driver.back()
    page.until(lambda: "“a teal square”" in page.title).finished()
    assert page.find("#q").get_attribute("value") == "a teal square"
    page.driver.back()
    page.until(lambda: page.state == "empty")
    assert page.hits == []


def test_an_example_searches(page: SearchPage) -> None:
    example = page.find(".examples a")
    words = example.text
    example.click()
    page.until(lambda: f"“{words}”" in page.title)
    assert page.find("#q").get_attribute("value") == words


def test_attribution_is_shown_once(page: SearchPage) -> None:
    page.search("a square")
    assert page.find(".credit").text == ATTRIBUTION


def test_the_page_tells_what_the_service_holds(page: SearchPage, service: str) -> None:
    ready = httpx.get(f"{service}/readyz").json()
    page.until(lambda: page.find("#holdings").text == f"{ready['n_items']} items, {ready['n_bits']} bits each")
    assert ready["bundle_id"][:12] in page.find("#service").text


def test_the_newest_search_wins(page: SearchPage) -> None:
    # The first answer is held back until the second is shown, and let go then.
    page.script("""(() => {
        const ask = window.fetch;
        window.fetch = (address, init) => {
            if (!String(init?.body).includes("slow")) return ask(address, init);
            const answer = ask(address, { ...init, signal: undefined });
            return new Promise((deliver) => { window.letGo = () => answer.then(deliver).then(() => { window.gone = true; }); });
        };
    })()""")
    page.find("#q").send_keys("slow", Keys.ENTER)
    page.until(lambda: page.script("window.letGo !== undefined"))
    page.search("a teal square")
    page.script("window.letGo()")
    page.until(lambda: page.script("window.gone === true"))
    assert "“a teal square”" in page.title
    assert page.state == "results"


def test_a_long_query_takes_three_lines_of_the_heading(page: SearchPage) -> None:
    page.search("a crimson square " * 60 + "end")
    lines = page.script(
        "(([h]) => h.clientHeight / parseFloat(getComputedStyle(h).lineHeight))(document.querySelectorAll('.answer h2'))"
    )
    assert lines == pytest.approx(3, abs=0.2)
