"""Five hundred results, scrolled through: all of them, in order, without a jump, and with no picture loaded before its time."""

from __future__ import annotations

import httpx
import pytest
from selenium.webdriver import ActionChains, Keys

from tests.browser.page import SearchPage
from tests.browser.test_looks import barriers

pytestmark = pytest.mark.browser
ADDRESS = "?q=a+teal+ring&k=48"
N_ITEMS = 520


def to_the_end(page: SearchPage) -> None:
    while not page.find_all(".more__end"):
        page.script("window.scrollTo(0, document.body.scrollHeight)")


def shown(page: SearchPage) -> list[str]:
    return list(page.script("[...document.querySelectorAll('.hits > li')].map((li) => li.dataset.id)"))


def place_of(page: SearchPage, number: int) -> float:
    return float(page.script(f"document.querySelectorAll('.hits > li')[{number}].getBoundingClientRect().top + scrollY"))


def test_all_results_come_once_in_the_services_order(library: SearchPage, library_service: str) -> None:
    to_the_end(library.open(ADDRESS))
    asked = {"query": "a teal ring", "k": 1000}
    hits = httpx.post(f"{library_service}/search/text", json=asked, timeout=30).json()["hits"]
    assert shown(library) == [hit["id"] for hit in hits]
    assert len(set(shown(library))) == N_ITEMS
    assert library.title == "520 pictures nearest to “a teal ring”"
    assert library.find(".more__end").text == "These are all."


def test_nothing_moves_while_further_results_come(library: SearchPage) -> None:
    library.open(ADDRESS)
    before = [place_of(library, number) for number in (0, 20, 47)]
    to_the_end(library)
    assert [place_of(library, number) for number in (0, 20, 47)] == before
    assert library.overflow_px == 0


def test_each_distance_has_one_heading(library: SearchPage) -> None:
    to_the_end(library.open(ADDRESS))
    headings = library.script("[...document.querySelectorAll('.hits h3')].map((h) => h.textContent)")
    assert headings == [f"{distance} bits differ" for distance in sorted({hit.distance for hit in library.hits})]


def test_pictures_out_of_sight_are_not_loaded(library: SearchPage) -> None:
    library.resize(390, 700).open(ADDRESS).until(lambda: all(library.pictures_in_sight_loaded))
    loaded = library.script("[...document.querySelectorAll('.face img')].filter((i) => i.complete && i.naturalWidth).length")
    assert 0 < loaded < 48


def test_back_shows_the_same_results_in_the_same_place_without_asking(library: SearchPage) -> None:
    library.resize(390, 700).open(ADDRESS).script("window.scrollTo(0, document.body.scrollHeight)")
    library.until(lambda: len(shown(library)) > 48)
    before, top = shown(library), library.script("scrollY")
    hit = library.script("[...document.querySelectorAll('.face')].find((f) => f.getBoundingClientRect().top > 0)")
    library.driver.execute_script("arguments[0].click()", hit)
    library.until(lambda: "this picture" in library.title).finished()
    library.script("(() => { window.fetch = () => { throw new Error('asked'); }; })()")
    library.driver.back()
    library.until(lambda: "“a teal ring”" in library.title)
    assert (shown(library)[: len(before)], library.script("scrollY")) == (before, top)


def test_the_keyboard_alone_leads_to_further_results(library: SearchPage) -> None:
    library.resize(390, 500).open("?q=a+teal+ring&k=12")
    library.script("document.querySelector('#more button').focus({ preventScroll: true })")
    ActionChains(library.driver).send_keys(Keys.ENTER).perform()
    library.until(lambda: len(shown(library)) >= 24)
    library.until(lambda: library.script("document.activeElement.closest('li')?.dataset.id") == shown(library)[12])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier_at_the_end(library: SearchPage, scheme: str) -> None:
    library.prefer(color_scheme=scheme, reduced_motion="reduce")
    to_the_end(library.resize(1400, 3000).open("?q=a+teal+ring&k=12&f.shape=ring&f.shelf=0..2"))
    library.script("(() => { document.querySelector('.legend').open = true; })()")
    assert barriers(library) == []
