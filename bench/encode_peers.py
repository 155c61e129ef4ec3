"""What `bench.encode` compares with: torch as one uses it, and mAP of each kind of codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from training.evaluation import LabelledCodes, evaluate_map

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


def map_figures(folder: Path, int8: Path | None, data: Path, n_pairs: int) -> dict[str, dict[str, float]]:
    """Takes mAP of torch's codes and of the graphs'; nothing is chosen by it.

    Args:
        folder: Of the bundle.
        int8: Of one with 8-bit graphs.
        data: Folder of the data set.
        n_pairs: A fifth of them from the query split, the others from the gallery.

    Returns:
        mAP in both directions, and the difference of their mean to torch's in points.
    """
    splits = read_splits(data)
    kinds: dict[str, dict[str, Any]] = {"torch": dict(EncoderBundle.from_pretrained(folder).encoders())}
    kinds |= {"fp32": dict(ServedBundle.open(folder).encoders())}
    kinds |= {"int8": dict(ServedBundle.open(int8).encoders())} if int8 else {}
    n_query = n_pairs // 5
    parts = {"query": (splits.query, n_query), "gallery": (splits.gallery, n_pairs - n_query)}
    found: dict[str, dict[str, float]] = {}
    for kind, encoders in kinds.items():
        query, database = (_codes(encoders, pairs, n) for pairs, n in parts.values())
        figures = evaluate_map(query, database)
        found[kind] = {"i2t": round(figures.i2t_map, 4), "t2i": round(figures.t2i_map, 4), "mean": figures.mean_map}
    for row in found.values():
        row["points_to_torch"] = round(100 * (row["mean"] - found["torch"]["mean"]), 3)
    return {kind: {**row, "mean": round(row["mean"], 4)} for kind, row in found.items()}


def _codes(encoders: dict[str, Any], pairs: Any, n: int) -> LabelledCodes:
    chosen = np.linspace(0, len(pairs) - 1, min(n, len(pairs))).astype(int).tolist()
    sides = []
    for name, inputs in (("image", pairs.image_inputs), ("text", pairs.text_inputs)):
        blocks = [[encoders[name].prepare(inputs.read(i)) for i in chosen[j : j + 8]] for j in range(0, len(chosen), 8)]
        sides.append(np.concatenate([encoders[name].encode(block) for block in blocks]))
    return LabelledCodes(sides[0], sides[1], pairs.true_labels[chosen])
