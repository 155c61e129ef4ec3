"""Features are extracted once, survive interruptions bit for bit, and a torn file is never believed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.codes import Float32
from model.errors import DatasetError, EmptyText
from tests.pair_folders import picture
from training.datasets import ModalityInputs, PairDataset
from training.features import CHECKPOINT_ROWS, extract_features, feature_key


class StubBackbone:
    """Three numbers from a text; remembers what it was asked and can fail at the n-th batch."""

    def __init__(self, *, fail_at: int | None = None, weights_digest: str = "w") -> None:
        self.name, self.feature_dim, self.weights_digest = "stub/text", 3, weights_digest
        self.seen: list[str] = []
        self.n_batches, self._fail_at = 0, fail_at

    def prepare(self, raw: Any) -> Any:
        if isinstance(raw, str) and not raw.strip():
            raise EmptyText("the text is empty")
        return raw

    def extract(self, prepared: Sequence[Any]) -> Float32:
        if self.n_batches == self._fail_at:
            raise KeyboardInterrupt
        self.n_batches += 1
        self.seen.extend(prepared)
        rows = [[len(text), hash_of(text), np.nan if text == "nan" else 0.1] for text in prepared]
        return np.array(rows, dtype=np.float32)


def hash_of(text: str) -> float:
    return sum(text.encode()) / 7


def texts(n: int, digest: str = "d") -> ModalityInputs:
    words = [f"text {i}" for i in range(n)]
    return ModalityInputs("text", digest, [f"x{i}" for i in range(n)], words.__getitem__)


def files(tmp_path: Path, ending: str) -> list[Path]:
    return sorted((tmp_path / "features").glob(f"*{ending}"))


def test_features_are_those_of_the_backbone_and_read_only(tmp_path: Path) -> None:
    backbone = StubBackbone()
    features = extract_features(backbone, texts(10), cache_dir=tmp_path, batch_size=4)
    np.testing.assert_array_equal(features, StubBackbone().extract([f"text {i}" for i in range(10)]))
    assert (features.shape, features.dtype, features.flags.writeable) == ((10, 3), np.float32, False)
    assert backbone.n_batches == 3


def test_the_second_call_extracts_nothing(tmp_path: Path) -> None:
    extract_features(StubBackbone(), texts(10), cache_dir=tmp_path)
    again, calls = StubBackbone(), []
    extract_features(again, texts(10), cache_dir=tmp_path, progress=lambda done, total: calls.append(done))
    assert (again.seen, calls) == ([], [])


def test_other_data_or_weights_are_extracted_anew(tmp_path: Path) -> None:
    keys = {
        feature_key(StubBackbone(), texts(3)),
        feature_key(StubBackbone(), texts(3, digest="e")),
        feature_key(StubBackbone(weights_digest="v"), texts(3)),
    }
    assert len(keys) == 3


def test_an_interrupted_run_goes_on_without_repeating_rows(tmp_path: Path) -> None:
    whole = extract_features(StubBackbone(), texts(50), cache_dir=tmp_path / "whole", batch_size=4)
    with pytest.raises(KeyboardInterrupt):
        extract_features(StubBackbone(fail_at=5), texts(50), cache_dir=tmp_path, batch_size=4)
    second, reports = StubBackbone(), []
    resumed = extract_features(
        second, texts(50), cache_dir=tmp_path, batch_size=4, progress=lambda done, total: reports.append((done, total))
    )
    assert second.seen == [f"text {i}" for i in range(20, 50)]
    assert resumed.tobytes() == whole.tobytes()
    assert (reports[0], reports[-1]) == ((20, 50), (50, 50))
    assert files(tmp_path, ".partial.npy") == []


def test_a_long_run_leaves_records_on_the_way(tmp_path: Path) -> None:
    n_done: list[int] = []

    def look(done: int, total: int) -> None:
        n_done.extend(json.loads(file.read_text())["n_done"] for file in files(tmp_path, ".json"))

    extract_features(StubBackbone(), texts(3 * CHECKPOINT_ROWS), cache_dir=tmp_path, batch_size=128, progress=look)
    assert set(n_done) == {CHECKPOINT_ROWS, 2 * CHECKPOINT_ROWS}


@pytest.mark.parametrize("damage", ["zeros", "short", "no record", "torn record"])
def test_a_torn_partial_file_is_done_again(damage: str, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        extract_features(StubBackbone(fail_at=3), texts(20), cache_dir=tmp_path, batch_size=4)
    tear(files(tmp_path, ".partial.npy")[0], files(tmp_path, ".json")[0], damage)
    again = StubBackbone()
    features = extract_features(again, texts(20), cache_dir=tmp_path, batch_size=4)
    assert len(again.seen) == 20
    np.testing.assert_array_equal(features[:, 0], [len(f"text {i}") for i in range(20)])


@pytest.mark.parametrize("damage", ["zeros", "short", "no record", "torn record"])
def test_a_torn_finished_file_is_done_again(damage: str, tmp_path: Path) -> None:
    del_me = extract_features(StubBackbone(), texts(20), cache_dir=tmp_path)
    del del_me
    tear(files(tmp_path, ".npy")[0], files(tmp_path, ".json")[0], damage)
    again = StubBackbone()
    extract_features(again, texts(20), cache_dir=tmp_path)
    assert len(again.seen) == 20


def tear(array: Path, record: Path, damage: str) -> None:
    content = array.read_bytes()
    if damage == "zeros":
        array.write_bytes(content[:140] + bytes(len(content) - 140))
    elif damage == "short":
        array.write_bytes(content[:150])
    elif damage == "no record":
        record.unlink()
    else:
        record.write_text(record.read_text()[:-9])


def test_another_batch_size_starts_a_partial_file_anew(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        extract_features(StubBackbone(fail_at=3), texts(20), cache_dir=tmp_path, batch_size=4)
    again = StubBackbone()
    extract_features(again, texts(20), cache_dir=tmp_path, batch_size=5)
    assert len(again.seen) == 20


def test_an_unusable_input_names_its_item_and_keeps_what_was_done(tmp_path: Path) -> None:
    words = ["a", "b", "c", " "]
    inputs = ModalityInputs("text", "d", ["w", "x", "y", "z"], words.__getitem__)
    with pytest.raises(DatasetError, match="item 'z': its text cannot be used"):
        extract_features(StubBackbone(), inputs, cache_dir=tmp_path, batch_size=1)
    assert json.loads(files(tmp_path, ".json")[0].read_text())["n_done"] == 3


def test_a_corrupt_picture_names_its_item(tmp_path: Path) -> None:
    pictures = [picture(1), b"no picture"]
    pairs = PairDataset(["good", "bad"], ["a", "b"], np.ones((2, 1), np.uint8), ("l",), pictures.__getitem__)
    with pytest.raises(DatasetError, match="item 'bad': its image cannot be decoded"):
        extract_features(StubBackbone(), pairs.image_inputs, cache_dir=tmp_path)


def test_features_that_are_not_finite_name_their_item(tmp_path: Path) -> None:
    inputs = ModalityInputs("text", "d", ["x", "y"], ["fine", "nan"].__getitem__)
    with pytest.raises(DatasetError, match="item 'y': its text gives features that are not finite"):
        extract_features(StubBackbone(), inputs, cache_dir=tmp_path)
