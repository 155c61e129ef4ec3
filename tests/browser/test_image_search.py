"""A visitor shows a picture: chosen, dropped, pasted, or one of the hits."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.browser.conftest import COLOURS, drawing
from tests.browser.page import SearchPage

pytestmark = pytest.mark.browser


def ask(service: str, content: bytes, target: str) -> list[tuple[str, int]]:
    data = {"k": "24", "target": target}
    answer = httpx.post(f"{service}/search/image", files={"image": ("p.png", content, "image/png")}, data=data, timeout=30)
    return [(hit["id"], hit["distance"]) for hit in answer.json()["hits"]]


def shown(page: SearchPage) -> list[tuple[str, int]]:
    return [(hit.item_id, hit.distance) for hit in page.hits]


def test_a_chosen_picture_finds_texts(page: SearchPage, service: str, picture: Path) -> None:
    page.choose(picture).until(lambda: page.state == "results")
    assert shown(page) == ask(service, picture.read_bytes(), "text")
    assert all(hit.is_text for hit in page.hits)


def test_the_chosen_picture_is_previewed_and_can_be_removed(page: SearchPage, picture: Path) -> None:
    page.choose(picture).until(lambda: page.state == "results")
    page.until(lambda: page.script("document.querySelector('#preview').naturalWidth") == 96)
    assert page.find("#chosen-name").text == "crimson.png"
    page.find("#clear").click()
    page.until(lambda: page.state == "empty")
    assert not page.find("#chosen").is_displayed()
    assert page.driver.switch_to.active_element.get_attribute("id") == "q"


def test_a_dropped_picture_finds_pictures_when_asked_to(page: SearchPage, service: str) -> None:
    page.open("?target=image").drop("teal.png", "image/png", drawing("teal")).until(lambda: page.state == "results")
    assert shown(page) == ask(service, drawing("teal"), "image")
    assert not page.find("#curtain").is_displayed()


def test_a_pasted_picture_searches(page: SearchPage, service: str) -> None:
    page.paste("image.png", "image/png", drawing("black")).until(lambda: page.state == "results")
    assert shown(page) == ask(service, drawing("black"), "text")


def test_a_click_on_a_hit_finds_more_like_it(page: SearchPage, service: str) -> None:
    page.search("a square").click_hit("square-2").until(lambda: "this picture" in page.title)
    alike = [hit for hit in ask(service, drawing(COLOURS[2]), "image") if hit[0] != "square-2"]
    assert shown(page) == alike
    page.until(lambda: page.script("document.querySelector('#preview').naturalWidth") == 96)
    assert "like=square-2" in page.driver.current_url
    assert page.driver.switch_to.active_element.get_attribute("id") == "results"


def test_more_like_this_can_be_shared_and_left(page: SearchPage) -> None:
    page.search("a square").click_hit("square-2").until(lambda: "this picture" in page.title)
    address = page.driver.current_url.removeprefix(page.base_url + "/")
    page.driver.back()
    page.until(lambda: "“a square”" in page.title)
    page.open(address)
    assert "this picture" in page.title


def test_an_item_with_a_difficult_id_can_be_searched_with(page: SearchPage) -> None:
    page.search("a square").click_hit("hostile <b>&").until(lambda: "this picture" in page.title)
    assert page.state == "results"


def test_back_finds_an_uploaded_picture_again(page: SearchPage, picture: Path) -> None:
    page.choose(picture).until(lambda: page.state == "results")
    page.find("#clear").click()
    page.search("a square")
    page.driver.back()
    page.driver.back()
    page.until(lambda: "your picture" in page.title).finished()
    assert page.find("#chosen-name").text == "crimson.png"


def test_a_text_without_a_picture_searches_with_its_words(page: SearchPage) -> None:
    page.open("?q=a+sentence&target=text").click_hit("words-only")
    page.until(lambda: "“a sentence without a picture”" in page.title)
    assert page.state == "results"


def test_a_picture_that_is_gone_leaves_its_text(page: SearchPage) -> None:
    page.search("a square").until(lambda: all(page.loaded_pictures))
    page.script("document.querySelector('[data-id=square-1] img').dispatchEvent(new Event('error'))")
    assert page.find("[data-id=square-1] .face--text").text == "a seagreen square"


def test_what_is_no_picture_is_refused_without_asking_the_service(page: SearchPage, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("no picture")
    page.choose(notes)
    assert page.refusal == "“notes.txt” is not a picture. Choose a JPEG, PNG, WebP, GIF or BMP file."
    assert page.state == "empty"


def test_a_format_that_cannot_be_read_is_refused(page: SearchPage) -> None:
    page.drop("drawing.svg", "image/svg+xml", b"<svg/>").until(lambda: page.refusal)
    assert "a format that cannot be read here" in page.refusal


def test_an_empty_file_is_refused(page: SearchPage) -> None:
    page.drop("nothing.png", "image/png", b"").until(lambda: page.refusal)
    assert page.refusal == "“nothing.png” is empty."


def test_a_huge_picture_is_refused(page: SearchPage, tmp_path: Path) -> None:
    huge = tmp_path / "huge.png"
    with huge.open("wb") as file:
        file.truncate(21 * 1024 * 1024)
    page.choose(huge)
    assert page.refusal == "“huge.png” has 21 MB; up to 20 MB can be searched with."
