"""The tables of what explanations are worth count what they say they count."""

from __future__ import annotations

import numpy as np
import pytest

from bench.explanations import Seen, certainty_rows, label_rows, page, shared_rows
from model.label_reader import LabelReader
from model.manifest import MODALITIES


@pytest.fixture
def readers() -> dict[str, LabelReader]:
    """Reads the first label off the first bit, and the second never."""
    weights = np.zeros((8, 2), np.float32)
    weights[0, 0] = 5.0
    biases = np.array([0.0, -5.0], np.float32)
    return {"it": LabelReader(("a", "b"), dict.fromkeys(MODALITIES, weights), dict.fromkeys(MODALITIES, biases), 0.7, {})}


@pytest.fixture
def seen() -> Seen:
    """Four pairs, two with label a; of these one picture has the wrong first bit, and its text is next to the boundary there."""
    image = np.ones((4, 8), np.float32)
    image[2:, 0] = -1.0
    text = image.copy()
    image[1, 0], text[1, 0] = -1.0, 0.05
    return Seen({"image": image, "text": text}, np.array([[1, 0], [1, 1], [0, 1], [0, 1]], np.uint8))


def test_predicted_labels_are_judged_by_true_ones(readers: dict[str, LabelReader], seen: Seen) -> None:
    image, text = label_rows(readers, seen)
    assert (image[:5], image[-1]) == (["it", "image", "0.7", "1.000", "0.200"], "1 of 2")
    assert text[3:5] == ["1.000", "0.400"]


def test_shared_labels_are_counted_among_other_pairs_alone(readers: dict[str, LabelReader], seen: Seen) -> None:
    rows = {row[1]: row[2:] for row in shared_rows(readers, seen)}
    assert rows["image → image"][0] == "—"  # one picture alone is predicted to have a label
    assert rows["text → text"][0] == "1.000"


def test_bits_are_counted_by_their_size(seen: Seen) -> None:
    rows = {row[0]: row[1:] for row in certainty_rows(seen)}
    assert rows["0 to 0.1"] == ["0.0%", "—", "3.1%", "1.000"]  # of 32 bits of texts the one next to the boundary, which differs
    assert rows["all"][1] == "0.031"


def test_the_page_says_what_was_measured_on(readers: dict[str, LabelReader], seen: Seen) -> None:
    text = page(readers, seen, "fake data")
    assert text.startswith("Measured on the 4 validation pairs of fake data.")
    assert text.count("| read by |") == 2
    assert "| size |" in text
