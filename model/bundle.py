"""A bundle as training makes and judges it: heads on torch, read and written in the convention of the Hugging Face hub.

Decides what a bundle holds. Which files it has and what makes it the same is `model.bundle_folder`; the service reads a bundle with
`model.served`, without torch. Does not know training.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor

from model.backbones import load_backbone
from model.backbones.base import Backbone
from model.bundle_folder import CARD, GRAPHS, MANIFEST, TOKENIZER, WEIGHTS, bundle_id_of, digest, read_bundle
from model.calibration import Calibration
from model.calibration_file import drop_other_calibration, read_calibration, write_calibration
from model.encoder import TorchEncoder
from model.errors import BundleCorrupt, BundleIncompatible
from model.heads import HashHead
from model.hub import find_bundle
from model.label_reader import LabelReader
from model.label_reader_file import drop_other_label_reader, read_label_reader, write_label_reader
from model.manifest import MODALITIES, EncoderSpec, Manifest
from model.report_card import render_card


class EncoderBundle:
    """Heads, and classifiers if the method has them, with the facts needed to use them.

    Args:
        manifest: Facts; its ``files`` are filled in here.
        heads: By modality.
        classifiers: (n_bits, C) float32 by modality: codes times this give the logits of the labels. Empty for methods that learn
            none.
        graph_files: The encoders as graphs and what they need, by file name; see :mod:`model.bundle_folder`.
    """

    def __init__(
        self,
        manifest: Manifest,
        heads: Mapping[str, HashHead],
        classifiers: Mapping[str, Tensor],
        graph_files: Mapping[str, bytes] | None = None,
    ) -> None:
        self.heads, self.classifiers = dict(heads), dict(classifiers)
        self.calibration: Calibration | None = None  # determines no code: whoever measured it sets it
        self.label_reader: LabelReader | None = None  # likewise
        self._files = {WEIGHTS: safetensors.save(_tensors(heads, classifiers)), **(graph_files or {})}
        self.manifest = replace(manifest, files={name: digest(content) for name, content in self._files.items()})

    @property
    def bundle_id(self) -> str:
        """Digest of everything that determines the bundle: 16 hex digits."""
        return bundle_id_of(self.manifest)

    @property
    def weights(self) -> bytes:
        """The content of ``model.safetensors``."""
        return self._files[WEIGHTS]

    @property
    def files(self) -> Mapping[str, bytes]:
        """What the manifest vouches for, by file name."""
        return dict(self._files)

    @property
    def has_graphs(self) -> bool:
        """Whether it can be served."""
        return GRAPHS.keys() == {name for name, file in GRAPHS.items() if file in self._files}

    def with_graphs(
        self, graph_files: Mapping[str, bytes], facts: Mapping[str, Any], comparison: Mapping[str, Any] | None = None
    ) -> EncoderBundle:
        """Returns the same bundle with other graphs.

        Args:
            graph_files: The graphs and what they need, by file name; they refer to :attr:`weights` by name and offset.
            facts: What the manifest says of them.
            comparison: And of how they compare with torch.

        Returns:
            Another bundle: it has another identity, and no calibration and no label reader until somebody knows that its codes
            are the same.
        """
        bundle = copy(self)
        bundle.calibration = bundle.label_reader = None
        bundle._files = {WEIGHTS: self.weights, **graph_files}
        files = {name: digest(content) for name, content in bundle._files.items()}
        bundle.manifest = replace(self.manifest, files=files, graphs=dict(facts), comparison=dict(comparison or {}))
        return bundle

    @property
    def n_bits(self) -> int:
        """Bits of one code."""
        return self.manifest.n_bits

    def save_pretrained(self, folder: str | Path) -> None:
        """Writes the bundle; :meth:`model.hash_encoder.HashEncoder.push_to_hub` publishes it as it is.

        The manifest comes last and all at once: a folder that has one is complete. A calibration or a label reader that lies there
        is replaced; if this object has none, it stays if it is one of this bundle, else it goes.

        Args:
            folder: Made if missing; files of the same names are replaced.
        """
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        for stale in {*GRAPHS.values(), TOKENIZER} - self._files.keys():
            (path / stale).unlink(missing_ok=True)
        for name, content in self._files.items():
            (path / name).write_bytes(content)
        card = render_card(self.manifest, self.bundle_id, has_classifiers=bool(self.classifiers))
        (path / CARD).write_text(card, encoding="utf-8")
        if self.calibration:
            write_calibration(self.calibration, path)
        else:
            drop_other_calibration(path, self.bundle_id, self.n_bits)
        if self.label_reader:
            write_label_reader(self.label_reader, path, self.bundle_id)
        else:
            drop_other_label_reader(path, self.bundle_id, self.n_bits)
        partial = path / f"{MANIFEST}.partial"
        partial.write_bytes(self.manifest.to_json())
        partial.replace(path / MANIFEST)

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
            BundleIncompatible: If its format is another, or its calibration or its label reader is another bundle's.
        """
        folder = find_bundle(name_or_path, revision=revision, local_files_only=local_files_only)
        manifest, files = read_bundle(folder)
        try:
            tensors = safetensors.load(files[WEIGHTS])
            heads = {name: _load_head(manifest.encoders[name], manifest.n_bits, name, tensors) for name in MODALITIES}
            classifiers = _load_classifiers(manifest, tensors)
        except (SafetensorError, RuntimeError, KeyError, ValueError) as error:
            raise BundleCorrupt(f"{WEIGHTS} of the bundle in {folder} does not fit its manifest: {error}") from error
        bundle = cls(manifest, heads, classifiers)
        # The bytes that were read, not what this version of safetensors would write: the identity must outlive it.
        bundle._files, bundle.manifest = files, manifest
        bundle.calibration = read_calibration(folder, bundle.bundle_id, bundle.n_bits)
        bundle.label_reader = read_label_reader(folder, bundle.bundle_id, bundle.n_bits)
        return bundle

    def encoders(self) -> dict[str, TorchEncoder]:
        """Loads the backbones and joins them with the heads, on torch; the service runs the graphs instead.

        Returns:
            An encoder by modality.

        Raises:
            BackboneError: If a backbone is unknown or its weights are missing.
            BundleIncompatible: If a backbone here gives other features than the one the head was trained on, or the features came
                ready-made and there is no backbone.
        """
        return {name: TorchEncoder(_matching_backbone(self.manifest.encoders[name], name), self.heads[name]) for name in MODALITIES}


def _matching_backbone(spec: EncoderSpec, modality: str) -> Backbone:
    if spec.is_ready_made:
        named = ", ".join(str(fact) for fact in spec.preprocessing.values())
        raise BundleIncompatible(f"the bundle was trained on ready-made features ({named}) and cannot encode pictures or texts")
    backbone = load_backbone(spec.backbone, modality)
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
