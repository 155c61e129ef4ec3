"""A visitor adds pictures by dropping a folder; what goes wrong is told file by file, and doing it again is harmless."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from selenium.webdriver import Chrome

from app.ingest_run import Asked, run
from tests.browser.conftest import SECRETS, server
from tests.browser.page import SearchPage
from tests.browser.test_looks import barriers
from tests.builders import picture

pytestmark = pytest.mark.browser
N_PICTURES = 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty pictures in two folders, two of them with captions, and what lies about in folders."""
    holiday = tmp_path / "holiday"
    (holiday / "day 2").mkdir(parents=True)
    for i in range(N_PICTURES):
        place = holiday / "day 2" if i % 2 else holiday
        (place / f"{i:02}.png").write_bytes(picture(f"a square number {i}"))
    (holiday / "00.txt").write_text("the beach at noon\n")
    (holiday / "day 2" / "01.txt").write_text("ünder the bridge")
    (holiday / "route.pdf").write_bytes(b"%PDF")
    (holiday / ".DS_Store").write_bytes(b"x")
    return holiday


@pytest.fixture
def fresh(driver: Chrome, tmp_path: Path) -> Iterator[SearchPage]:
    """The page of a service that holds nothing yet."""
    driver.get("about:blank")
    driver.get_log("browser")
    with server(tmp_path / "service") as address:
        page = SearchPage(driver, address).resize(1400).prefer(color_scheme="light").open()
        yield page
        assert page.console_errors() == []
    driver.get("about:blank")


def drop(page: SearchPage, *paths: Path) -> SearchPage:
    page.drag(*paths)
    return page.until(lambda: stage(page) in {"ready", "nothing"})


def stage(page: SearchPage) -> str:
    return str(page.script("document.querySelector('#adder').dataset.stage"))


def add(page: SearchPage) -> str:
    page.find("#adder-go").click()
    return outcome(page)


def outcome(page: SearchPage) -> str:
    return page.until(lambda: stage(page) == "over").find("#adder-outcome").text


def items(page: SearchPage) -> dict[str, dict]:
    return {item["id"]: item for item in httpx.get(f"{page.base_url}/index?limit=1000").json()["items"]}


def n_uploads(page: SearchPage) -> int:
    return int(page.script("performance.getEntriesByType('resource').filter((e) => e.name.endsWith('/index')).length"))


def hold_back_uploads(page: SearchPage, after: int) -> None:
    """Lets some uploads through; those that follow wait until they are broken off."""
    page.driver.execute_script(
        """
        const [ask, allowed] = [window.fetch, arguments[0]];
        let sent = 0;
        window.letGo = () => { window.fetch = ask; };
        window.fetch = (address, init) => {
            if (init?.method !== "POST" || !String(address).endsWith("/index") || sent++ < allowed) return ask(address, init);
            window.isHeld = true;
            return new Promise((_, refuse) => init.signal.addEventListener("abort", () => refuse(init.signal.reason)));
        };
        """,
        after,
    )


def test_a_dropped_folder_is_looked_through_before_anything_is_sent(fresh: SearchPage, folder: Path) -> None:
    drop(fresh, folder)
    assert fresh.find("#adder-found").text == "40 pictures, 2 captions, 2 other files left out."
    assert fresh.find("#adder-go").text == "Add 40 pictures"
    assert items(fresh) == {}


def test_all_its_pictures_are_added_with_paths_and_captions(fresh: SearchPage, folder: Path) -> None:
    assert add(drop(fresh, folder)) == "40 added."
    found = items(fresh)
    assert len(found) == N_PICTURES
    assert found["00.png"]["text"] == "the beach at noon"
    assert found["day 2/01.png"]["payload"] == {"folder": "day 2", "file": "01.png"}
    assert found["00.png"]["payload"] == {"file": "00.png"}
    fresh.find("#adder-close").click()
    fresh.until(lambda: fresh.find("#holdings").text.startswith("40 items"))
    assert fresh.search("a square number 7").hits[0].item_id == "day 2/07.png"


def test_what_fails_is_told_file_by_file_and_keeps_nothing_back(fresh: SearchPage, folder: Path) -> None:
    (folder / "damaged.png").write_bytes(b"this is no picture")
    (folder / "empty.png").write_bytes(b"")
    (folder / "drawing.svg").write_text("<svg/>")
    drop(fresh, folder)
    assert add(fresh) == "40 added, 1 failed."
    failures = fresh.find("#adder-failures").text
    assert "damaged.png\nThe bytes are no picture." in failures
    assert "empty.png\nIt is empty." in failures
    assert "drawing.svg\nIts format cannot be read here" in failures
    assert fresh.find("#adder-again").text == "Try 1 failed one again"


def test_the_same_folder_again_sends_nothing(fresh: SearchPage, folder: Path) -> None:
    add(drop(fresh, folder))
    before = n_uploads(fresh)
    fresh.find("#adder-other").click()
    assert add(drop(fresh, folder)) == "40 there already."
    assert n_uploads(fresh) == before


def test_what_the_command_line_has_indexed_is_there_already(fresh: SearchPage, folder: Path) -> None:
    run(Asked([str(folder)], fresh.base_url))
    before = items(fresh)
    assert add(drop(fresh, folder)) == "40 there already."
    fresh.find("#adder-other").click()
    assert {name: item["payload"] for name, item in before.items()}["day 2/01.png"] == {"folder": "day 2", "file": "01.png"}
    (twin := folder.parent / "twin").mkdir()
    (twin / "00.png").write_bytes(picture("a circle"))
    assert add(drop(fresh, twin)) == "1 whose name is taken."
    fresh.find("#adder-other").click()
    assert add(drop(fresh, folder, twin)) == "40 there already."
    assert "Another picture among these has the same name." in fresh.find("#adder-failures").text


def test_another_picture_of_the_same_name_is_replaced_only_when_asked(fresh: SearchPage, folder: Path) -> None:
    add(drop(fresh, folder))
    before = items(fresh)["04.png"]["image"]["sha256"]
    (folder / "04.png").write_bytes(picture("a circle"))
    fresh.find("#adder-other").click()
    assert add(drop(fresh, folder)) == "39 there already, 1 whose name is taken."
    assert items(fresh)["04.png"]["image"]["sha256"] == before
    fresh.find("#adder-replace").click()
    assert "1 replaced" in fresh.until(lambda: "replaced" in outcome(fresh)).find("#adder-outcome").text
    assert items(fresh)["04.png"]["image"]["sha256"] != before


def test_it_can_be_stopped_and_goes_on_where_it_was(fresh: SearchPage, folder: Path) -> None:
    drop(fresh, folder)
    hold_back_uploads(fresh, after=1)
    fresh.find("#adder-go").click()
    fresh.until(lambda: fresh.script("window.isHeld === true"))
    assert fresh.find("#adder-numbers").text == "16 of 40 pictures"
    assert fresh.find("#add").get_attribute("textContent") == "Adding 16 of 40"
    fresh.find("#adder-cancel").click()
    assert outcome(fresh) == "16 added, 24 not tried."
    fresh.script("window.letGo()")
    fresh.find("#adder-again").click()
    assert fresh.until(lambda: "40" in outcome(fresh)).find("#adder-outcome").text == "40 added."
    assert len(items(fresh)) == N_PICTURES


def test_a_service_that_goes_and_comes_back_gets_all_of_them_once(driver: Chrome, tmp_path: Path, folder: Path) -> None:
    with server(tmp_path / "service") as address:
        page = drop(SearchPage(driver, address).resize(1400).open(), folder)
    page.find("#adder-go").click()
    page.until(lambda: "goes on as soon as it answers" in page.find("#adder-waiting").text)
    with server(tmp_path / "service", port=urlsplit(address).port or 0):
        assert outcome(page) == "40 added."
        assert len(items(page)) == N_PICTURES
        driver.get("about:blank")
    page.console_errors()


def test_a_key_that_may_only_read_is_told(guarded: SearchPage, folder: Path) -> None:
    guarded.script(f"sessionStorage.setItem('bitlens-key', '{SECRETS['read'][0]}')")
    drop(guarded, folder)
    assert add(guarded) == "40 not tried. This key may search, but not add pictures."
    assert all("403" in line for line in guarded.console_errors())
    guarded.find("#adder-again").click()
    guarded.until(lambda: guarded.asks_for_key).give_key(SECRETS["write"][0])
    guarded.until(lambda: "40 added" in outcome(guarded))
    guarded.console_errors()  # the request without a key was refused
    added = {"filter": {"field": "file", "exists": True}}
    headers = {"x-api-key": SECRETS["write"][0]}
    httpx.post(f"{guarded.base_url}/index/delete", json=added, headers=headers).raise_for_status()  # others count on it


def test_files_can_be_chosen_without_dropping(fresh: SearchPage, folder: Path) -> None:
    fresh.find("#add-first").click()
    fresh.find("#add-files").send_keys("\n".join(str(folder / name) for name in ("00.png", "00.txt", "02.png")))
    assert fresh.until(lambda: stage(fresh) == "ready").find("#adder-found").text == "2 pictures, 1 caption."
    assert add(fresh) == "2 added."
    assert {name: item["text"] for name, item in items(fresh).items()} == {"00.png": "the beach at noon", "02.png": None}


def test_one_dropped_picture_searches_unless_the_dialog_is_open(fresh: SearchPage, folder: Path) -> None:
    fresh.drag(folder / "00.png")
    fresh.until(lambda: fresh.state == "none")
    assert not fresh.find("#adder").is_displayed()
    fresh.find("#add").click()
    assert drop(fresh, folder / "00.png").find("#adder-found").text == "1 picture."


def test_an_empty_index_says_so_and_what_to_do(fresh: SearchPage) -> None:
    fresh.until(lambda: fresh.find("#nothing").is_displayed())
    assert "Nothing is indexed yet" in fresh.find("#nothing").text
    assert not fresh.find(".examples").is_displayed()


def test_a_folder_without_pictures_is_told(fresh: SearchPage, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "one.txt").write_text("no picture")
    assert drop(fresh, tmp_path / "notes").find("#adder-found").text == "No picture that could be added is among them."


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1400])
def test_axe_finds_no_barrier_in_any_state(fresh: SearchPage, folder: Path, scheme: str, width: int) -> None:
    (folder / "damaged.png").write_bytes(b"this is no picture")
    (folder / "empty.png").write_bytes(b"")
    fresh.prefer(color_scheme=scheme, reduced_motion="reduce").resize(width).find("#add").click()
    assert barriers(fresh, within="#adder") == []
    drop(fresh, folder)
    assert barriers(fresh, within="#adder") == []
    hold_back_uploads(fresh, after=1)
    fresh.find("#adder-go").click()
    fresh.until(lambda: fresh.script("window.isHeld === true"))
    assert barriers(fresh, within="#adder") == []
    fresh.find("#adder-cancel").click()
    outcome(fresh)
    assert barriers(fresh, within="#adder") == []
    assert fresh.overflow_px == 0
