"""Small bundles that can be served: real backbones, heads with made-up weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from model.backbones import load_backbone
from model.bundle import EncoderBundle
from model.heads import HashHead
from model.manifest import EncoderSpec, Manifest
from training.graph_export import Samples, add_graphs

BACKBONES = {"image": "efficientnet-lite0", "text": "minilm-l6-v2"}


def save_tiny_bundle(folder: Path, n_bits: int, backbones: Mapping[str, str] = BACKBONES) -> Path:
    torch.manual_seed(n_bits)
    specs, heads = {}, {}
    for modality, name in backbones.items():
        backbone = load_backbone(name, modality)
        digest, width = backbone.weights_digest, backbone.feature_dim
        facts = {"weights_digest": digest, "preprocessing": backbone.preprocessing, "feature_dim": width}
        specs[modality] = EncoderSpec(backbone=backbone.name, hidden_dims=(8,), unit_norm=True, **facts)
        heads[modality] = HashHead(width, (8,), n_bits)
    manifest = Manifest(method="none", n_bits=n_bits, label_names=("thing",), encoders=specs)
    bundle = EncoderBundle(manifest, heads, {modality: torch.zeros(n_bits, 1) for modality in BACKBONES})
    add_graphs(bundle, Samples.made_up(2)).save_pretrained(folder)
    return folder
