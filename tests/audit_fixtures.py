"""Pairs whose wrong labels are known, and their audit: features from which labels can be read almost without error."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

from model.codes import UInt8
from tests.pair_folders import picture
from training.audit import Audit, audit_labels
from training.datasets import PairDataset
from training.label_noise import add_label_noise
from training.methods.base import LabelledFeatures

N, C, DIM = 600, 6, 24
NAMES = ("cat", "dog", "<b>bus</b>", "boat & co", "horse", "bird")


def true_labels(n: int = N) -> UInt8:
    """Returns (n, C) labels, at least one a row."""
    rng = np.random.default_rng(1)
    labels = (rng.random((n, C)) < np.linspace(0.1, 0.4, C)).astype(np.uint8)
    labels[np.arange(n), rng.integers(C, size=n)] = 1
    return labels


def features_of(true: UInt8, given: UInt8, *, spread: float = 0.5) -> LabelledFeatures:
    """Returns features that tell true labels, the better the less they are spread, and given ones."""
    rng = np.random.default_rng(2)
    image, text = (true @ rng.normal(size=(C, DIM)) + spread * rng.normal(size=(len(true), DIM)) for _ in range(2))
    return LabelledFeatures(
        torch.from_numpy(image).float(), torch.from_numpy(text).float(), torch.from_numpy(given.astype(np.float32))
    )


def ids_of(n: int) -> list[str]:
    """Returns n ids."""
    return [f"p{i}" for i in range(n)]


@cache
def audited(rate: float = 0.3) -> Audit:
    """Returns the audit of labels of which a known share was exchanged."""
    true = true_labels()
    given = add_label_noise(true, rate, seed=1)
    return audit_labels(features_of(true, given), ids_of(N), NAMES)


def pairs_of(given: UInt8) -> PairDataset:
    """Returns pairs with pictures and texts, some of which would be markup."""
    texts = [f"text {i} </script><script>alert({i})</script>" for i in range(len(given))]
    return PairDataset(ids_of(len(given)), texts, given, NAMES, picture)
