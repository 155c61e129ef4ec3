"""Takes the README's picture of the search page from a running service.

python -m tests.browser.screenshot --url http://127.0.0.1:8000 --query "a bus in the city" --out docs/images/search-page.png
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from urllib.parse import quote_plus

from tests.browser.chromium import start_chromium
from tests.browser.page import SearchPage


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--query", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=1000)
    parser.add_argument("--scheme", choices=["light", "dark"], default="light")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as profile:
        driver = start_chromium(Path(profile))
        try:
            driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
            page = SearchPage(driver, given.url.rstrip("/")).resize(given.width, given.height).prefer(color_scheme=given.scheme)
            page.open(f"?q={quote_plus(given.query)}").until(lambda: all(page.pictures_in_sight_loaded))
            driver.save_screenshot(str(given.out))
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
