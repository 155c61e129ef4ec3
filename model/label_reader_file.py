"""Where a bundle's label reader lies, and how it gets there: ``labels.json``, beside the files that make the bundle.

It determines no code, so it is no part of the bundle's identity and may be made anew while catalogues stay. JSON, as the service
reads it and has no library for safetensors. Decides that it is replaced all at once, and that another bundle's is refused.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from model.codes import Float32
from model.errors import BundleCorrupt, BundleIncompatible
from model.label_reader import LabelReader
from model.manifest import MODALITIES

FILE_NAME = "labels.json"
FORMAT_VERSION = 1
_DIGITS = 6


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
    try:
        raw = json.loads((folder / FILE_NAME).read_bytes())
        made_for = raw["format_version"], raw["bundle_id"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BundleCorrupt(f"{FILE_NAME} of the bundle in {folder} cannot be read: {error}") from error
    if made_for != (FORMAT_VERSION, bundle_id):
        told = f"is one of bundle {made_for[1]} in format {made_for[0]}, not of {bundle_id} in format {FORMAT_VERSION}"
        raise BundleIncompatible(f"{FILE_NAME} {told}; delete the file, and make another by `python -m training labels`")
    try:
        return _reader(raw, n_bits)
    except (KeyError, TypeError, ValueError) as error:
        raise BundleCorrupt(f"{FILE_NAME} of the bundle in {folder} is damaged: {error!r}") from error


def _reader(raw: dict[str, Any], n_bits: int) -> LabelReader:
    names, measured = tuple(raw["label_names"]), dict(raw["measured"])
    weights = {name: np.array(raw["weights"][name], np.float32) for name in MODALITIES}
    biases = {name: np.array(raw["biases"][name], np.float32) for name in MODALITIES}
    shapes = [*(weights[name].shape for name in MODALITIES), *((n_bits, *biases[name].shape) for name in MODALITIES)]
    if set(shapes) != {(n_bits, len(names))} or not all(np.isfinite(held).all() for held in (*weights.values(), *biases.values())):
        raise ValueError(f"weights and biases of shapes {shapes} for {n_bits} bits and {len(names)} labels, or not finite")
    if measured.keys() != {"on", *MODALITIES}:
        raise ValueError(f"figures of {sorted(measured)}")
    return LabelReader(names, weights, biases, float(raw["least_probability"]), measured)


def write_label_reader(reader: LabelReader, folder: Path, bundle_id: str) -> None:
    """Writes a bundle's label reader, all at once; what is there is replaced.

    Args:
        reader: Of this bundle.
        folder: Of the bundle.
        bundle_id: Its identity.
    """
    facts = {
        "format_version": FORMAT_VERSION,
        "bundle_id": bundle_id,
        "label_names": reader.names,
        "least_probability": reader.least_probability,
        "measured": dict(reader.measured),
        "weights": {name: [_short(row) for row in reader.weights[name]] for name in MODALITIES},
        "biases": {name: _short(reader.biases[name]) for name in MODALITIES},
    }
    partial = folder / f"{FILE_NAME}.partial"
    partial.write_bytes((json.dumps(facts, sort_keys=True, ensure_ascii=False) + "\n").encode())
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


def _short(numbers: Float32) -> list[float]:
    return [round(float(number), _DIGITS) for number in numbers]
