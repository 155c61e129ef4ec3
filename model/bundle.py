"""The folder that is served: manifest, weights, card; in the convention of the Hugging Face hub.

    config.json          the manifest (`model.manifest`), with the digest of every file that determines codes
    model.safetensors    heads, and classifiers of methods that have them; no pickle anywhere
    README.md            the card, for people; not part of the identity
    calibration.json     what distances mean (`model.calibration`), where it was measured; not part of the identity

Decides what makes two bundles the same: ``bundle_id`` is a digest of the manifest, which holds the digest of the weights.
Does not know training or serving.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor

from model.backbones import load_backbone
from model.backbones.base import Backbone
from model.calibration import Calibration
from model.calibration_file import read_calibration, write_calibration
from model.encoder import HashEncoder
from model.errors import BundleCorrupt, BundleIncompatible, BundleNotFound
from model.heads import HashHead
from model.manifest import MODALITIES, EncoderSpec, Manifest
from model.report_card import render_card

_MANIFEST, _WEIGHTS, _CARD = "config.json", "model.safetensors", "README.md"
_BUNDLE_ID_DIGITS = 16  # 64 bits of sha256: short enough for keys and log lines, far from any accidental clash


class EncoderBundle:
    """Heads, and classifiers if the method has them, with the facts needed to use them.

    Args:
        manifest: Facts; its ``files`` are filled in here.
        heads: By modality.
        classifiers: (n_bits, C) float32 by modality: codes times this give the logits of the labels. Empty for methods that learn
            none.
    """

    def __init__(self, manifest: Manifest, heads: Mapping[str, HashHead], classifiers: Mapping[str, Tensor]) -> None:
        self.heads, self.classifiers = dict(heads), dict(classifiers)
        self.calibration: Calibration | None = None  # determines no code: whoever measured it sets it
        self._weights = safetensors.save(_tensors(heads, classifiers))
        digest = hashlib.sha256(self._weights).hexdigest()
        facts = {name: getattr(manifest, name) for name in manifest.__slots__}
        self.manifest = Manifest(**{**facts, "files": {_WEIGHTS: digest}})

    @property
    def bundle_id(self) -> str:
        """Digest of everything that determines the bundle: 16 hex digits."""
        return hashlib.sha256(self.manifest.to_json()).hexdigest()[:_BUNDLE_ID_DIGITS]

    @property
    def n_bits(self) -> int:
        """Bits of one code."""
        return self.manifest.n_bits

    def save_pretrained(self, folder: str | Path) -> None:
        """Writes the bundle; `hf upload NAME FOLDER` publishes it as it is.

        The manifest comes last and all at once: a folder that has one is complete.

        Args:
            folder: Made if missing; files of the same names are replaced.
        """
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        (path / _WEIGHTS).write_bytes(self._weights)
        (path / _CARD).write_text(
            render_card(self.manifest, self.bundle_id, has_classifiers=bool(self.classifiers)), encoding="utf-8"
        )
        if self.calibration:
            write_calibration(self.calibration, path)
        partial = path / f"{_MANIFEST}.partial"
        partial.write_bytes(self.manifest.to_json())
        partial.replace(path / _MANIFEST)

    @classmethod
    def from_pretrained(
        cls, name_or_path: str | Path, *, revision: str | None = None, local_files_only: bool = False
    ) -> EncoderBundle:
        """Reads a bundle from a folder, or from a hub repository where no such folder exists.

        Args:
            name_or_path: Folder, or ``owner/name`` on the hub.
            revision: Branch, tag or commit on the hub.
            local_files_only: Whether only the hub's local cache may be asked.

        Returns:
            The bundle, its digests checked.

        Raises:
            BundleNotFound: If there is no such folder or repository.
            BundleCorrupt: If a file is missing or damaged, or its digest is not the manifest's.
            BundleIncompatible: If its format is another, or its calibration is another bundle's.
        """
        folder = _locate(name_or_path, revision=revision, local_files_only=local_files_only)
        manifest = Manifest.from_json(_read(folder / _MANIFEST))
        weights = _read(folder / _WEIGHTS)
        digest = hashlib.sha256(weights).hexdigest()
        if manifest.files.get(_WEIGHTS) != digest:
            raise BundleCorrupt(
                f"{_WEIGHTS} of the bundle in {folder} has sha256 {digest}, its manifest says {manifest.files.get(_WEIGHTS)}"
            )
        try:
            tensors = safetensors.load(weights)
            heads = {name: _load_head(manifest.encoders[name], manifest.n_bits, name, tensors) for name in MODALITIES}
            classifiers = _load_classifiers(manifest, tensors)
        except (SafetensorError, RuntimeError, KeyError, ValueError) as error:
            raise BundleCorrupt(f"{_WEIGHTS} of the bundle in {folder} does not fit its manifest: {error}") from error
        bundle = cls(manifest, heads, classifiers)
        # The bytes that were read, not what this version of safetensors would write: the identity must outlive it.
        bundle._weights, bundle.manifest = weights, manifest
        bundle.calibration = read_calibration(folder, bundle.bundle_id, bundle.n_bits)
        return bundle

    def encoders(self) -> dict[str, HashEncoder]:
        """Loads the backbones and joins them with the heads.

        Returns:
            An encoder by modality.

        Raises:
            BackboneError: If a backbone is unknown or its weights are missing.
            BundleIncompatible: If a backbone here gives other features than the one the head was trained on, or the features came
                ready-made and there is no backbone.
        """
        return {name: HashEncoder(_matching_backbone(self.manifest.encoders[name]), self.heads[name]) for name in MODALITIES}


def _matching_backbone(spec: EncoderSpec) -> Backbone:
    if spec.is_ready_made:
        named = ", ".join(str(fact) for fact in spec.preprocessing.values())
        raise BundleIncompatible(f"the bundle was trained on ready-made features ({named}) and cannot encode pictures or texts")
    backbone = load_backbone(spec.backbone)
    if backbone.weights_digest != spec.weights_digest:
        raise BundleIncompatible(
            f"the bundle was trained on backbone {spec.backbone} with digest {spec.weights_digest[:12]}…, "
            f"here it has {backbone.weights_digest[:12]}…: the codes would not be comparable"
        )
    if backbone.feature_dim != spec.feature_dim:
        raise BundleIncompatible(
            f"backbone {spec.backbone} gives {backbone.feature_dim} features, the bundle's head takes {spec.feature_dim}"
        )
    return backbone


def _tensors(heads: Mapping[str, HashHead], classifiers: Mapping[str, Tensor]) -> dict[str, Tensor]:
    named = {f"{name}.{key}": value for name, head in heads.items() for key, value in head.state_dict().items()}
    named |= {f"classifier.{name}": value for name, value in classifiers.items()}
    return {key: value.detach().cpu().contiguous() for key, value in named.items()}


def _load_head(spec: EncoderSpec, n_bits: int, name: str, tensors: Mapping[str, Tensor]) -> HashHead:
    head = HashHead(spec.feature_dim, spec.hidden_dims, n_bits, unit_norm=spec.unit_norm)
    prefix = f"{name}."
    head.load_state_dict({key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}, strict=True)
    return head.eval()


def _load_classifiers(manifest: Manifest, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns both, or none where there is none."""
    if not any(name.startswith("classifier.") for name in tensors):
        return {}
    classifiers = {name: tensors[f"classifier.{name}"] for name in MODALITIES}
    wanted = (manifest.n_bits, len(manifest.label_names))
    for name, classifier in classifiers.items():
        if tuple(classifier.shape) != wanted:
            raise ValueError(f"classifier.{name} has shape {tuple(classifier.shape)}, expected {wanted}")
    return classifiers


def _locate(name_or_path: str | Path, *, revision: str | None, local_files_only: bool) -> Path:
    folder = Path(name_or_path)
    if folder.is_dir():
        return folder
    try:
        return Path(snapshot_download(str(name_or_path), revision=revision, local_files_only=local_files_only))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise BundleNotFound(f"no bundle at {name_or_path}: no such folder, and no such repository can be reached") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleCorrupt(f"{path.name} of the bundle in {path.parent} cannot be read: {error.strerror}") from error
