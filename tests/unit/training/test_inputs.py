"""What a run is made from: facts that tell one data set from another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.config import make_config
from training.datasets import PairDataset, PairSplits
from training.inputs import data_facts, make_training_labels


def _split(name: str, labels: list[list[int]], text: str = "a dog") -> PairDataset:
    ids = [f"{name}-{i}" for i in range(len(labels))]
    return PairDataset(ids, [text] * len(ids), np.array(labels, np.uint8), ("dog", "cat"), lambda i: f"{name}{i}".encode())


def _splits(train: PairDataset) -> PairSplits:
    return PairSplits(train=train, query=_split("query", [[1, 0]]), gallery=_split("gallery", [[0, 1]]), label_names=("dog", "cat"))


def test_the_same_data_have_the_same_facts_wherever_they_lie() -> None:
    train = [[1, 0], [0, 1]]
    first = data_facts(_splits(_split("train", train)), Path("here/photos"))
    assert first == data_facts(_splits(_split("train", train)), Path("there/photos"))
    assert first["data"] == "photos"
    assert first["splits"]["train"]["n"] == 2


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        (_split("train", [[1, 0], [1, 1]]), "labels"),
        (_split("train", [[1, 0], [0, 1]], text="a cat"), "texts"),
        (_split("other", [[1, 0], [0, 1]]), "images"),
    ],
)
def test_a_change_of_labels_texts_or_pictures_changes_only_its_digest(changed: PairDataset, key: str) -> None:
    before = data_facts(_splits(_split("train", [[1, 0], [0, 1]])), Path("photos"))["splits"]
    after = data_facts(_splits(changed), Path("photos"))["splits"]
    assert {name for name in before["train"] if before["train"][name] != after["train"][name]} == {key}
    assert (before["query"], before["gallery"]) == (after["query"], after["gallery"])


@pytest.mark.parametrize("seed", [1, 2, 123])
def test_noise_falls_on_validation_pairs_no_more_and_no_less_than_on_others(seed: int) -> None:
    """The same seed decides both: drawn from one stream, the cut would consist of nothing but noisy samples."""
    true_labels = np.eye(10, dtype=np.uint8)[np.arange(4000) % 10]
    config = make_config({"noise": {"rate": 0.5, "seed": seed}, "training": {"seed": seed}})
    labels = make_training_labels(true_labels, config)
    changed = (labels.given_labels != true_labels).any(axis=1)
    assert changed.mean() == 0.5
    # 400 of 4,000 without replacement: standard deviation .024.
    assert changed[labels.validation_index].mean() == pytest.approx(0.5, abs=0.1)
