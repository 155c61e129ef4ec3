"""Codes of graphs are kept on disk as features are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model.codes import Float32
from tests.pair_folders import picture
from training.datasets import PairDataset
from training.served_codes import CodesAsFeatures, served_codes


class FakeGraph:
    """Says how many letters a text has, and how bright a picture is; counts what it is asked."""

    n_bits = 8

    def __init__(self) -> None:
        self.n_asked = 0

    def prepare(self, raw: Any) -> float:
        return len(raw) / 100 if isinstance(raw, str) else raw.getpixel((0, 0))[0] / 256

    def encode(self, prepared: Sequence[float]) -> Float32:
        self.n_asked += len(prepared)
        return np.tile(np.asarray(prepared, np.float32)[:, None], (1, self.n_bits))


def pairs(n: int) -> PairDataset:
    labels = np.ones((n, 1), np.uint8)
    return PairDataset([str(i) for i in range(n)], ["x" * (i + 1) for i in range(n)], labels, ("thing",), picture)


def graphs(fake: FakeGraph, bundle_id: str = "b") -> dict[str, CodesAsFeatures]:
    return {name: CodesAsFeatures(fake, bundle_id, "int8") for name in ("image", "text")}  # type: ignore[arg-type]


def test_codes_of_both_modalities_come_in_order(tmp_path: Path) -> None:
    found = served_codes(graphs(FakeGraph()), pairs(5), "gallery", cache_dir=tmp_path)
    assert found.text[:, 0].tolist() == np.asarray([0.01, 0.02, 0.03, 0.04, 0.05], np.float32).tolist()
    assert found.image[:, 7].tolist() == [(i * 37) / 256 for i in range(5)]
    assert found.labels.shape == (5, 1)


def test_what_is_kept_is_not_encoded_again_but_for_another_bundle(tmp_path: Path) -> None:
    fake = FakeGraph()
    for bundle_id, expected in (("one", 10), ("one", 10), ("other", 20)):
        served_codes(graphs(fake, bundle_id), pairs(5), "gallery", cache_dir=tmp_path)
        assert fake.n_asked == expected
