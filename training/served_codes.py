"""A data set in the codes that a service gives: those of a bundle's graphs.

Decides that such codes, and the features they are made from, are kept on disk and taken up again as features are. Does not know
what they are looked at for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from model.bundle import EncoderBundle
from model.codes import Float32
from model.served import ServedBundle
from training.datasets import PairDataset
from training.features import extract_features
from training.graphs import feature_values
from training.inputs import PairFeatures
from training.progress import progress_bar
from training.ranking_histograms import LabelledCodes


class ShowingGraph(Protocol):
    """A graph that shows its features, as :class:`model.graph_encoder.GraphEncoder` does."""

    def prepare(self, raw: Any) -> Any:
        """Brings one picture or text into the graph's form."""
        ...

    def encode_with_features(self, prepared: Sequence[Any]) -> tuple[Float32, Float32]:
        """Returns relaxed codes and features of a batch."""
        ...


class GraphAsBackbone:
    """A graph in the form of a backbone, whose features are relaxed codes with features behind them.

    Args:
        encoder: The graph.
        bundle_id: Of the bundle it belongs to, which covers all that determines a code.
        n_bits: Bits of a code.
        feature_dim: Width of its own features.
    """

    def __init__(self, encoder: ShowingGraph, bundle_id: str, n_bits: int, feature_dim: int) -> None:
        self._encoder, self.n_bits = encoder, n_bits
        self.name, self.weights_digest, self.feature_dim = "graph", bundle_id, n_bits + feature_dim
        self.preprocessing: dict[str, Any] = {}

    def prepare(self, raw: Any) -> Any:
        """Brings one picture or text into the form :meth:`extract` takes; safe in any thread."""
        return self._encoder.prepare(raw)

    def extract(self, prepared: Sequence[Any]) -> Float32:
        """Encodes a batch: (N, n_bits + feature_dim) float32."""
        return np.concatenate(self._encoder.encode_with_features(prepared), axis=1)


def open_graphs(bundle: EncoderBundle, *, n_threads: int = 1) -> dict[str, GraphAsBackbone]:
    """Loads a bundle's graphs as a service does.

    Args:
        bundle: One that has graphs.
        n_threads: Of the forward passes.

    Returns:
        By modality.

    Raises:
        BackboneError: If weights are missing or not the pinned ones.
        BundleIncompatible: If input is prepared in another way here than at training.
        BundleCorrupt: If a graph does not load.
    """
    served = ServedBundle(Path(), bundle.manifest, bundle.files)
    encoders = served.encoders(n_threads, shown=feature_values(bundle))
    dims = {name: spec.feature_dim for name, spec in bundle.manifest.encoders.items()}
    return {name: GraphAsBackbone(encoder, bundle.bundle_id, bundle.n_bits, dims[name]) for name, encoder in encoders.items()}


def encode_as_served(
    graphs: Mapping[str, GraphAsBackbone], pairs: PairDataset, split: str, *, cache_dir: Path
) -> tuple[LabelledCodes, PairFeatures]:
    """Encodes a split, or reads its codes and features from the cache.

    Args:
        graphs: By modality.
        pairs: The split.
        split: Its name, for the progress bar.
        cache_dir: Where they are kept.

    Returns:
        Relaxed codes, and the features they were made from.

    Raises:
        DatasetError: If a picture or text cannot be used.
    """
    sides = {}
    for inputs in (pairs.image_inputs, pairs.text_inputs):
        with progress_bar(f"{inputs.modality} codes of {split}", unit=f"{inputs.modality}s") as advance:
            sides[inputs.modality] = extract_features(graphs[inputs.modality], inputs, cache_dir=cache_dir, progress=advance)
    n_bits = graphs["image"].n_bits
    codes = LabelledCodes(sides["image"][:, :n_bits], sides["text"][:, :n_bits], pairs.true_labels)
    return codes, PairFeatures(sides["image"][:, n_bits:], sides["text"][:, n_bits:], pairs.true_labels, pairs.corrections)
