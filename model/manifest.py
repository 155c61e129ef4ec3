"""What a bundle says of itself: everything needed to load it, refuse it, or judge it.

Decides the fields and their form as JSON. Does not know tensors.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

from model.codes import check_n_bits
from model.errors import BundleCorrupt, BundleIncompatible, CodeError

FORMAT_VERSION = 1
MODALITIES = ("image", "text")
FEATURE_FILE = "feature-file"
"""Stands in a spec for a backbone where the features came ready-made: the heads can be judged on such files, but not served."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSpec:
    """One modality's encoder.

    Attributes:
        backbone: Name in the table of backbones, or ``feature-file``.
        weights_digest: The backbone's digest (of a feature file: of what ``preprocessing`` says); another one means other features.
        preprocessing: How raw input is prepared, for the reader; the digest covers it.
        feature_dim: Width of the features.
        hidden_dims: Widths of the head's hidden layers.
        unit_norm: Whether relaxed codes have length 1.
    """

    backbone: str
    weights_digest: str
    preprocessing: dict[str, Any]
    feature_dim: int
    hidden_dims: tuple[int, ...]
    unit_norm: bool

    @property
    def is_ready_made(self) -> bool:
        """Whether the features came as a file, so that no picture or text can be encoded."""
        return self.backbone == FEATURE_FILE

    @classmethod
    def of_feature_file(cls, source: Mapping[str, Any], **shape: Any) -> EncoderSpec:
        """Makes the spec of a head that was trained on ready-made features.

        Args:
            source: JSON-able; what the features are and where they come from.
            **shape: ``feature_dim``, ``hidden_dims`` and ``unit_norm``.

        Returns:
            The spec; its digest is one of ``source``.
        """
        digest = hashlib.sha256(json.dumps(source, sort_keys=True).encode()).hexdigest()
        return cls(backbone=FEATURE_FILE, weights_digest=digest, preprocessing=dict(source), **shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The content of a bundle's ``config.json``.

    Attributes:
        method: Name of the hashing method.
        n_bits: Bits of a code.
        label_names: Names of the labels the classifiers predict, in order.
        encoders: By modality, ``image`` and ``text``.
        training: Facts of the run that made it: data set, sizes, noise, seed, epoch.
        evaluation: Figures on data kept out of training, by name.
        origin: Where the training data come from and under what terms, for people.
        license: The bundle's, as the hub names licences, such as ``apache-2.0``; empty where nobody said.
        files: sha256 (hex) of every other file that determines codes, by name.
        graphs: Facts of the graphs: precision, and ``weights``, the sha256 by name of the weight files that installed packages
            carry. Empty in a bundle without graphs.
        comparison: How the graphs' codes compare with torch's, by modality, and ``on`` what; no part of the identity.
        format_version: Version of this form.
    """

    method: str
    n_bits: int
    label_names: tuple[str, ...]
    encoders: dict[str, EncoderSpec]
    training: dict[str, Any] = field(default_factory=dict)
    evaluation: dict[str, float | int] = field(default_factory=dict)
    origin: str = ""
    license: str = ""
    files: dict[str, str] = field(default_factory=dict)
    graphs: dict[str, Any] = field(default_factory=dict)
    comparison: dict[str, Any] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    def to_json(self) -> bytes:
        """Returns canonical JSON: sorted keys, so that the same content gives the same bytes."""
        facts = asdict(self)
        for name in ("license", "graphs", "comparison"):
            if not facts[name]:
                del facts[name]  # a bundle from before there was such a thing keeps its identity
        return (json.dumps(facts, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()

    def identity(self) -> str:
        """Returns sha256 (hex) of what determines codes and their meaning: all but the comparison."""
        return hashlib.sha256(replace(self, comparison={}).to_json()).hexdigest()

    @classmethod
    def from_json(cls, content: bytes) -> Manifest:
        """Reads what :meth:`to_json` wrote.

        Args:
            content: Bytes of ``config.json``.

        Returns:
            The manifest.

        Raises:
            BundleCorrupt: If it is no JSON, or a field is missing or of another type.
            BundleIncompatible: If its format version is another.
        """
        try:
            raw = json.loads(content)
        except ValueError as error:
            raise BundleCorrupt(f"config.json of the bundle is not JSON: {error}") from error
        version = _field(raw, "format_version", int)
        if version != FORMAT_VERSION:
            raise BundleIncompatible(f"the bundle has format {version}; this version of Bitlens reads format {FORMAT_VERSION}")
        encoders: dict[str, Any] = _field(raw, "encoders", dict)
        manifest = cls(
            method=_field(raw, "method", str),
            n_bits=_field(raw, "n_bits", int),
            label_names=_items(raw, "label_names", str),
            encoders={name: _encoder_spec(_field(encoders, name, dict)) for name in MODALITIES},
            training=_field(raw, "training", dict),
            evaluation=_field(raw, "evaluation", dict),
            origin=_field(raw, "origin", str),
            license=_field(raw, "license", str) if "license" in raw else "",
            files=_field(raw, "files", dict),
            graphs=_graph_facts(raw),
            comparison=_field(raw, "comparison", dict) if "comparison" in raw else {},
        )
        try:
            check_n_bits(manifest.n_bits)
        except CodeError as error:
            raise BundleCorrupt(f"config.json of the bundle: {error}") from error
        return manifest


def _encoder_spec(raw: Mapping[str, Any]) -> EncoderSpec:
    return EncoderSpec(
        backbone=_field(raw, "backbone", str),
        weights_digest=_field(raw, "weights_digest", str),
        preprocessing=_field(raw, "preprocessing", dict),
        feature_dim=_field(raw, "feature_dim", int),
        hidden_dims=_items(raw, "hidden_dims", int),
        unit_norm=_field(raw, "unit_norm", bool),
    )


def _graph_facts(raw: Mapping[str, Any]) -> dict[str, Any]:
    if "graphs" not in raw:
        return {}
    facts: dict[str, Any] = _field(raw, "graphs", dict)
    _field(facts, "weights", dict)
    return facts


def _items(raw: Any, name: str, kind: type[_T]) -> tuple[_T, ...]:
    values = _field(raw, name, list)
    if not all(isinstance(value, kind) for value in values):
        raise BundleCorrupt(f"config.json of the bundle lacks a valid {name!r}")
    return tuple(values)


def _field(raw: Any, name: str, kind: type[_T]) -> _T:
    value = raw.get(name) if isinstance(raw, dict) else None
    if not isinstance(value, kind):
        raise BundleCorrupt(f"config.json of the bundle lacks a valid {name!r}")
    return value
