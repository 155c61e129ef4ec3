"""What `bench.encode` compares with: torch as one uses it, and mAP of each kind of codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.encode_inputs import read_splits
from model.backbones import load_backbone
from model.backbones.conse import ConseBackbone, conse_features
from model.backbones.efficientnet_lite import load_network
from model.bundle import EncoderBundle
from model.codes import Float32
from model.encoder import encode_features
from model.served import ServedBundle
from training.evaluation import LabelledCodes, MapEvaluation, evaluate_map

Encode = Callable[[Sequence[Any]], Float32]


def torch_peers(bundle: EncoderBundle, modality: str) -> dict[str, Encode]:
    """Returns what encodes prepared inputs on torch.

    Args:
        bundle: Whose heads.
        modality: ``image`` or ``text``.

    Returns:
        By name: the network as its publishers load it; for pictures also ours, with normalisations folded and channels last.
    """
    whole = bundle.encoders()[modality]
    if modality == "text":
        return {"torch eager": whole.encode}
    network, head = load_network(), bundle.heads["image"]
    backbone = load_backbone(bundle.manifest.encoders["image"].backbone)

    def encode(prepared: Sequence[Any]) -> Float32:
        with torch.inference_mode():
            pooled, logits = (each.numpy() for each in network(torch.from_numpy(np.stack(prepared))))
        if isinstance(backbone, ConseBackbone):
            pooled = np.concatenate([pooled, conse_features(logits, backbone.class_features)], axis=1)
        return encode_features(head, pooled)

    return {"torch eager": encode, "torch, folded": whole.encode}


def map_figures(kinds: Mapping[str, Path], data: Path, n_pairs: int) -> dict[str, MapEvaluation]:
    """Takes mAP of the codes of several graphs.

    Args:
        kinds: Folders of bundles by name.
        data: Folder of the data set.
        n_pairs: A fifth of them from the query split, the others from the gallery.

    Returns:
        mAP by name.
    """
    splits, n_query = read_splits(data), n_pairs // 5
    found = {}
    for kind, folder in kinds.items():
        encoders = dict(ServedBundle.open(folder).encoders())
        query, database = (_codes(encoders, *part) for part in ((splits.query, n_query), (splits.gallery, n_pairs - n_query)))
        found[kind] = evaluate_map(query, database)
    return found


def _codes(encoders: dict[str, Any], pairs: Any, n: int) -> LabelledCodes:
    chosen = np.linspace(0, len(pairs) - 1, min(n, len(pairs))).astype(int).tolist()
    sides = []
    for name, inputs in (("image", pairs.image_inputs), ("text", pairs.text_inputs)):
        blocks = [[encoders[name].prepare(inputs.read(i)) for i in chosen[j : j + 8]] for j in range(0, len(chosen), 8)]
        sides.append(np.concatenate([encoders[name].encode(block) for block in blocks]))
    return LabelledCodes(sides[0], sides[1], pairs.true_labels[chosen])
