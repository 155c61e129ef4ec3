"""A visitor looks at one hit: its picture, what it carries, its code beside the query's, and why it was found."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from selenium.webdriver import Keys

from tests.browser.conftest import HOSTILE_TEXT
from tests.browser.page import SearchPage
from tests.browser.test_looks import barriers

pytestmark = pytest.mark.browser


def ask(service: str, query: str, **bounds: Any) -> dict[str, Any]:
    return httpx.post(f"{service}/search/text", json={"query": query, "k": 24, **bounds}, timeout=30).json()


def open_detail(page: SearchPage, item_id: str) -> SearchPage:
    page.find(f'[data-id="{item_id}"] .card__details').click()
    return page.until(lambda: len(page.find_all("#detail .codes figure")) == 2)


def text_of(page: SearchPage, selector: str) -> str:
    return page.find(f"#detail {selector}").text


def is_open(page: SearchPage) -> bool:
    return bool(page.script("document.querySelector('#detail').open"))


def squares(page: SearchPage, which: int, kind: str) -> list[int]:
    script = f"[...document.querySelectorAll('#detail .codes figure')[{which}].querySelectorAll('rect')]"
    return list(page.script(f"{script}.flatMap((r, i) => r.classList.contains('{kind}') ? [i] : [])"))


def bits_of(code: str) -> list[int]:
    return [8 * place + bit for place, byte in enumerate(bytes.fromhex(code)) for bit in range(8) if byte >> bit & 1]


def test_the_picture_and_what_is_known_of_it_are_shown(page: SearchPage) -> None:
    open_detail(page.search("a crimson square"), "square-2")
    assert text_of(page, "h2") == "a royalblue square"
    page.until(lambda: page.script("document.querySelector('#detail-face img').naturalWidth") == 96)
    assert "96 × 96 pixels, PNG" in text_of(page, ".detail__body")
    card = page.script("document.querySelector('[data-id=square-2] .measures').textContent")
    assert page.script("document.querySelector('#detail .measures').textContent") == card


def test_both_codes_are_drawn_and_what_differs_is_marked(page: SearchPage, service: str) -> None:
    open_detail(page.search("a crimson square"), "square-2")
    query = ask(service, "a crimson square")["query"]["code"]
    item = httpx.get(f"{service}/index/square-2").json()["codes"]["image"]
    differing = sorted(set(bits_of(query)) ^ set(bits_of(item)))
    assert (squares(page, 0, "on"), squares(page, 1, "on")) == (bits_of(query), bits_of(item))
    assert squares(page, 0, "differs") == squares(page, 1, "differs") == differing
    label = page.find("#detail .codes figure:nth-of-type(2) svg").get_attribute("aria-label")
    assert label.endswith(f"it differs in the bits {', '.join(map(str, differing))}")


def test_a_value_that_an_item_carries_can_be_filtered_by(library: SearchPage) -> None:
    open_detail(library.open("?q=a+teal+ring&k=12"), "0-34")
    library.find("#detail [aria-label='Filter by shape: ring']").click()
    library.until(lambda: library.driver.current_url.endswith("f.shape=ring")).finished()
    assert not is_open(library)
    assert [chip.text for chip in library.find_all("#chips .chip")] == ["shape: ring"]


def test_the_arrows_turn_to_the_next_and_the_one_before(page: SearchPage) -> None:
    page.search("a crimson square")
    order = [hit.item_id for hit in page.hits]
    open_detail(page, order[0])
    assert text_of(page, "#detail-place") == f"1 of {len(order)}"
    page.find("#detail-close").send_keys(Keys.ARROW_LEFT, Keys.ARROW_RIGHT)
    assert text_of(page, "#detail-place") == f"2 of {len(order)}"
    assert order[1] in text_of(page, "section:last-of-type .fields")
    page.find("#detail-previous").click()
    assert page.find("#detail-previous").get_attribute("aria-disabled") == "true"


def test_escape_closes_and_the_keyboard_is_back_where_it_was(page: SearchPage) -> None:
    open_detail(page.search("a crimson square"), "square-3")
    page.find("#detail-close").send_keys(Keys.ESCAPE)
    page.until(lambda: not is_open(page))
    assert page.script("document.activeElement.closest('li').dataset.id") == "square-3"


def test_it_leads_on_to_more_like_it_and_to_a_mix(page: SearchPage) -> None:
    open_detail(page.search("a crimson square"), "square-3")
    page.find("//dialog//button[.='Mix with the words']", by="xpath").click()
    page.until(lambda: "“a crimson square” with this picture" in page.title).finished()
    open_detail(page, "square-4").find("//dialog//button[.='More like this picture']", by="xpath").click()
    page.until(lambda: page.title.endswith("nearest to this picture")).finished()
    assert "like=square-4" in page.driver.current_url


def test_an_explanation_comes_when_asked_for_and_is_the_services(page: SearchPage, service: str) -> None:
    open_detail(page.search("a crimson square"), "square-2")
    page.find("//dialog//button[.='Explain']", by="xpath").click()
    page.until(lambda: page.find_all("#detail .why"))
    hits = ask(service, "a crimson square", explain=True)["hits"]
    expected = next(hit["explanation"] for hit in hits if hit["id"] == "square-2")
    doubts = page.script("[...document.querySelectorAll('#detail .codes figure')].map((f) => f.querySelectorAll('.doubt').length)")
    assert doubts[1] == expected["n_undecided"]
    low, high = expected["distance_range"]
    assert low == high or f"would be {low} to {high} of 64" in text_of(page, ".why")
    assert "No labels can be told" in text_of(page, ".why")


def test_a_hit_of_a_further_page_is_explained_itself(library: SearchPage, library_service: str) -> None:
    library.resize(390, 500).open("?q=a+teal+ring&k=12")
    library.find("#more button").send_keys(Keys.ENTER)
    library.until(lambda: len(library.hits) >= 24)
    wanted = ask(library_service, "a teal ring", explain=True)["hits"][17]
    open_detail(library, wanted["id"])
    library.find("//dialog//button[.='Explain']", by="xpath").click()
    library.until(lambda: library.find_all("#detail .why"))
    doubts = library.script("document.querySelectorAll('#detail .codes figure:nth-of-type(2) .doubt').length")
    assert doubts == wanted["explanation"]["n_undecided"]


def judgements(service: str) -> list[tuple[str, bool]]:
    kept = httpx.get(f"{service}/feedback", timeout=30).json()["judgements"]
    return [(one["id"], one["relevant"]) for one in kept]


def test_a_visitor_says_whether_a_hit_is_relevant_and_may_change_it(page: SearchPage, service: str) -> None:
    open_detail(page.search("a judged square"), "square-5")
    for words, relevant in (("Relevant", True), ("Not relevant", False)):
        button = page.find(f"//dialog//button[.='{words}']", by="xpath")
        button.click()
        page.until(lambda button=button: button.get_attribute("aria-pressed") == "true")
        assert judgements(service) == [("square-5", relevant)]
    assert "that is kept" in text_of(page, ".judge__words")
    page.find("#detail-next").click()
    page.find("#detail-previous").click()
    assert [button.text for button in page.find_all("#detail [aria-pressed=true]")] == ["Not relevant"]


def test_a_hit_of_a_mix_cannot_be_judged(page: SearchPage) -> None:
    open_detail(page.open("?q=a+teal+square&like=square-2"), "square-5")
    assert page.find_all("#detail .judge") == []


def test_an_item_that_was_deleted_meanwhile_is_told(page: SearchPage, service: str) -> None:
    httpx.post(f"{service}/index", json={"items": [{"id": "brief", "text": "a brief square"}]}, timeout=30).raise_for_status()
    page.open("?q=a+brief+square&target=text")
    httpx.delete(f"{service}/index/brief").raise_for_status()
    page.find("[data-id=brief] .card__details").click()
    page.until(lambda: "has been deleted since" in text_of(page, ".codes"))
    assert all("404" in line for line in page.console_errors())


def test_texts_stay_texts_in_the_dialog(page: SearchPage) -> None:
    open_detail(page.open("?q=anything&target=text"), "hostile <b>&")
    assert text_of(page, "h2") == HOSTILE_TEXT
    assert page.script("window.hacked === undefined && document.querySelectorAll('#detail img[src=x]').length === 0")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1400])
def test_axe_finds_no_barrier_in_the_dialog(page: SearchPage, scheme: str, width: int) -> None:
    page.prefer(color_scheme=scheme, reduced_motion="reduce").resize(width).open("?q=a+crimson+square")
    open_detail(page, "square-2").find("//dialog//button[.='Explain']", by="xpath").click()
    page.until(lambda: page.find_all("#detail .why"))
    assert barriers(page, within="#detail") == []  # what lies behind cannot be reached
    assert page.overflow_px == 0
