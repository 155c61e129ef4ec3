"""The demonstration's data: captions that do not quote labels, and a preparation that can be interrupted."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from model.errors import DatasetError
from training.datasets import load_pairs
from training.datasets.emoji_drawings import Drawing, caption, list_drawings
from training.datasets.openmoji import ATTRIBUTION, prepare_openmoji, read_payloads


@pytest.fixture(scope="module")
def drawings() -> list[Drawing]:
    return list_drawings()


def test_a_caption_is_the_name_and_the_words_people_use() -> None:
    aliases = ("happy", "grinning_face", ":D", "smile", "happy", "joy")
    assert caption("grinning face", aliases, ("smileys & emotion",)) == "grinning face, happy, smile, joy"


def test_added_words_do_not_quote_the_labels() -> None:
    aliases = ("animal", "activity", "sports", "Face", "ball", "flags", "sporting goods", "animate")
    assert caption("basketball", aliases, ("activities", "sport", "animal-face & flag")) == "basketball, ball, animate"


def test_every_drawing_has_a_caption_a_group_and_an_id_of_its_own(drawings: list[Drawing]) -> None:
    assert len(drawings) > 1800
    assert len({drawing.hexcode for drawing in drawings}) == len(drawings)
    assert all(drawing.text and drawing.labels[0] == drawing.group for drawing in drawings)
    assert all(set(drawing.payload) == {"hexcode", "emoji", "group", "subgroup", "attribution"} for drawing in drawings)
    assert not any("1F3FB" in drawing.hexcode for drawing in drawings)  # skin tones


def test_what_is_written_is_read_as_pairs(drawings: list[Drawing], tmp_path: Path) -> None:
    folder = prepare_openmoji(tmp_path / "data", drawings=drawings[:30])
    pairs = load_pairs(folder, cache_dir=tmp_path / "cache")
    assert (len(pairs.train), len(pairs.query), len(pairs.gallery)) == (21, 6, 3)
    assert pairs.train.image(0).size == (224, 224)
    assert read_payloads(folder)[pairs.query.ids[2]]["hexcode"] == pairs.query.ids[2]
    assert ATTRIBUTION in (folder / "ATTRIBUTION.md").read_text()


def test_a_finished_folder_is_left_alone(drawings: list[Drawing], tmp_path: Path) -> None:
    folder = prepare_openmoji(tmp_path / "data", drawings=drawings[:20])
    reports: list[int] = []
    prepare_openmoji(folder, drawings=drawings[:20], progress=lambda done, total: reports.append(done))
    assert reports == []


def test_an_interrupted_preparation_goes_on(drawings: list[Drawing], tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_openmoji(tmp_path / "data", drawings=drawings[:20], progress=stop)
    early = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.png")}
    assert len(early) == 5
    prepare_openmoji(tmp_path / "data", drawings=drawings[:20])
    assert {file: file.stat().st_mtime_ns for file in early} == early
    assert len(list(tmp_path.rglob("*.png"))) == 20


def test_another_seed_starts_anew(drawings: list[Drawing], tmp_path: Path) -> None:
    prepare_openmoji(tmp_path / "data", drawings=drawings[:20])
    folder = prepare_openmoji(tmp_path / "data", drawings=drawings[:20], seed=1)
    assert json.loads((folder / "prepared.json").read_text())["seed"] == 1
    assert len(list(folder.rglob("*.png"))) == 20


def test_a_folder_with_other_files_is_not_touched(drawings: list[Drawing], tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(DatasetError, match="not the demonstration's"):
        prepare_openmoji(tmp_path, drawings=drawings[:20])
    assert (tmp_path / "mine.txt").read_text() == "keep me"


def test_other_captions_start_anew(drawings: list[Drawing], tmp_path: Path) -> None:
    prepare_openmoji(tmp_path / "data", drawings=drawings[:20])
    renamed = [dataclasses.replace(drawing, text="new words") for drawing in drawings[:20]]
    assert '"text": "new words"' in (prepare_openmoji(tmp_path / "data", drawings=renamed) / "train" / "metadata.jsonl").read_text()
