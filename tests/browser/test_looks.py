"""The page fits every window, follows the visitor's preferences and can be used without seeing or pointing."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from axe_core_python.selenium import Axe
from selenium.webdriver import Keys

from tests.browser.page import SearchPage

pytestmark = pytest.mark.browser

ADDRESSES = ["", "?q=a+square", "?q=a+square&target=text", "?like=square-1", "?q=strange+square"]

WIDTHS = [320, 390, 768, 1400, 2560]


def barriers(page: SearchPage, within: str | None = None) -> list[tuple[str, list[str]]]:
    found = Axe().run(page.driver, context=within)
    assert found["passes"], "nothing was looked at"
    return [(entry["id"], [node["html"] for node in entry["nodes"]]) for entry in found["violations"]]


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_scrolls_sideways(page: SearchPage, address: str) -> None:
    page.open(address)
    overflows = {width: page.resize(width).overflow_px for width in WIDTHS}
    assert overflows == dict.fromkeys(WIDTHS, 0)


@pytest.mark.parametrize("width", WIDTHS)
def test_everything_to_handle_is_within_the_window(page: SearchPage, width: int) -> None:
    page.resize(width)
    for selector in ("#q", ".go", "#k", ".drop", ".switch"):
        box = page.find(selector).rect
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


def test_a_phone_shows_two_pictures_a_row_and_a_wide_window_more(page: SearchPage) -> None:
    columns = "getComputedStyle(document.querySelector('.hits')).gridTemplateColumns.split(' ').length"
    assert page.resize(390).open("?q=a+square").script(columns) == 2
    assert page.resize(1400).open("?q=a+square").script(columns) >= 5


def test_pictures_keep_their_place_while_they_load(page: SearchPage) -> None:
    page.open("?q=a+square")
    boxes = page.script("[...document.querySelectorAll('.face')].map((f) => f.clientWidth - f.clientHeight)")
    assert set(boxes) == {0}


def test_the_visitors_colour_scheme_is_followed(page: SearchPage) -> None:
    ground = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).reduce((sum, part) => sum + Number(part), 0)"
    assert page.prefer(color_scheme="light").open().script(ground) > 600
    assert page.prefer(color_scheme="dark").open().script(ground) < 120


def test_nothing_moves_for_those_who_asked_for_it(page: SearchPage) -> None:
    page.prefer(reduced_motion="reduce").open("?q=a+square")
    assert page.script("getComputedStyle(document.querySelector('.face')).transitionDuration") == "0s"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_axe_finds_no_barrier(page: SearchPage, scheme: str, address: str) -> None:
    page.prefer(color_scheme=scheme, reduced_motion="reduce").open(address)
    assert barriers(page.resize(1400)) == []
    assert barriers(page.resize(390)) == []


def test_axe_finds_no_barrier_in_refusals(page: SearchPage, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    assert barriers(page.choose(tmp_path / "notes.txt")) == []


def test_the_keyboard_is_enough(page: SearchPage) -> None:
    page.find("body").send_keys("/")
    page.driver.switch_to.active_element.send_keys("a square", Keys.ENTER)
    page.until(lambda: page.state == "results")
    page.until(lambda: page.find("#sureness").is_displayed()).find("#sure").send_keys(Keys.TAB)
    assert page.driver.switch_to.active_element.text == "Filter"
    page.driver.switch_to.active_element.send_keys(Keys.TAB)
    assert page.driver.switch_to.active_element.text == "What the bars mean"
    page.driver.switch_to.active_element.send_keys(Keys.TAB)
    first = page.driver.switch_to.active_element
    assert first.get_attribute("aria-label").startswith("More like this picture: ")
    assert page.script("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    first.send_keys(Keys.ENTER)
    page.until(lambda: "this picture" in page.title)


def test_every_picture_says_what_it_shows(page: SearchPage) -> None:
    page.open("?q=a+square")
    alternatives = page.script("[...document.querySelectorAll('.hits img')].map((i) => i.alt)")
    assert "a crimson square" in alternatives
    assert "Item nameless" in alternatives
    assert all(alternatives)


def test_a_strict_policy_needs_no_exception(page: SearchPage, service: str) -> None:
    # What the policy forbids ends up in the console, which is read after every test.
    policy = httpx.get(service).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert page.script("document.querySelectorAll('[style], style, script:not([src]), [onclick]').length") == 0
