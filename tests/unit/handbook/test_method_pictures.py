"""The pictures of how things work are those that their code draws."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from handbook.code_pictures import encoded
from handbook.method_pictures import BUNDLE, FOLDER, PICTURES, draw
from model.codes import hamming_distances, pack_codes, sign_codes

PAGE = FOLDER.parents[1] / "how-it-works.md"


def test_the_page_shows_every_picture_and_each_was_drawn() -> None:
    shown = re.findall(r"\(images/methods/(\w+)\.svg\)", PAGE.read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(PICTURES) == sorted(path.stem for path in FOLDER.iterdir())
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 400_000


@pytest.mark.parametrize("name", ["contrast", "margin", "calibration"])
def test_a_picture_is_drawn_the_same_each_time(tmp_path: Path, name: str) -> None:
    draw(tmp_path / "one", [name])
    draw(tmp_path / "two", [name])
    assert (tmp_path / "one" / f"{name}.svg").read_bytes() == (tmp_path / "two" / f"{name}.svg").read_bytes()


def test_the_distances_that_the_page_names_are_those_of_the_shipped_bundle() -> None:
    packed = pack_codes(sign_codes(encoded(BUNDLE)))
    distances = hamming_distances(packed, packed)
    assert "bus and car 7 bits, fruit and vegetables 3, bus and fruit 17" in PAGE.read_text(encoding="utf-8")
    assert (distances[0, 1], distances[2, 3], distances[0, 2]) == (7, 3, 17)
