"""Small bundles that the real command line serves: real backbones, heads with made-up weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from model.backbones import load_backbone
from model.bundle import EncoderBundle
from model.heads import HashHead
from model.manifest import EncoderSpec, Manifest

BACKBONES = {"image": "efficientnet-lite0", "text": "minilm-l6-v2"}


def save_tiny_bundle(folder: Path, n_bits: int) -> Path:
    torch.manual_seed(n_bits)
    specs, heads = {}, {}
    for modality, name in BACKBONES.items():
        backbone = load_backbone(name)
        digest, width = backbone.weights_digest, backbone.feature_dim
        specs[modality] = EncoderSpec(
            backbone=name, weights_digest=digest, preprocessing={}, feature_dim=width, hidden_dims=(8,), unit_norm=True
        )
        heads[modality] = HashHead(width, (8,), n_bits)
    manifest = Manifest(method="none", n_bits=n_bits, label_names=("thing",), encoders=specs)
    EncoderBundle(manifest, heads, {modality: torch.zeros(n_bits, 1) for modality in BACKBONES}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny-64", 64)


@pytest.fixture(scope="session")
def another_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny-32", 32)
