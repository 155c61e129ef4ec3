"""A visitor narrows results down by what the items carry; each filter stands as a chip and in the address."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from selenium.webdriver import Keys

from tests.browser.page import SearchPage
from tests.browser.test_looks import barriers

pytestmark = pytest.mark.browser
ADDRESS = "?q=a+teal+ring&k=96"


def ask(service: str, **bounds: Any) -> list[str]:
    answer = httpx.post(f"{service}/search/text", json={"query": "a teal ring", "k": 96, **bounds}, timeout=30).json()
    return [hit["id"] for hit in answer["hits"]]


def shown(page: SearchPage) -> list[str]:
    return list(page.script("[...document.querySelectorAll('.hits > li')].map((li) => li.dataset.id)"))[:96]


def chips(page: SearchPage) -> list[str]:
    return [chip.text for chip in page.find_all("#chips .chip")]


def open_panel(page: SearchPage, n_fields: int = 2) -> SearchPage:
    page.find("#filter-toggle").click()
    return page.until(lambda: len(page.find_all("#filter-fields fieldset")) == n_fields)


def tick(page: SearchPage, value: str) -> SearchPage:
    page.find(f"//label[span='{value}']/input", by="xpath").click()
    return page.until(lambda: page.find("#chips").is_displayed()).finished()


def in_module(page: SearchPage, module: str, expression: str) -> Any:
    script = f"const done = arguments[0]; import('/web/{module}').then((m) => done({expression}), (error) => done(String(error)))"
    return page.driver.execute_async_script(script)


def test_fields_and_values_are_those_of_the_items_with_their_numbers(library: SearchPage) -> None:
    open_panel(library.open(ADDRESS))
    assert [legend.text for legend in library.find_all("#filter-fields legend")] == ["shelf", "shape"]
    numbers = "[...document.querySelectorAll('.facet__n')].map((n) => n.textContent)"
    library.until(lambda: library.script(numbers) == ["104"] * 5)  # 500 items were looked at, 520 are counted
    assert "items; numbers count all that there are." in library.find("#filter-note").text


def test_a_ticked_value_holds_and_stands_as_a_chip_and_in_the_address(library: SearchPage, library_service: str) -> None:
    tick(open_panel(library.open(ADDRESS)), "star")
    expected = ask(library_service, filter={"field": "shape", "in": ["star"]})
    library.until(lambda: shown(library) == expected)
    assert chips(library) == ["shape: star"]
    assert library.driver.current_url.endswith("&f.shape=star")
    assert library.find("#filter-toggle").text == "Filter (1)"


def test_two_values_of_a_field_widen_and_another_field_narrows(library: SearchPage, library_service: str) -> None:
    library.open(ADDRESS + "&f.shape=star&f.shape=ring&f.shelf=2..4")
    wanted = {"and": [{"field": "shape", "in": ["star", "ring"]}, {"field": "shelf", "gte": 2, "lte": 4}]}
    assert shown(library) == ask(library_service, filter=wanted)
    assert chips(library) == ["shape: star", "shape: ring", "shelf: 2 to 4"]


def test_a_chip_is_removed_and_the_keyboard_stays_there(library: SearchPage, library_service: str) -> None:
    library.open(ADDRESS + "&f.shape=star&f.shelf=2..4")
    library.find("#chips .chip").send_keys(Keys.ENTER)
    library.until(lambda: chips(library) == ["shelf: 2 to 4"]).finished()
    assert library.script("document.activeElement.textContent") == "shelf: 2 to 4"
    library.find("#chips .chip").send_keys(Keys.ENTER)
    library.until(lambda: shown(library) == ask(library_service))
    assert library.script("document.activeElement.id") == "filter-toggle"


def test_back_and_forward_go_through_filters(library: SearchPage, library_service: str) -> None:
    tick(open_panel(library.open(ADDRESS)), "cross")
    narrowed = ask(library_service, filter={"field": "shape", "eq": "cross"})
    library.until(lambda: shown(library) == narrowed).driver.back()
    library.until(lambda: shown(library) == ask(library_service))
    assert (chips(library), library.find("//label[span='cross']/input", by="xpath").is_selected()) == ([], False)
    library.driver.forward()
    library.until(lambda: shown(library) == narrowed)
    assert library.find("//label[span='cross']/input", by="xpath").is_selected()


def test_numbers_are_bounded_from_below_and_above(library: SearchPage, library_service: str) -> None:
    open_panel(library.open(ADDRESS))
    library.find("[aria-label='shelf from']").send_keys("11", Keys.TAB)
    library.until(lambda: shown(library) == ask(library_service, filter={"field": "shelf", "gte": 11}))
    assert chips(library) == ["shelf: at least 11"]


def test_more_like_this_keeps_the_filters(library: SearchPage) -> None:
    library.open(ADDRESS + "&f.shape=star")
    library.click_hit(shown(library)[0]).until(lambda: "this picture" in library.title).finished()
    assert chips(library) == ["shape: star"]
    assert {hit.split("-")[0] for hit in shown(library)} >= {"0", "12"}


def test_filters_that_nothing_meets_are_told_from_an_empty_index(library: SearchPage) -> None:
    library.open(ADDRESS + "&f.shape=heart")
    assert (library.state, library.title) == ("none", "Nothing found")
    assert "No item of the kind you look for has what the filters ask of it." in library.text
    library.find(".message button").click()
    library.until(lambda: library.state == "results")
    assert chips(library) == []


@pytest.mark.parametrize("value", ["plain", "5", "true", "1..2", "..", '"quoted"', "", "ä &=#", 5, -1.5, True, None])
def test_every_value_comes_back_from_an_address_as_it_was(page: SearchPage, value: Any) -> None:
    written = "m.parametersOf([{ field: 'a.b', values: [JSON.parse(arguments[0])] }])"
    script = f"""const done = arguments[1];
        import('/web/filters.js').then((m) => {{
            const address = new URLSearchParams({written}).toString();
            done(m.wishesFrom(new URLSearchParams(address)));
        }});"""
    assert page.driver.execute_async_script(script, json.dumps(value)) == [{"field": "a.b", "values": [value]}]


def test_lists_and_objects_are_looked_through(page: SearchPage) -> None:
    payload = "{ tags: ['x', 'y', 'x'], maker: { born: 1990, 'v.2': true }, deep: [{ a: 1 }, { a: 2 }] }"
    fields = f"((f) => (f.see([{{ id: 'one', payload: {payload} }}, {{ id: 'two', payload: {{}} }}]), f.list()))(new m.Facets())"
    found = in_module(page, "facets.js", f"{fields}.map(({{ field, values }}) => [field, values.map((v) => v.value)])")
    assert found == [["tags", ["x", "y"]], ["maker.born", [1990]], ["maker.v\\.2", [True]], ["deep.a", [1, 2]]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1400])
def test_axe_finds_no_barrier_among_filters(library: SearchPage, scheme: str, width: int) -> None:
    library.prefer(color_scheme=scheme, reduced_motion="reduce").resize(width).open("?q=a+ring&f.shape=star&f.shelf=2..4")
    open_panel(library)
    assert barriers(library) == []
    assert library.overflow_px == 0
