"""The files of a bundle and the digests that make it one; what loading for training and for serving share.

    config.json          the manifest (`model.manifest`), with the digest of every file that determines codes
    model.safetensors    heads, and classifiers of methods that have them; no pickle anywhere
    image.onnx           the picture encoder as a graph: backbone with its weights, head's weights by reference to model.safetensors
    text.onnx            the text encoder as a graph; its backbone's weights come from an installed package, pinned by the manifest
    tokenizer.json       the text encoder's words
    README.md            the card, for people; not part of the identity
    labels.json          what reads labels off codes (`model.label_reader`), where it was learned; not part of the identity
    calibration.json     what distances mean (`model.calibration`), where it was measured; not part of the identity

Decides the names and what makes two bundles the same. Does not know tensors.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from model.errors import BundleCorrupt
from model.manifest import Manifest

MANIFEST, WEIGHTS, CARD, TOKENIZER = "config.json", "model.safetensors", "README.md", "tokenizer.json"
GRAPHS = {"image": "image.onnx", "text": "text.onnx"}
_BUNDLE_ID_DIGITS = 16  # 64 bits of sha256: short enough for keys and log lines, far from any accidental clash


def bundle_id_of(manifest: Manifest) -> str:
    """Returns the digest of everything that determines a bundle.

    Args:
        manifest: Holds the digests of the files.

    Returns:
        16 hex digits.
    """
    return manifest.identity()[:_BUNDLE_ID_DIGITS]


def digest(content: bytes) -> str:
    """Returns a file's sha256.

    Args:
        content: Its bytes.

    Returns:
        64 hex digits.
    """
    return hashlib.sha256(content).hexdigest()


def read_bundle(folder: Path) -> tuple[Manifest, dict[str, bytes]]:
    """Reads a bundle's manifest and the files that it vouches for.

    Args:
        folder: Of the bundle.

    Returns:
        The manifest, and the files' bytes by name, their digests checked.

    Raises:
        BundleCorrupt: If a file is missing or damaged, or its digest is not the manifest's.
        BundleIncompatible: If its format is another.
    """
    manifest = Manifest.from_json(_read(folder / MANIFEST))
    files = {}
    for name in sorted({WEIGHTS, *manifest.files}):
        if Path(name).name != name:
            raise BundleCorrupt(f"config.json of the bundle in {folder} names a file outside of it: {name}")
        files[name] = _read(folder / name)
        found, wanted = digest(files[name]), manifest.files.get(name)
        if found != wanted:
            raise BundleCorrupt(f"{name} of the bundle in {folder} has sha256 {found}, its manifest says {wanted}")
    return manifest, files


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleCorrupt(f"{path.name} of the bundle in {path.parent} cannot be read: {error.strerror}") from error
