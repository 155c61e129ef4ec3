"""The search page as a visitor handles it: one object, so that tests read as sentences and markup is known in one place.

Every wait is for a condition; nothing sleeps.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

WAIT_S = 20.0
FINISHED = {"results", "none", "error", "empty"}


@dataclass(frozen=True)
class ShownHit:
    """A hit as it stands on the page."""

    item_id: str
    distance: int
    words: str
    is_text: bool


class SearchPage:
    """Drives one browser that has the page of one service open."""

    def __init__(self, driver: Chrome, base_url: str) -> None:
        self.driver = driver
        self.base_url = base_url

    # --- doing ---------------------------------------------------------------------------------------------------------

    def open(self, address: str = "") -> SearchPage:
        self.driver.get(self.base_url + "/" + address)
        return self.finished()

    def resize(self, width: int, height: int = 1000) -> SearchPage:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        return self

    def prefer(self, **features: str) -> SearchPage:
        wanted = [{"name": "prefers-" + name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wanted})
        return self

    def search(self, text: str) -> SearchPage:
        field = self.find("#q")
        field.clear()
        field.send_keys(text, Keys.ENTER)
        return self.until(lambda: f"“{text}”" in self.title or self.state == "error").finished()

    def choose(self, path: Path) -> SearchPage:
        before = self.driver.current_url, self.find("#preview").get_attribute("src")
        self.find("#file").send_keys(str(path))
        return self.until(
            lambda: self.refusal != "" or (self.driver.current_url, self.find("#preview").get_attribute("src")) != before
        )

    def drop(self, name: str, media_type: str, content: bytes) -> SearchPage:
        script = """
            const [name, type, hex] = arguments;
            const bytes = Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([bytes], name, { type }));
            const how = { dataTransfer, bubbles: true, cancelable: true };
            for (const kind of ["dragenter", "dragover", "drop"])
                document.querySelector("#drop").dispatchEvent(new DragEvent(kind, how));
        """
        self.driver.execute_script(script, name, media_type, content.hex())
        return self

    def drag(self, *paths: Path) -> SearchPage:
        """Drops files and folders from disk, as a file manager would."""
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.driver.execute_cdp_cmd("Input.dispatchDragEvent", {"type": kind, "x": 100, "y": 100, "data": data})
        return self

    def paste(self, name: str, media_type: str, content: bytes) -> SearchPage:
        script = """
            const [name, type, hex] = arguments;
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16))], name, { type }));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        """
        self.driver.execute_script(script, name, media_type, content.hex())
        return self

    def slide(self, selector: str, value: int) -> SearchPage:
        script = """
            const [slider, value] = [document.querySelector(arguments[0]), arguments[1]];
            slider.value = value;
            for (const kind of ["input", "change"]) slider.dispatchEvent(new Event(kind, { bubbles: true }));
        """
        self.driver.execute_script(script, selector, str(value))
        return self

    def click_hit(self, item_id: str) -> SearchPage:
        self.find(f'[data-id="{item_id}"] button').click()
        return self

    def ask(self, text: str) -> SearchPage:
        """Searches where a key will be asked for."""
        self.find("#q").send_keys(text, Keys.ENTER)
        return self.until(lambda: self.asks_for_key)

    def give_key(self, key: str) -> SearchPage:
        self.find("#key").clear()
        self.find("#key").send_keys(key, Keys.ENTER)
        return self.until(lambda: not self.asks_for_key or self.key_refusal)

    # --- waiting -------------------------------------------------------------------------------------------------------

    def until(self, condition: Callable[[], object]) -> SearchPage:
        WebDriverWait(self.driver, WAIT_S, poll_frequency=0.05).until(lambda _: condition())
        return self

    def finished(self) -> SearchPage:
        return self.until(lambda: self.state in FINISHED)

    # --- reading -------------------------------------------------------------------------------------------------------

    def find(self, selector: str, by: str = By.CSS_SELECTOR) -> WebElement:
        return self.driver.find_element(by, selector)

    def find_all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def script(self, expression: str) -> Any:
        return self.driver.execute_script(f"return {expression}")

    @property
    def state(self) -> str:
        return str(self.script("document.body.dataset.state"))

    @property
    def title(self) -> str:
        return str(self.script("document.querySelector('#results h2')?.textContent ?? ''"))

    @property
    def text(self) -> str:
        return self.find("#results").text

    @property
    def refusal(self) -> str:
        return self.find("#refusal").text

    @property
    def asks_for_key(self) -> bool:
        return bool(self.script("document.querySelector('#key-dialog').open"))

    @property
    def key_refusal(self) -> str:
        return self.find("#key-refusal").text

    @property
    def announcement(self) -> str:
        return str(self.script("document.querySelector('#announcement').textContent"))

    @property
    def hits(self) -> list[ShownHit]:
        script = """[...document.querySelectorAll('#results .hits > li')].map((li) => ({
            item_id: li.dataset.id,
            distance: Number(li.querySelector('.distance').dataset.distance),
            words: li.querySelector('.distance').textContent,
            is_text: li.querySelector('.face--text') !== null }))"""
        return [ShownHit(**entry) for entry in self.script(script)]

    @property
    def loaded_pictures(self) -> list[bool]:
        return list(self.script("[...document.querySelectorAll('.face img')].map((i) => i.complete && i.naturalWidth > 0)"))

    @property
    def pictures_in_sight_loaded(self) -> list[bool]:
        script = """[...document.querySelectorAll('.face img')].filter((i) => i.getBoundingClientRect().top < innerHeight)
            .map((i) => i.complete && i.naturalWidth > 0)"""
        return list(self.script(script))

    @property
    def facts(self) -> dict[str, str]:
        pairs = self.script("[...document.querySelectorAll('.facts div')].map((d) => [...d.children].map((c) => c.textContent))")
        return dict(pairs)

    @property
    def overflow_px(self) -> int:
        return int(self.script("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def console_errors(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in {"SEVERE", "WARNING"}]

    def foreign_requests(self) -> list[str]:
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        own = urlsplit(self.base_url).netloc
        return [url for url in urls if urlsplit(url).scheme not in {"data", "blob"} and urlsplit(url).netloc != own]
