"""Measures how long a visitor waits: from Enter until the first result, and the first picture, is drawn.

python -m tests.browser.speed --url http://127.0.0.1:8000 --query "a bus in the city"
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple

from selenium.webdriver import Keys

from tests.browser.chromium import start_chromium
from tests.browser.page import SearchPage

# Time begins when the browser gets the key; a result counts as drawn in the frame after the one that it is put into.
WATCH = """
    window.waited = null;
    addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || window.hasAsked) return;
        window.hasAsked = true;
        const asked = event.timeStamp;
        const look = () => {
            const first = document.body.dataset.state === "results" && document.querySelector(".hits > li");
            if (!first) return void requestAnimationFrame(look);
            requestAnimationFrame(() => {
                const result = performance.now() - asked;
                const picture = first.querySelector("img");
                const done = () => requestAnimationFrame(() => { window.waited = [result, performance.now() - asked]; });
                if (!picture || picture.complete) done();
                else picture.addEventListener("load", done, { once: true });
            });
        };
        requestAnimationFrame(look);
    }, { capture: true });
"""


class Waited(NamedTuple):
    """Milliseconds after Enter."""

    result_ms: float
    picture_ms: float


def measure(page: SearchPage, query: str, n_times: int = 15) -> list[Waited]:
    """Searches again and again from the empty page, after a first time that fills the caches."""
    waited = []
    for _ in range(n_times + 1):
        page.open()
        page.driver.execute_script(WATCH)
        page.find("#q").send_keys(query, Keys.ENTER)
        page.until(lambda: page.script("window.waited"))
        waited.append(Waited(*page.script("window.waited")))
    return waited[1:]


def told(waited: list[Waited]) -> str:
    """Says it in a line."""
    results, pictures = [one.result_ms for one in waited], [one.picture_ms for one in waited]
    return (
        f"cached query, {len(waited)} times: first result drawn after {median(results):.0f} ms (at most {max(results):.0f}), "
        f"its picture after {median(pictures):.0f} ms (at most {max(pictures):.0f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--query", default="a bus in the city")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as profile:
        driver = start_chromium(Path(profile))
        try:
            waited = measure(SearchPage(driver, given.url.rstrip("/")).resize(1400), given.query)
            sys.stdout.write(told(waited) + "\n")
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
