"""The audit's page in a browser: decisions by mouse and keyboard, filters, and a download that ``train`` can read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_core_python.selenium import Axe
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.audit_fixtures import NAMES, N, audited, ids_of, pairs_of
from training.audit.page import render_page
from training.audit.thumbnails import Thumbnails
from training.label_corrections import read_corrections

pytestmark = pytest.mark.browser

FACTS = {"run": "run", "data": "photos", "n_pairs": N, "n_wrong_expected": 180.2, "n_accepted": 150, "threshold": 0.7}


@pytest.fixture
def opened(driver: Chrome, tmp_path: Path) -> Iterator[Chrome]:
    """The page with twelve pairs and nothing decided; afterwards nothing may have complained."""
    audit = audited()
    file = tmp_path / "audit.html"
    file.write_text(render_page(audit, FACTS, Thumbnails(pairs_of(audit.given_labels)), n_shown=12), encoding="utf-8")
    driver.get_log("browser")
    driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    driver.get(file.as_uri())
    driver.execute_script("localStorage.clear()")
    driver.refresh()
    yield driver
    assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []


def cards(driver: Chrome) -> list[Any]:
    return [card for card in driver.find_elements(By.CSS_SELECTOR, ".card") if card.is_displayed()]


def told(driver: Chrome) -> str:
    return driver.find_element(By.ID, "told").text


def downloaded(driver: Chrome, folder: Path) -> dict[str, list[str]]:
    driver.find_element(By.ID, "download").click()
    file = folder / "reviewed.jsonl"
    WebDriverWait(driver, 20).until(lambda _: file.exists())
    found = read_corrections(file, ids_of(N), NAMES)
    return {f"p{row}": audited().names(labels) for row, labels in zip(found.rows, found.labels, strict=True)}


def test_decisions_by_mouse_and_keyboard_are_downloaded_and_others_are_not(opened: Chrome, tmp_path: Path) -> None:
    audit = audited()
    first, second, third = cards(opened)[:3]
    first.find_element(By.CSS_SELECTOR, "[data-do=suggest]").click()
    first.send_keys("j")
    opened.switch_to.active_element.send_keys("g")
    third.find_element(By.CSS_SELECTOR, "input:not(:checked)").send_keys(Keys.SPACE)
    third.send_keys("u")
    assert told(opened) == "12 of 12 pairs shown, 2 decided"
    assert second.get_attribute("data-state") == "decided"
    rows = audit.ranking[:2]
    wanted = {
        audit.ids[rows[0]]: audit.names(audit.suggested_labels[rows[0]]),
        audit.ids[rows[1]]: audit.names(audit.given_labels[rows[1]]),
    }
    assert downloaded(opened, tmp_path) == wanted


def test_suggestions_of_the_shown_pairs_are_taken_together_and_outlive_a_reload(opened: Chrome) -> None:
    audit = audited()
    row = audit.ranking[3]
    opened.find_element(By.ID, "query").send_keys(audit.ids[row])
    shown = cards(opened)
    opened.find_element(By.ID, "take").click()
    opened.refresh()
    assert told(opened).endswith(f"{len(shown)} decided")
    opened.find_element(By.CSS_SELECTOR, "#state [value=decided]").click()
    assert audit.ids[row] in [card.get_attribute("data-id") for card in cards(opened)]


def test_a_filter_by_label_and_role_shows_those_pairs_only(opened: Chrome) -> None:
    audit = audited()
    opened.find_element(By.CSS_SELECTOR, "#label [value='1']").click()
    opened.find_element(By.CSS_SELECTOR, "#role [value=removed]").click()
    wanted = [audit.ids[row] for row in audit.ranking[:12] if audit.given_labels[row, 1] > audit.suggested_labels[row, 1]]
    assert [card.get_attribute("data-id") for card in cards(opened)] == wanted


def test_a_pair_without_a_label_holds_the_download_back(opened: Chrome) -> None:
    for box in cards(opened)[0].find_elements(By.CSS_SELECTOR, "input:checked"):
        box.click()
    assert told(opened).endswith("1 needs a label before a download")
    assert not opened.find_element(By.ID, "download").is_enabled()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier_on_it(opened: Chrome, scheme: str) -> None:
    features = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
    opened.find_element(By.CSS_SELECTOR, "[data-do=suggest]").click()
    found = Axe().run(opened)["violations"]
    assert [(entry["id"], [node["html"] for node in entry["nodes"][:2]]) for entry in found] == []
