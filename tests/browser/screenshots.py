"""Takes the pictures of the pages in docs/images from a service that `make demo` has filled: every state, window and colour scheme.

python -m tests.browser.screenshots --url http://127.0.0.1:8000 --out docs/images/pages [--only detail]

Nothing is changed at the service: where pictures are added, the answers are made up in the browser.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from selenium.webdriver import Chrome

from tests.browser.chromium import start_chromium
from tests.browser.page import SearchPage

WINDOWS = {"phone": (390, 844), "laptop": (1366, 854), "wide": (1920, 1080)}
SCHEMES = ("light", "dark")
QUERY = "?q=a+bus+in+the+city"
README = (1280, 1000, "light", "results")
N_FILES = 300


def results(page: SearchPage, folder: Path) -> None:
    page.open(QUERY)


def empty(page: SearchPage, folder: Path) -> None:
    page.open()


def mix(page: SearchPage, folder: Path) -> None:
    page.open("?q=at+sea&like=1F68C&share=0.35").until(lambda: page.find_all(".answer__picture"))


def filters(page: SearchPage, folder: Path) -> None:
    page.open("?q=something+sweet&f.group=food+%26+drink").find("#filter-toggle").click()
    page.until(lambda: page.find_all("#filter-fields fieldset"))
    page.until(lambda: page.script("[...document.querySelectorAll('.facet__n')].every((n) => n.textContent)"))


def detail(page: SearchPage, folder: Path) -> None:
    page.open("?q=a+red+flower").script("document.querySelectorAll('.card__details')[2].click()")
    page.until(lambda: page.find_all("#detail figure"))
    page.script("[...document.querySelectorAll('#detail button')].find((b) => b.textContent === 'Explain').click()")
    page.until(lambda: page.find_all("#detail .why"))
    page.until(lambda: page.script("document.querySelector('#detail-face img').complete"))
    page.script("document.activeElement.blur()")


def adding(page: SearchPage, folder: Path) -> None:
    page.open().driver.execute_script(
        """
        const ask = window.fetch;
        let sent = 0;
        window.fetch = async (address, init) => {
            const path = new URL(address).pathname;
            if (path === "/index/lookup") return Response.json({ items: JSON.parse(init.body).ids.map(() => null) });
            if (path !== "/index" || init?.method !== "POST") return ask(address, init);
            if (++sent > 10) { window.isHeld = true; return new Promise(() => {}); }
            const bad = { status: 422, detail: "the image is damaged or incomplete" };
            const items = JSON.parse(init.body.get("items"));
            const fate = (item, i) => i === 7 && sent % 4 === 0 ? { status: "failed", error: bad } : { status: "added" };
            return Response.json({ results: items.map(fate) });
        };
        """
    )
    page.drag(folder).until(lambda: page.script("document.querySelector('#adder').dataset.stage === 'ready'"))
    page.find("#adder-go").click()
    page.until(lambda: page.script("window.isHeld === true"))
    page.script("document.activeElement.blur()")


def nothing(page: SearchPage, folder: Path) -> None:
    page.open("?q=the+third+symphony&sure=0.95")


def operator(page: SearchPage, folder: Path) -> None:
    page.driver.get(page.base_url + "/operator")
    page.until(lambda: page.find("#calibration").text)


def interface(page: SearchPage, folder: Path) -> None:
    page.driver.get(page.base_url + "/docs")
    page.until(lambda: page.find_all(".opblock"))


STATES: dict[str, Callable[[SearchPage, Path], None]] = {
    "empty": empty,
    "results": results,
    "mix": mix,
    "filters": filters,
    "detail": detail,
    "adding": adding,
    "no-match": nothing,
    "operator": operator,
    "interface": interface,
}


def shot(driver: Chrome) -> Image.Image:
    picture = Image.open(io.BytesIO(driver.get_screenshot_as_png()))
    return picture.convert("RGB")


def take(page: SearchPage, state: str, folder: Path, window: tuple[int, int], scheme: str) -> Image.Image:
    page.driver.get("about:blank")
    page.resize(*window).prefer(color_scheme=scheme, reduced_motion="reduce")
    STATES[state](page, folder)
    page.until(lambda: all(page.pictures_in_sight_loaded))
    return shot(page.driver)


def folder_of_pictures(place: Path) -> Path:
    """Makes a folder as cameras leave them."""
    day = place / "holiday" / "2025-07-14"
    day.mkdir(parents=True)
    for number in range(N_FILES):
        Image.new("RGB", (16, 12), (number % 256, 90, 120)).save(day / f"IMG_{2100 + number}.jpg")
    (day / "IMG_2100.txt").write_text("the harbour in the evening")
    return place / "holiday"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--out", type=Path, default=Path("docs") / "images" / "pages")
    parser.add_argument("--readme", type=Path, default=Path("docs") / "images" / "search-page.png")
    parser.add_argument("--only", choices=list(STATES))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        driver = start_chromium(Path(place) / "profile")
        try:
            driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
            page, folder = SearchPage(driver, given.url.rstrip("/")), folder_of_pictures(Path(place))
            for state in [given.only] if given.only else STATES:
                for name, window in WINDOWS.items():
                    for scheme in SCHEMES:
                        picture = take(page, state, folder, window, scheme)
                        picture.save(given.out / f"{state}-{name}-{scheme}.webp", quality=72, method=6)
            if given.only in (None, "results"):
                picture = take(page, README[3], folder, README[:2], README[2])
                picture.quantize(192, dither=Image.Dither.NONE).save(given.readme, optimize=True)
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
