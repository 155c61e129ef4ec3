"""A data set in the codes that a service gives: those of a bundle's graphs.

Decides that such codes are kept on disk, and taken up again, as features are. Does not know what they are looked at for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from model.bundle import EncoderBundle
from model.codes import Float32
from model.graph_encoder import GraphEncoder
from model.served import ServedBundle
from training.datasets import PairDataset
from training.features import extract_features
from training.progress import progress_bar
from training.ranking_histograms import LabelledCodes


class CodesAsFeatures:
    """A graph in the form of a backbone, whose features are relaxed codes.

    Args:
        encoder: The graph.
        bundle_id: Of the bundle it belongs to, which covers all that determines a code.
        precision: Of the graph, for the name.
    """

    def __init__(self, encoder: GraphEncoder, bundle_id: str, precision: str) -> None:
        self._encoder = encoder
        self.name, self.weights_digest, self.feature_dim = f"graph-{precision}", bundle_id, encoder.n_bits
        self.preprocessing: dict[str, Any] = {}

    def prepare(self, raw: Any) -> Any:
        """Brings one picture or text into the form :meth:`extract` takes; safe in any thread."""
        return self._encoder.prepare(raw)

    def extract(self, prepared: Sequence[Any]) -> Float32:
        """Encodes a batch: (N, n_bits) float32 in [−1, 1]."""
        return self._encoder.encode(prepared)


def open_graphs(bundle: EncoderBundle, *, n_threads: int = 1) -> dict[str, CodesAsFeatures]:
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
    encoders = ServedBundle(Path(), bundle.manifest, bundle.files).encoders(n_threads)
    precision = str(bundle.manifest.graphs["precision"])
    return {name: CodesAsFeatures(encoder, bundle.bundle_id, precision) for name, encoder in encoders.items()}


def served_codes(graphs: Mapping[str, CodesAsFeatures], pairs: PairDataset, split: str, *, cache_dir: Path) -> LabelledCodes:
    """Encodes a split, or reads its codes from the cache.

    Args:
        graphs: By modality.
        pairs: The split.
        split: Its name, for the progress bar.
        cache_dir: Where codes are kept, beside features.

    Returns:
        Relaxed codes and labels.

    Raises:
        DatasetError: If a picture or text cannot be used.
    """
    sides = {}
    for inputs in (pairs.image_inputs, pairs.text_inputs):
        with progress_bar(f"{inputs.modality} codes of {split}", unit=f"{inputs.modality}s") as advance:
            sides[inputs.modality] = extract_features(graphs[inputs.modality], inputs, cache_dir=cache_dir, progress=advance)
    return LabelledCodes(sides["image"], sides["text"], pairs.true_labels)
