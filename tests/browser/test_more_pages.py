"""Further results come as the visitor goes on: every item once, in the service's order."""

from __future__ import annotations

import httpx
import pytest
from selenium.webdriver import ActionChains, Keys

from tests.browser.conftest import SECRETS
from tests.browser.page import SearchPage
from tests.browser.test_looks import barriers

pytestmark = pytest.mark.browser

KEY = SECRETS["read"][0]


@pytest.fixture
def twelve(guarded: SearchPage) -> SearchPage:
    """The page with a key, twelve results at a time, in a window so low that further pages are out of sight."""
    guarded.script(f"sessionStorage.setItem('bitlens-key', '{KEY}')")
    return guarded.resize(390, 500)


def expected(service: str, path: str, **query: object) -> list[tuple[str, int]]:
    answer = httpx.post(f"{service}/search/{path}", json={"k": 50, **query}, headers={"x-api-key": KEY}, timeout=30).json()
    return [(hit["id"], hit["distance"]) for hit in answer["hits"]]


def shown(page: SearchPage) -> list[tuple[str, int]]:
    return [(hit.item_id, hit.distance) for hit in page.hits]


def scroll_to_the_end(page: SearchPage) -> None:
    while page.find_all("#more button"):
        page.script("window.scrollTo(0, document.body.scrollHeight)")


def test_the_first_page_has_as_many_as_were_asked_for(twelve: SearchPage) -> None:
    assert len(twelve.open("?q=a+square&k=12").hits) == 12
    assert twelve.find("#more button").text == "Show more"


def test_scrolling_shows_every_item_once_in_order(twelve: SearchPage, guarded_service: str) -> None:
    scroll_to_the_end(twelve.open("?q=a+teal+square&k=12"))
    assert shown(twelve) == expected(guarded_service, "text", query="a teal square")
    assert len(set(shown(twelve))) == 30
    assert twelve.title == "30 pictures nearest to “a teal square”"


def test_the_distance_is_marked_where_it_changes_and_nowhere_else(twelve: SearchPage) -> None:
    scroll_to_the_end(twelve.open("?q=a+teal+square&k=12"))
    marks = twelve.script("[...document.querySelectorAll('.hit:not(.hit--same) .distance')].map((d) => Number(d.dataset.distance))")
    assert marks == sorted({hit.distance for hit in twelve.hits})


def test_the_button_shows_more_and_hands_the_keyboard_to_it(twelve: SearchPage) -> None:
    twelve.open("?q=a+square&k=12").script("document.querySelector('#more button').focus({ preventScroll: true })")
    ActionChains(twelve.driver).send_keys(Keys.ENTER).perform()
    twelve.until(lambda: len(twelve.hits) >= 24)
    focused = twelve.script("document.activeElement.closest('li')?.dataset.id")
    assert focused == twelve.hits[12].item_id
    assert twelve.announcement == "12 more results."


def test_items_like_one_come_in_pages_too(twelve: SearchPage, guarded_service: str) -> None:
    scroll_to_the_end(twelve.open("?like=item-3&k=12"))
    assert shown(twelve) == expected(guarded_service, "id", id="item-3")
    assert "item-3" not in [hit.item_id for hit in twelve.hits]
    assert len(twelve.hits) == 29


def test_a_page_that_fails_is_told_and_can_be_asked_for_again(twelve: SearchPage) -> None:
    twelve.open("?q=a+square&k=12").script("""(() => {
        const ask = window.fetch;
        window.away = true;
        window.fetch = async (...given) => { if (window.away) throw new TypeError("away"); return ask(...given); };
    })()""")
    button = twelve.find("#more button")
    button.send_keys(Keys.ENTER)
    twelve.until(lambda: "More could not be loaded." in twelve.find(".more__words").text)
    assert len(twelve.hits) == 12
    twelve.script("(() => { window.away = false; })()")
    button.send_keys(Keys.ENTER)
    twelve.until(lambda: len(twelve.hits) >= 24)


def test_a_tall_window_is_filled_without_scrolling(twelve: SearchPage) -> None:
    twelve.resize(1400, 3000).open("?q=a+square&k=12").until(lambda: len(twelve.hits) == 30)
    assert twelve.find_all("#more button") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier_where_more_is_offered(twelve: SearchPage, scheme: str) -> None:
    twelve.prefer(color_scheme=scheme, reduced_motion="reduce").open("?q=a+square&k=12")
    assert barriers(twelve) == []
