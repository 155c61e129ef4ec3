"""The linear floor: its histograms and its mAP against loops, and the whole of it on tiny pictures."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.linear_floor import colour_histogram, fit_predict, linear_floor, main, mean_average_precision, oriented_gradients
from model.errors import DatasetError
from tests.pair_folders import rows_of, write_parquet
from training.datasets import PairDataset, PairSplits

COLOURS = {"red": (220, 20, 20), "green": (20, 220, 20), "blue": (20, 20, 220)}


def png_bytes(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def coloured_pairs(seed: int, n: int) -> PairDataset:
    """Returns pictures of one colour that the caption names, and that is their label; a few grey levels of noise."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(3, size=n)
    pixels = [np.clip(rng.normal(list(COLOURS.values())[each], 10, (16, 16, 3)), 0, 255).astype(np.uint8) for each in classes]
    texts = [f"a {list(COLOURS)[each]} thing" for each in classes]
    ids = [f"{seed}-{i}" for i in range(n)]
    return PairDataset(ids, texts, np.eye(3, dtype=np.uint8)[classes], tuple(COLOURS), lambda i: png_bytes(pixels[i]))


def slow_gradients(grey: np.ndarray) -> np.ndarray:
    height, width = grey.shape
    cells = np.zeros((height // 8, width // 8, 9))
    for y in range(height):
        for x in range(width):
            above, below, left, right = max(y - 1, 0), min(y + 1, height - 1), max(x - 1, 0), min(x + 1, width - 1)
            down = (grey[below, x] - grey[above, x]) / (below - above)
            across = (grey[y, right] - grey[y, left]) / (right - left)
            degrees = np.degrees(np.arctan2(down, across)) % 180
            cells[y // 8, x // 8, min(int(degrees / 20), 8)] += np.hypot(down, across)
    found = []
    for i in range(height // 8 - 1):
        for j in range(width // 8 - 1):
            block = np.concatenate([cells[i, j], cells[i, j + 1], cells[i + 1, j], cells[i + 1, j + 1]])
            found.append(block / np.sqrt((block**2).sum() + 1e-6))
    return np.concatenate(found)


def test_oriented_gradients_are_those_of_a_loop() -> None:
    grey = np.random.default_rng(1).random((24, 32)).astype(np.float32)
    found = oriented_gradients(grey)
    assert (found.shape, found.dtype) == ((2 * 3 * 36,), np.float32)
    np.testing.assert_allclose(found, slow_gradients(grey), atol=1e-5)


def test_a_flat_picture_has_no_gradients() -> None:
    assert not oriented_gradients(np.full((64, 64), 0.5, np.float32)).any()


def test_colours_are_counted_in_boxes_of_a_quarter_of_each_channel() -> None:
    pixels = np.random.default_rng(2).integers(256, size=(5, 7, 3), dtype=np.uint8)
    wanted = np.zeros((4, 4, 4))
    for red, green, blue in pixels.reshape(-1, 3):
        wanted[red // 64, green // 64, blue // 64] += 1 / 35
    np.testing.assert_allclose(colour_histogram(pixels), wanted.ravel(), rtol=1e-6)


def test_mean_average_precision_is_that_of_a_loop() -> None:
    rng = np.random.default_rng(3)
    queries, database = rng.random((150, 4), dtype=np.float32), rng.random((40, 4), dtype=np.float32)
    relevant = rng.random((150, 40)) < 0.1
    wanted = []
    for query, wished in zip(queries, relevant, strict=True):
        places = 1 + np.flatnonzero(wished[np.argsort(-(database @ query))])
        wanted += [np.mean([hits / place for hits, place in enumerate(places, 1)])] if len(places) else []
    assert len(wanted) < 150
    assert mean_average_precision(queries, database, relevant) == pytest.approx(np.mean(wanted))


def test_mean_average_precision_of_no_query_is_no_number() -> None:
    assert np.isnan(mean_average_precision(np.ones((2, 1), np.float32), np.ones((3, 1), np.float32), np.zeros((2, 3), bool)))


def test_what_predicts_the_labels_is_shrunk_less_than_noise() -> None:
    rng = np.random.default_rng(4)
    labels = rng.integers(2, size=(60, 2)).astype(np.uint8)
    _, exact = fit_predict(labels.astype(float), labels, [])
    (train, other), alpha = fit_predict(rng.random((60, 30)), labels, [rng.random((5, 30))])
    assert exact == 0.1 < alpha
    assert (train.shape, other.shape) == ((60, 2), (5, 2))
    assert 0 <= min(train.min(), other.min()) <= max(train.max(), other.max()) <= 1


def test_a_single_pair_cannot_be_fitted() -> None:
    with pytest.raises(DatasetError, match="fewer than 2 pairs"):
        fit_predict(np.ones((1, 2)), np.ones((1, 1), np.uint8), [])


def test_the_floor_of_plain_colours_is_perfect() -> None:
    found = linear_floor(PairSplits(coloured_pairs(1, 40), coloured_pairs(2, 10), coloured_pairs(3, 10), tuple(COLOURS)))
    assert (found["i2t"], found["t2i"], found["mean"]) == (1.0, 1.0, 1.0)
    assert 0.2 < found["chance"] < 0.5


def test_a_query_split_that_shares_no_label_is_refused() -> None:
    train, query = coloured_pairs(1, 10), coloured_pairs(2, 2)
    query.true_labels[:] = 0
    with pytest.raises(DatasetError, match="nothing to evaluate"):
        linear_floor(PairSplits(train, query, train, tuple(COLOURS)))


def test_the_command_prints_the_floor_and_says_that_labels_are_true(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_parquet(tmp_path / "data", {name: rows_of(name, 6) for name in ("train", "query", "gallery")})
    assert main(["--data", str(data), "--cache-dir", str(tmp_path / "cache")]) == 0
    first, figures, last = capsys.readouterr().out.splitlines()
    assert "true labels (no noise)" in first
    assert figures == "i2t 1.000 · t2i 1.000 · mean 1.000 · chance 1.000"
    assert {"i2t", "t2i", "mean", "chance", "image_alpha", "text_alpha"} == set(json.loads(last))


def test_a_missing_data_set_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path / "gone"), "--cache-dir", str(tmp_path)]) == 2
    assert "gone" in capsys.readouterr().err
