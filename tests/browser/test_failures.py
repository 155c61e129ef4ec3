"""What goes wrong is said in plain words, and leaves a way on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium.webdriver import Chrome

from tests.browser.conftest import server
from tests.browser.page import SearchPage

pytestmark = pytest.mark.browser


@pytest.fixture
def reported(page: SearchPage) -> Callable[[str], bool]:
    """Takes the browser's own lines about a failed request off the log; nothing else may stand there."""

    def only(about: str) -> bool:
        lines = page.console_errors()
        return bool(lines) and all("Failed to load resource" in line and about in line for line in lines)

    return only


def test_a_refused_text_shows_the_problems_words(page: SearchPage, reported: Callable[[str], bool]) -> None:
    page.open("?q=%E2%80%8B")  # a space of no width: something is sent, nothing is left of it
    assert page.state == "error"
    assert page.title == "The text is empty"
    assert page.find(".message").get_attribute("role") == "alert"
    assert reported("422")


def test_a_damaged_picture_shows_the_problems_words(page: SearchPage, tmp_path: Path, reported: Callable[[str], bool]) -> None:
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(b"this is no picture, whatever its name says")
    page.choose(damaged).until(lambda: page.state == "error")
    assert page.title == "The image cannot be decoded"
    assert "The bytes are no picture." in page.text
    assert reported("422")


def test_an_unknown_item_shows_the_problems_words(page: SearchPage, reported: Callable[[str], bool]) -> None:
    page.open("?like=nobody")
    assert page.title == "There is no such item"
    assert page.find(".message button").text == "Search anew"
    assert reported("404")


def test_an_unreachable_service_is_said_and_the_search_goes_on_when_it_is_back(
    page: SearchPage, reported: Callable[[str], bool]
) -> None:
    page.driver.set_network_conditions(offline=True, latency=0, throughput=-1)
    try:
        page.find("#q").send_keys("a square\n")
        page.until(lambda: page.state == "error")
        assert page.title == "The service cannot be reached"
        assert page.find(".message button").text == "Try again"
    finally:
        page.driver.delete_network_conditions()
    page.until(lambda: page.state == "results")
    assert "“a square”" in page.title
    assert reported("ERR_INTERNET_DISCONNECTED")


def test_a_service_that_went_and_came_back_answers_by_itself(driver: Chrome, tmp_path: Path) -> None:
    with server(tmp_path) as address:
        page = SearchPage(driver, address).resize(1400).open()
    page.find("#q").send_keys("a square\n")
    page.until(lambda: page.state == "error")
    assert "goes on as soon as it answers" in page.text
    with server(tmp_path, port=urlsplit(address).port or 0):
        page.until(lambda: page.state != "error").finished()
        assert page.title == "Nothing found"
    assert all("ERR_CONNECTION_REFUSED" in line for line in page.console_errors())


def test_an_answer_of_a_proxy_is_put_into_words(page: SearchPage) -> None:
    page.script("""(() => {
        window.fetch = async () => new Response("<h1>Bad gateway</h1>", { status: 502, headers: { "content-type": "text/html" } });
    })()""")
    page.find("#q").send_keys("a square\n")
    page.until(lambda: page.state == "error")
    assert page.title == "The service answered 502"


def test_nothing_to_find_is_no_error(page: SearchPage) -> None:
    page.script("""(() => {
        const query = { modality: "text", code: "00", bundle_id: "b", cached: false };
        window.fetch = async () => Response.json({ hits: [], query });
    })()""")
    page.find("#q").send_keys("a square\n")
    page.until(lambda: page.state == "none")
    assert page.title == "Nothing found"


def test_no_words_ask_nothing(page: SearchPage) -> None:
    page.find("#q").send_keys("   \n")
    assert page.state == "empty"
    assert page.driver.switch_to.active_element.get_attribute("id") == "q"
