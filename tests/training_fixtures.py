"""Small things to train on and with: codes, labels, clusters of features that a head can tell apart, and short runs over them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter

from model.heads import HashHead
from model.manifest import EncoderSpec, Manifest
from training.config import RunConfig, make_config
from training.inputs import PairFeatures
from training.label_corrections import LabelCorrections
from training.methods import METHODS
from training.methods.base import Batch, LabelledFeatures, RelaxedCodes
from training.run_folder import RunFolder

N_LABELS = 6
LABEL_NAMES = tuple(f"label {i}" for i in range(N_LABELS))
FEATURE_DIMS = {"image": 12, "text": 10}


def unit_codes(seed: int, n: int, n_bits: int = 16) -> Tensor:
    """Returns (n, n_bits) float64 codes of length 1: double precision, so that a loop and a formula agree to the last digits."""
    codes = torch.from_numpy(np.random.default_rng(seed).normal(size=(n, n_bits)))
    return torch.nn.functional.normalize(codes, dim=1)


def random_labels(seed: int, n: int, n_labels: int = N_LABELS, *, share: float = 0.3) -> np.ndarray:
    """Returns (n, n_labels) uint8 with at least one label a row."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((n, n_labels)) < share).astype(np.uint8)
    labels[np.arange(n), rng.integers(n_labels, size=n)] = 1
    return labels


def cluster_features(seed: int, n: int) -> PairFeatures:
    """Returns pairs whose features are the sum of a direction for each label, and noise; the directions never change."""
    labels = random_labels(seed, n, share=0.1)
    directions, noise = np.random.default_rng(7), np.random.default_rng(seed + 1)
    sides = {
        name: (labels @ directions.normal(size=(N_LABELS, dim)) + 0.3 * noise.normal(size=(n, dim))).astype(np.float32)
        for name, dim in FEATURE_DIMS.items()
    }
    return PairFeatures(sides["image"], sides["text"], labels)


def batch_and_codes(seed: int, n: int, n_bits: int = 16, *, unit_norm: bool = True) -> tuple[Batch, RelaxedCodes]:
    """Returns n pairs with given labels, zeros as features, and float32 codes with autograd: of length 1, or in (−1, 1) each."""
    labels = torch.from_numpy(random_labels(seed, n).astype(np.float32))
    batch = Batch(torch.zeros(n, FEATURE_DIMS["image"]), torch.zeros(n, FEATURE_DIMS["text"]), labels, torch.arange(n))
    sides = [unit_codes(seed + each, n, n_bits) * (1.0 if unit_norm else n_bits**0.5) for each in (1, 2)]
    codes = [(side if unit_norm else torch.tanh(side)).float().requires_grad_() for side in sides]
    return batch, RelaxedCodes(codes[0], codes[1])


class ClusterData:
    """The three splits as features; remembers in which order they were asked for, and may be told to change true labels."""

    def __init__(self, n_train: int = 120) -> None:
        self.splits = {"train": cluster_features(1, n_train), "query": cluster_features(2, 40), "gallery": cluster_features(3, 60)}
        self.asked: list[str] = []

    def __call__(self, name: str) -> PairFeatures:
        self.asked.append(name)
        return self.splits[name]

    def relabel(self, name: str, labels: np.ndarray) -> None:
        self.splits[name] = replace(self.splits[name], true_labels=labels)

    def correct(self, name: str, corrections: LabelCorrections) -> None:
        self.splits[name] = replace(self.splits[name], corrections=corrections)


def small_config(*overrides: str, method: str = "scbch") -> RunConfig:
    """Returns a run of a second: 16 bits, narrow heads, six epochs, reliability from the third one on.

    Six labels do not need 16 bits: some stay constant, and no alarm is raised.
    """
    narrow = {"image_hidden": [16], "text_hidden": [16], "reliability_from_epoch": 3, "n_neighbours": 5, "belief_epochs": 3}
    known = {field.name for field in fields(METHODS[method].options_type)}
    raw: dict[str, Any] = {
        "features": {"image_backbone": "efficientnet-lite0"},
        "method": {"name": method, "options": {key: value for key, value in narrow.items() if key in known}},
        "noise": {"rate": 0.5},
        "training": {
            "n_bits": 16,
            "epochs": 6,
            "batch_size": 32,
            "learning_rate": 0.01,
            "validation_fraction": 0.2,
            "alarms": "off",
        },
    }
    return make_config(raw, overrides)


def open_run(path: Path, config: RunConfig) -> RunFolder:
    """Returns an opened run folder with the facts that the report and the bundle need."""
    run = RunFolder(path)
    run.open(config, {"data": "clusters", "label_names": list(LABEL_NAMES)})
    return run


def small_heads(seed: int = 0, n_bits: int = 16) -> dict[str, HashHead]:
    """Returns narrow heads with seeded weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return {name: HashHead(dim, [8], n_bits) for name, dim in FEATURE_DIMS.items()}


def small_manifest(**changes: Any) -> Manifest:
    """Returns the manifest that belongs to :func:`small_heads`."""
    specs = {
        name: EncoderSpec(
            backbone=backbone, weights_digest="0" * 64, preprocessing={"size": 8}, feature_dim=dim, hidden_dims=(8,), unit_norm=True
        )
        for (name, dim), backbone in zip(FEATURE_DIMS.items(), ("efficientnet-lite0", "minilm-l6-v2"), strict=True)
    }
    facts: dict[str, Any] = {"method": "scbch", "n_bits": 16, "label_names": LABEL_NAMES, "encoders": specs}
    return Manifest(**(facts | changes))


def small_classifiers(seed: int = 1, n_bits: int = 16) -> dict[str, Tensor]:
    """Returns (n_bits, N_LABELS) float32 for each modality."""
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(n_bits, N_LABELS, generator=generator) for name in FEATURE_DIMS}


def labelled(n: int = 70) -> LabelledFeatures:
    """Returns clusters with their true labels given."""
    found = cluster_features(1, n)
    return LabelledFeatures(
        torch.from_numpy(found.image), torch.from_numpy(found.text), torch.from_numpy(found.true_labels.astype("float32"))
    )


class RecordingMethod:
    """Pulls codes to a constant and remembers the batches."""

    learns_by_epochs = True

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.epochs: list[int] = []
        self.train_codes: RelaxedCodes | None = None
        self.draws: list[float] = []
        self._scale = Parameter(torch.ones(1))

    def build_heads(self, feature_dims: dict[str, int], n_bits: int) -> dict[str, HashHead]:
        return {name: HashHead(dim, (), n_bits) for name, dim in feature_dims.items()}

    def prepare(self, heads: dict[str, HashHead], train: LabelledFeatures) -> LabelledFeatures:
        self.prepared = (heads, train)
        return train

    def parameters(self) -> list[Parameter]:
        return [self._scale]

    def state(self) -> dict[str, Tensor]:
        return {"scale": self._scale.detach()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        self._scale.data.copy_(state["scale"])

    def on_epoch_start(self, epoch: int, encode_train: Callable[[], RelaxedCodes], given_labels: Tensor) -> None:
        self.epochs.append(epoch)
        self.train_codes = encode_train()

    def loss_terms(self, batch: Batch, relaxed_codes: RelaxedCodes) -> dict[str, Tensor]:
        self.batches.append(batch)
        self.draws.append(torch.rand(1).item())
        return {"image": ((relaxed_codes.image - self._scale) ** 2).mean(), "text": (relaxed_codes.text**2).sum()}
