"""Encoders as graphs: the table of who puts together which backbone's graph.

Decides what a graph brings along. Does not know how well it does (`training.graph_export`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from onnx import ModelProto

from model.backbones import is_checkpoint
from model.bundle import EncoderBundle
from model.bundle_folder import GRAPHS
from model.codes import UInt8
from model.errors import BackboneError
from model.manifest import MODALITIES


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph and what it needs beside it.

    Attributes:
        model: The graph.
        files: What the bundle must hold beside it, by file name.
        weights: sha256 (hex) by name of the weight files that it refers to and an installed package carries.
    """

    model: ModelProto
    files: Mapping[str, bytes] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)


def _picture(bundle: EncoderBundle, samples: Sequence[UInt8] | None) -> Graph:
    from training.graphs.pictures import picture_graph

    model = picture_graph(bundle)
    if samples is None:
        return Graph(model)
    from training.graphs.int8 import quantised

    return Graph(quantised(model, bundle.weights, samples))


def _text(bundle: EncoderBundle, samples: Sequence[UInt8] | None) -> Graph:
    from model.backbones.minilm import WEIGHTS_SHA256, read_vocabulary
    from model.bundle_folder import TOKENIZER
    from model.weights import MINILM_WEIGHTS, installed_weights
    from training.graphs.texts import text_graph

    model = text_graph(bundle, installed_weights(MINILM_WEIGHTS, WEIGHTS_SHA256), int8=samples is not None)
    return Graph(model, {TOKENIZER: read_vocabulary()}, {MINILM_WEIGHTS: WEIGHTS_SHA256})


def _checkpoint(bundle: EncoderBundle, modality: str, samples: Sequence[UInt8] | None) -> Graph:
    from model.bundle_folder import TOKENIZER
    from training.graphs import checkpoints

    int8 = samples is not None
    if modality == "image":
        images = checkpoints.checkpoint_images(bundle).checkpoint
        return Graph(checkpoints.checkpoint_picture_graph(bundle, int8=int8), {}, {images.weights_name: images.sha256})
    texts = checkpoints.checkpoint_texts(bundle)
    model, weights = checkpoints.checkpoint_text_graph(bundle, int8=int8), texts.checkpoint
    return Graph(model, {TOKENIZER: texts.vocabulary}, {weights.weights_name: weights.sha256})


_TABLE: dict[str, Callable[[EncoderBundle, Sequence[UInt8] | None], Graph]] = {
    "efficientnet-lite0": _picture,
    "efficientnet-lite0-conse": _picture,
    "minilm-l6-v2": _text,
}


def make_graph(bundle: EncoderBundle, modality: str, *, int8_samples: Sequence[UInt8] | None = None) -> Graph:
    """Puts one modality's graph together.

    Args:
        bundle: Whose.
        modality: ``image`` or ``text``.
        int8_samples: Prepared pictures, (224, 224, 3) uint8 each, by which ranges of 8-bit numbers are chosen; without them
            the graph computes in float32.

    Returns:
        The graph.

    Raises:
        BackboneError: If nobody knows how to write this backbone as a graph.
    """
    name = bundle.manifest.encoders[modality].backbone
    if is_checkpoint(name):
        return _checkpoint(bundle, modality, int8_samples)
    if name not in _TABLE:
        raise BackboneError(f"no graph is known for backbone {name!r}")
    return _TABLE[name](bundle, int8_samples)


def feature_values(bundle: EncoderBundle) -> dict[str, str]:
    """Says what features are called within a bundle's graphs: the value that the head's first layer takes.

    Args:
        bundle: One with or without graphs.

    Returns:
        By modality; empty without graphs.
    """
    found = {}
    for name in MODALITIES:
        graph = ModelProto.FromString(bundle.files.get(GRAPHS[name], b"")).graph
        taken = [node.input[0] for node in graph.node if f"{name}.layers.0.weight" in node.input[1:]]
        if taken:
            found[name] = taken[0]
    return found
