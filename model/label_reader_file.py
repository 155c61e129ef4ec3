"""Where a bundle's own label reader lies, and how it gets there: ``labels.safetensors``, beside the files that make the bundle.

It determines no code, so it is no part of the bundle's identity and may be made anew while catalogues stay. Decides that it is
replaced all at once, and that another bundle's is refused. Imports no torch.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from model.errors import BundleCorrupt, BundleIncompatible
from model.label_reader import LabelReader
from model.manifest import MODALITIES

FILE_NAME = "labels.safetensors"
_FORMAT_VERSION = 1


def read_label_reader(folder: Path, bundle_id: str, n_bits: int) -> LabelReader | None:
    """Reads a bundle's label reader.

    Args:
        folder: Of the bundle.
        bundle_id: Its identity.
        n_bits: Its code length.

    Returns:
        The reader; None if the bundle has none.

    Raises:
        BundleCorrupt: If it cannot be read or is damaged.
        BundleIncompatible: If it is one of another bundle, or has another format.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return None
    try:
        with safe_open(path, "numpy") as file:
            facts = json.loads((file.metadata() or {})["facts"])
            found = {side: {name: file.get_tensor(f"{name}.{side}") for name in MODALITIES} for side in ("weight", "bias")}
            names = tuple(facts["label_names"])
            reader = LabelReader(names, found["weight"], found["bias"], float(facts["least_probability"]), facts["measured"])
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        raise BundleCorrupt(f"{FILE_NAME} of the bundle in {folder} cannot be read: {error}") from error
    if facts.get("format_version") != _FORMAT_VERSION or facts.get("bundle_id") != bundle_id:
        told = f"is one of bundle {facts.get('bundle_id')}, in format {facts.get('format_version')}"
        raise BundleIncompatible(f"{FILE_NAME} in {folder} {told}; `python -m training labels` makes it anew")
    shapes = {array.shape for array in reader.weights.values()} | {(n_bits, *array.shape) for array in reader.biases.values()}
    if shapes != {(n_bits, len(names))}:
        raise BundleCorrupt(f"{FILE_NAME} of the bundle in {folder} does not fit {n_bits} bits and {len(names)} labels")
    return reader


def write_label_reader(reader: LabelReader, folder: Path, bundle_id: str) -> None:
    """Writes a bundle's label reader, all at once; what is there is replaced.

    Args:
        reader: Of this bundle.
        folder: Of the bundle.
        bundle_id: Its identity.
    """
    sides = {"weight": reader.weights, "bias": reader.biases}
    tensors = {
        f"{name}.{side}": np.ascontiguousarray(held[name], np.float32) for side, held in sides.items() for name in MODALITIES
    }
    facts = {
        "format_version": _FORMAT_VERSION,
        "bundle_id": bundle_id,
        "label_names": reader.names,
        "least_probability": reader.least_probability,
        "measured": dict(reader.measured),
    }
    told = json.dumps(facts, sort_keys=True, ensure_ascii=False)  # one entry: the library writes several in any order
    partial = folder / f"{FILE_NAME}.partial"
    partial.write_bytes(save(tensors, {"facts": told}))
    partial.replace(folder / FILE_NAME)


def drop_other_label_reader(folder: Path, bundle_id: str, n_bits: int) -> None:
    """Removes the label reader of the bundle that a folder held before.

    Args:
        folder: Of the bundle.
        bundle_id: Identity of the one that it is to hold; its own stays.
        n_bits: Its code length.
    """
    try:
        read_label_reader(folder, bundle_id, n_bits)
    except (BundleCorrupt, BundleIncompatible):
        (folder / FILE_NAME).unlink(missing_ok=True)
