"""The operator's page: what the service says of itself, told so that somebody can act on it."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from selenium.webdriver import Chrome

from tests.browser.conftest import SECRETS, server
from tests.browser.page import SearchPage
from tests.browser.test_looks import barriers
from tests.builders import picture

pytestmark = pytest.mark.browser
PANELS = ("items", "cache", "pools", "bundle", "latency", "codes", "calibration", "jobs")


def opened(page: SearchPage) -> SearchPage:
    page.driver.get(page.base_url + "/operator")
    return page.until(lambda: page.find("#calibration").text)


@pytest.fixture
def operator(driver: Chrome, library_service: str) -> Iterator[SearchPage]:
    """The operator's page of a service with many items, after a search."""
    httpx.post(f"{library_service}/search/text", json={"query": "a teal ring"}, timeout=30).raise_for_status()
    driver.get("about:blank")
    driver.get_log("browser")
    driver.get_log("performance")
    page = opened(SearchPage(driver, library_service).resize(1400).prefer(color_scheme="light"))
    yield page
    assert page.foreign_requests() == []
    assert page.console_errors() == []
    driver.get("about:blank")


def text_of(page: SearchPage, panel: str) -> str:
    return page.find(f"#{panel}").text


def archive(*items: dict[str, object]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("manifest.jsonl", "".join(json.dumps(item) + "\n" for item in items))
        packed.writestr("good.png", picture("a square"))
        packed.writestr("bad.png", b"this is no picture")
    return buffer.getvalue()


def test_it_says_how_the_service_is_and_what_it_holds(operator: SearchPage, library_service: str) -> None:
    stats = httpx.get(f"{library_service}/stats").json()
    assert operator.find("#state").text == "Ready"
    assert text_of(operator, "items").startswith("520\nitems\nPicture codes\n520 in ")
    assert stats["bundle_id"] in text_of(operator, "bundle")
    assert text_of(operator, "bundle").startswith(f"{stats['n_bits']}\nbits each")


def test_latencies_stand_by_route_and_stage(operator: SearchPage) -> None:
    routes = operator.script("[...document.querySelectorAll('#latency tbody th')].map((t) => t.textContent)")
    assert {"POST /search/text", "POST /index", "search", "forward"} <= set(routes)


def test_the_health_of_the_codes_is_the_services(operator: SearchPage, library_service: str) -> None:
    health = httpx.get(f"{library_service}/stats/codes").json()["codes"]["image"]["health"]
    assert f"{health['n_informative']} of 64 bits carry information" in text_of(operator, "codes")
    assert len(operator.find_all("#codes .columns:first-of-type > div:first-child rect")) == 64


def test_each_direction_tells_what_its_distances_mean_and_whether_they_drift(operator: SearchPage) -> None:
    told = text_of(operator, "calibration")
    assert "Relevant is what shares a label with the query." in told
    assert operator.script("[...document.querySelectorAll('#calibration h4')].map((h) => h.textContent)") == [
        "image finds text",
        "text finds image",
        "image finds image",
        "text finds text",
    ]
    assert "80 % up to 8 bits, 50 % up to 32 bits" in told
    assert "Drift: text → image: " in told
    assert re.search(r"Searches by text: [\d,]+, \d+ of them unfamiliar; 0 not answered for that\.", told)


def test_a_job_tells_how_it_went_and_why_items_failed(operator: SearchPage, library_service: str) -> None:
    items = ({"id": "good", "image": "good.png"}, {"id": "bad", "image": "bad.png"})
    headers = {"content-type": "application/zip"}
    job = httpx.post(f"{library_service}/index/jobs", content=archive(*items), headers=headers, timeout=30).json()
    ended = lambda: httpx.get(f"{library_service}/index/jobs/{job['id']}").json()["state"] == "done"  # noqa: E731
    page = operator.until(ended)
    words = f"document.querySelector(\"[data-job='{job['id']}']\")?.innerText ?? ''"
    opened(page).until(lambda: "1 added, 1 failed of 2 items" in page.script(words))
    page.find(f"[data-job='{job['id']}'] button").click()
    page.until(lambda: "bad the bytes are no picture" in page.script(words))
    httpx.delete(f"{library_service}/index/good").raise_for_status()


def test_nothing_is_asked_during_a_pause(operator: SearchPage) -> None:
    operator.find("#pause").click()
    assert operator.find("#pause").get_attribute("aria-pressed") == "true"
    operator.script("(() => { window.asked = 0; const ask = fetch; window.fetch = (...g) => (window.asked++, ask(...g)); })()")
    assert operator.script("window.asked") == 0
    operator.find("#pause").click()
    operator.until(lambda: operator.script("window.asked") >= 4)
    assert operator.find("#pause").text == "Pause"


def test_a_service_that_goes_is_told_and_what_stands_there_is_called_old(driver: Chrome, tmp_path: Path) -> None:
    with server(tmp_path) as address:
        page = opened(SearchPage(driver, address).resize(1400))
    page.until(lambda: page.find("#state").text == "Away")
    assert "what stands below is old" in page.find("#trouble").text
    with server(tmp_path, port=urlsplit(address).port or 0):
        page.until(lambda: page.find("#state").text == "Ready")
        driver.get("about:blank")
    page.console_errors()


def test_a_key_is_asked_for_where_one_is_needed(guarded: SearchPage) -> None:
    guarded.driver.get(guarded.base_url + "/operator")
    guarded.until(lambda: guarded.asks_for_key).give_key(SECRETS["read"][0])
    guarded.until(lambda: guarded.find("#jobs").text)
    assert guarded.find("#state").text == "Ready"
    assert text_of(guarded, "items").startswith("30\nitems")


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_quantiles_are_those_of_the_buckets(operator: SearchPage, share: float) -> None:
    bounds = [0.001, 0.005, 0.01, 0.05, 0.1]
    values = np.random.default_rng(0).exponential(0.01, 500).clip(0, 0.099)
    counts = [[bound, int((values <= bound).sum())] for bound in bounds] + [[None, 500]]
    script = """const [counts, share, done] = arguments;
        import('/web/operator/prometheus.js').then((m) =>
            done(m.quantile(new Map(counts.map(([bound, n]) => [bound ?? Infinity, n])), share)));"""
    found = operator.driver.execute_async_script(script, counts, share)
    edges = [0.0, *bounds]
    expected = np.interp(share * 500, [0, *(n for _, n in counts[:-1])], edges)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1400])
def test_axe_finds_no_barrier_and_nothing_scrolls_sideways(operator: SearchPage, scheme: str, width: int) -> None:
    opened(operator.prefer(color_scheme=scheme, reduced_motion="reduce").resize(width))
    assert barriers(operator) == []
    assert operator.overflow_px == 0
