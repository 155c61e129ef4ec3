"""A service that wants a key: the page asks for it, sends it along, and keeps it to itself."""

from __future__ import annotations

import httpx
import pytest
from selenium.webdriver import Keys

from tests.browser.conftest import SECRETS
from tests.browser.page import SearchPage
from tests.browser.test_looks import barriers

pytestmark = pytest.mark.browser

KEY = SECRETS["read"][0]


def stub_answers(page: SearchPage, status: int, headers: str, problem: str) -> None:
    page.script(f"""(() => {{
        window.fetch = async () => Response.json({problem}, {{ status: {status}, headers: {headers} }});
    }})()""")


def test_a_search_asks_for_a_key_and_then_goes_on(guarded: SearchPage) -> None:
    guarded.ask("a square")
    assert guarded.driver.switch_to.active_element.get_attribute("id") == "key"
    guarded.give_key(KEY).finished()
    assert guarded.state == "results"
    assert not guarded.asks_for_key


def test_thumbnails_are_loaded_with_the_key(guarded: SearchPage, guarded_service: str) -> None:
    guarded.ask("a square").give_key(KEY).finished()
    guarded.until(lambda: all(guarded.pictures_in_sight_loaded))
    sources = guarded.script("[...document.querySelectorAll('.face img[src]')].map((i) => i.src.split(':')[0])")
    assert set(sources) == {"blob"}
    assert httpx.get(f"{guarded_service}/index/item-0/image").status_code == 401


def test_pictures_are_given_back_with_the_results(guarded: SearchPage) -> None:
    guarded.ask("a square").give_key(KEY).finished().until(lambda: all(guarded.pictures_in_sight_loaded))
    guarded.console_errors()  # the first request was refused
    guarded.script("(() => { window.before = document.querySelector('.face img').src; })()")
    guarded.search("a teal square")
    gone = "const done = arguments[0]; fetch(window.before).then(() => done(false), () => done(true))"
    assert guarded.driver.execute_async_script(gone)
    assert all("ERR_FILE_NOT_FOUND" in line or "blob:" in line for line in guarded.console_errors())  # the look at what is gone


def test_a_wrong_key_is_told_and_another_can_be_given(guarded: SearchPage) -> None:
    guarded.ask("a square").give_key("bitlens_wrong")
    assert guarded.key_refusal == "The service does not know this key."
    assert guarded.find("#key").get_attribute("aria-invalid") == "true"
    assert guarded.script("sessionStorage.length") == 0
    assert guarded.give_key(KEY).finished().state == "results"


def test_what_cannot_be_a_key_is_told(guarded: SearchPage) -> None:
    assert guarded.ask("a square").give_key("schlüssel…").key_refusal == "A key has only letters, digits and signs."
    assert guarded.give_key("  ").key_refusal == "Type or paste a key first."


def test_without_a_key_the_page_says_so_and_asks_again_when_wanted(guarded: SearchPage) -> None:
    guarded.ask("a square").find("#key").send_keys(Keys.ESCAPE)
    guarded.finished()
    assert guarded.title == "A valid key is needed"
    guarded.find(".message button").click()
    guarded.until(lambda: guarded.asks_for_key).give_key(KEY).finished()
    assert guarded.state == "results"


def test_the_key_stays_for_the_tab_and_is_in_no_address(guarded: SearchPage) -> None:
    guarded.ask("a square").give_key(KEY).finished()
    guarded.open("?q=a+teal+square")
    assert guarded.state == "results"
    assert KEY not in guarded.driver.current_url
    assert guarded.script("localStorage.length") == 0
    assert guarded.script("performance.getEntriesByType('resource').every((e) => !e.name.includes('bitlens_'))")


def test_a_forgotten_key_is_asked_for_again_and_its_results_go(guarded: SearchPage) -> None:
    guarded.ask("a square").give_key(KEY).finished().find("#forget").click()
    guarded.until(lambda: guarded.state == "empty")
    assert guarded.hits == []
    assert guarded.script("sessionStorage.length") == 0
    assert not guarded.find("#forget").is_displayed()
    assert guarded.ask("a square").asks_for_key


def test_a_key_that_is_taken_away_is_asked_for_anew(guarded: SearchPage) -> None:
    guarded.script("sessionStorage.setItem('bitlens-key', 'bitlens_old')")
    guarded.ask("a square")
    assert guarded.key_refusal == "The key is not known any more."
    assert guarded.give_key(KEY).finished().state == "results"


def test_a_service_without_keys_never_asks(page: SearchPage) -> None:
    page.search("a square")
    assert not page.asks_for_key
    assert not page.find("#forget").is_displayed()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier_in_the_question_for_a_key(guarded: SearchPage, scheme: str) -> None:
    guarded.prefer(color_scheme=scheme, reduced_motion="reduce").ask("a square").give_key("bitlens_wrong")
    assert barriers(guarded) == []
    assert barriers(guarded.resize(320)) == []
    assert guarded.overflow_px == 0


def test_a_role_that_is_too_small_is_named(page: SearchPage) -> None:
    stub_answers(page, 403, "{}", """{ title: "This is not allowed", detail: "this needs the role 'read'" }""")
    page.search("a square")
    assert page.title == "This is not allowed"
    assert "This needs the role 'read'." in page.text
    assert page.find(".message button").text == "Use another key"


def test_too_many_requests_say_when_to_try_again(page: SearchPage) -> None:
    stub_answers(page, 429, '{ "retry-after": "12" }', '{ title: "Too many requests", detail: "1200 a minute" }')
    page.search("a square")
    assert page.title == "Too many requests"
    assert "Try again in 12 seconds, at " in page.text
