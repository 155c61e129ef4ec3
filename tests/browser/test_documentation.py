"""The built documentation, opened from the disk as a reader without a network has it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.browser.page import SearchPage
from tests.e2e.processes import REPOSITORY

pytestmark = pytest.mark.browser
FOUND = "document.querySelectorAll('.md-search-result__item').length"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs", reason="the docs extra is not installed")
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    subprocess.run(build, check=True, cwd=REPOSITORY, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"})
    return folder


def test_it_is_searched_from_the_disk_without_a_network(driver: Chrome, site: Path) -> None:
    page = SearchPage(driver, site.as_uri()).resize(1400)
    driver.get("about:blank")
    page.console_errors(), page.foreign_requests()  # what came before
    driver.get(f"{site.as_uri()}/decisions/index.html")
    page.script("document.querySelector('#__search').click()")
    page.find(".md-search__input").send_keys("hamming")
    page.until(lambda: page.script(FOUND))
    assert page.console_errors() == []
    assert [url for url in page.foreign_requests() if not url.startswith("file:")] == []


@pytest.mark.parametrize("name", ["index", "tutorial", "http-api", "results", "python", "how-it-works"])
def test_no_page_scrolls_sideways_on_a_phone(driver: Chrome, site: Path, name: str) -> None:
    page = SearchPage(driver, site.as_uri()).resize(390)
    driver.get(f"{site.as_uri()}/{name}.html")
    assert page.overflow_px == 0
