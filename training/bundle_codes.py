"""A data set as a bundle's codes.

Decides how splits are encoded, and which bundles fit which data. Does not know what the codes are looked at for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from model.bundle import EncoderBundle
from model.codes import Float32
from model.encoder import encode_features
from model.errors import BundleIncompatible
from model.manifest import MODALITIES
from training.config import DataSection, FeaturesSection, RunConfig, TrainingSection
from training.datasets import FeatureSplits, PairSplits
from training.datasets.base import SPLITS
from training.inputs import PairFeatures, extract_pair_features, read_pairs
from training.ranking_histograms import LabelledCodes
from training.served_codes import encode_as_served, open_graphs

Encode = Callable[[Float32], Float32]
"""Turns (N, feature_dim) features into (N, n_bits) relaxed codes."""


@dataclass(frozen=True, slots=True)
class DataSource:
    """Where a data set lies and how it is read.

    Attributes:
        data: Folder of the data set, or ``datasets:NAME``.
        columns: Names of columns and splits.
        cache_dir: Where features are kept.
        threads: Of the forward passes.
        with_labels: False where only the pairs count: they need no labels.
    """

    data: Path
    columns: DataSection
    cache_dir: Path
    threads: int = 1
    with_labels: bool = True


@dataclass(frozen=True, slots=True)
class EncodedData:
    """Splits of a data set in a bundle's codes.

    Attributes:
        codes: Relaxed codes and labels by split.
        features: What they were made from, likewise.
        label_names: Names of the labels in order; none where none were read.
        encoders: What gave the codes: ``heads on torch``, or ``fp32 graphs`` and the like.
    """

    codes: dict[str, LabelledCodes]
    features: dict[str, PairFeatures]
    label_names: tuple[str, ...]
    encoders: str = "heads on torch"

    def joined(self, *splits: str) -> LabelledCodes:
        """Returns several splits one behind another.

        Args:
            *splits: Their names.

        Returns:
            Codes and labels.
        """
        return join_codes([self.codes[name] for name in splits])


def encode_data(
    bundle: EncoderBundle, source: DataSource, splits: Sequence[str] = SPLITS, *, as_served: bool = False
) -> EncodedData:
    """Encodes splits of a data set by a bundle.

    Args:
        bundle: Gives the codes.
        source: The data.
        splits: Which.
        as_served: Whether codes are those of the bundle's graphs, if it has some, rather than of its heads on torch.

    Returns:
        Codes, features and labels.

    Raises:
        BundleIncompatible: If the bundle's heads were trained on other features than the data set or the backbones here give.
    """
    config = RunConfig(data=source.columns, features=_backbones(bundle), training=TrainingSection(threads=source.threads))
    pairs = read_pairs(config, source.data, cache_dir=source.cache_dir, with_labels=source.with_labels)
    names = tuple(pairs.label_names)
    if as_served and bundle.has_graphs and isinstance(pairs, PairSplits):
        graphs = open_graphs(bundle, n_threads=source.threads)
        found = {name: encode_as_served(graphs, getattr(pairs, name), name, cache_dir=source.cache_dir) for name in splits}
        encoders = f"{bundle.manifest.graphs['precision']} graphs"
        codes = {name: each for name, (each, _) in found.items()}
        return EncodedData(codes, {name: each for name, (_, each) in found.items()}, names, encoders)
    on_torch = _encoders(bundle, pairs)
    features = {name: extract_pair_features(getattr(pairs, name), name, config, cache_dir=source.cache_dir) for name in splits}
    return EncodedData({name: _encode(on_torch, part) for name, part in features.items()}, features, names)


def join_codes(parts: Sequence[LabelledCodes]) -> LabelledCodes:
    """Puts codes one behind another.

    Args:
        parts: At least one.

    Returns:
        All of them.
    """
    return LabelledCodes(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("image", "text", "labels")))


def _encode(encoders: dict[str, Encode], part: PairFeatures) -> LabelledCodes:
    return LabelledCodes(encoders["image"](part.image), encoders["text"](part.text), part.true_labels)


def _backbones(bundle: EncoderBundle) -> FeaturesSection:
    named = {f"{name}_backbone": spec.backbone for name, spec in bundle.manifest.encoders.items() if not spec.is_ready_made}
    return FeaturesSection.model_validate(named)


def _encoders(bundle: EncoderBundle, pairs: PairSplits | FeatureSplits) -> dict[str, Encode]:
    """Returns what encodes features, by modality, once it is sure that the heads were trained on such features."""
    if isinstance(pairs, PairSplits):
        return {name: encoder.encode_features for name, encoder in bundle.encoders().items()}
    for name, source in pairs.source_facts().items():
        spec = bundle.manifest.encoders[name]
        if not spec.is_ready_made or spec.preprocessing != source:
            raise BundleIncompatible(
                f"the bundle's {name} head was trained on {spec.backbone} {spec.preprocessing}, the data set has features {source}"
            )
        found = getattr(pairs.query, name).shape[1]
        if spec.feature_dim != found:
            raise BundleIncompatible(f"the bundle's {name} head takes {spec.feature_dim} features, the data set has {found}")
    return {name: partial(encode_features, bundle.heads[name]) for name in MODALITIES}
