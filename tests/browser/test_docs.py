"""The interface can be read and tried in the browser, with nothing but what the service brings along."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from selenium.webdriver import Chrome

from tests.browser.conftest import SECRETS
from tests.browser.page import SearchPage
from tests.browser.test_looks import barriers

pytestmark = pytest.mark.browser


@pytest.fixture
def docs(driver: Chrome, service: str) -> Iterator[SearchPage]:
    driver.get("about:blank")
    driver.get_log("browser")
    driver.get_log("performance")
    page = opened(SearchPage(driver, service).resize(1400).prefer(color_scheme="light"))
    yield page
    assert page.foreign_requests() == []
    assert [line for line in page.console_errors() if "deep link" not in line] == []  # Swagger UI's word on its own future


def opened(page: SearchPage, place: str = "") -> SearchPage:
    page.driver.get("about:blank")
    page.driver.get(page.base_url + "/docs" + place)
    return page.until(lambda: page.find_all(".opblock"))


def test_every_operation_of_the_document_is_shown(docs: SearchPage, service: str) -> None:
    document = httpx.get(f"{service}/openapi.json").json()
    shown = docs.script("[...document.querySelectorAll('.opblock-summary-path')].map((p) => p.dataset.path)")
    assert sorted(shown) == sorted(path for path, methods in document["paths"].items() for _ in methods)


def test_an_operation_can_be_tried(docs: SearchPage) -> None:
    opened(docs, "#/health/livez_livez_get").until(lambda: docs.find_all("button.execute"))
    docs.find("button.execute").click()
    docs.until(lambda: docs.find_all(".live-responses-table"))
    assert '"status": "ok"' in docs.find(".live-responses-table").text


def test_the_key_of_this_visit_is_sent_along(guarded: SearchPage) -> None:
    guarded.script(f"sessionStorage.setItem('bitlens-key', '{SECRETS['read'][0]}')")
    guarded.driver.get(guarded.base_url + "/docs#/health/stats_stats_get")
    guarded.until(lambda: guarded.find_all("button.execute")).find("button.execute").click()
    guarded.until(lambda: guarded.find_all(".live-responses-table"))
    assert '"n_items": 30' in guarded.find(".live-responses-table").text
    guarded.console_errors()  # Swagger UI warns of its own future


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier_of_ours_and_colours_tell_apart(docs: SearchPage, scheme: str) -> None:
    opened(docs.prefer(color_scheme=scheme, reduced_motion="reduce"))
    assert barriers(docs, within=".masthead") == []
    assert "color-contrast" not in dict(barriers(docs))  # the order of Swagger UI's headings is its own
