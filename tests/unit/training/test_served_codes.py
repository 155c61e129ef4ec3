"""Codes of graphs are kept on disk as features are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model.codes import Float32
from tests.pair_folders import picture
from training.datasets import PairDataset
from training.served_codes import GraphAsBackbone, encode_as_served


class FakeGraph:
    """Says how many letters a text has, and how bright a picture is, in 8 bits and as 2 features; counts what it is asked."""

    def __init__(self) -> None:
        self.n_asked = 0

    def prepare(self, raw: Any) -> float:
        return len(raw) / 100 if isinstance(raw, str) else raw.getpixel((0, 0))[0] / 256

    def encode_with_features(self, prepared: Sequence[float]) -> tuple[Float32, Float32]:
        self.n_asked += len(prepared)
        column = np.asarray(prepared, np.float32)[:, None]
        return np.tile(column, (1, 8)), np.tile(column + 1, (1, 2))


def pairs(n: int) -> PairDataset:
    labels = np.ones((n, 1), np.uint8)
    return PairDataset([str(i) for i in range(n)], ["x" * (i + 1) for i in range(n)], labels, ("thing",), picture)


def graphs(fake: FakeGraph, bundle_id: str = "b") -> dict[str, GraphAsBackbone]:
    return {name: GraphAsBackbone(fake, bundle_id, 8, 2) for name in ("image", "text")}


def test_codes_and_features_of_both_modalities_come_in_order(tmp_path: Path) -> None:
    codes, features = encode_as_served(graphs(FakeGraph()), pairs(5), "gallery", cache_dir=tmp_path)
    assert codes.text[:, 0].tolist() == np.asarray([0.01, 0.02, 0.03, 0.04, 0.05], np.float32).tolist()
    assert codes.image[:, 7].tolist() == [(i * 37) / 256 for i in range(5)]
    assert (codes.image.shape, codes.labels.shape) == ((5, 8), (5, 1))
    assert features.image.tolist() == [[(i * 37) / 256 + 1] * 2 for i in range(5)]


def test_what_is_kept_is_not_encoded_again_but_for_another_bundle(tmp_path: Path) -> None:
    fake = FakeGraph()
    for bundle_id, expected in (("one", 10), ("one", 10), ("other", 20)):
        encode_as_served(graphs(fake, bundle_id), pairs(5), "gallery", cache_dir=tmp_path)
        assert fake.n_asked == expected
