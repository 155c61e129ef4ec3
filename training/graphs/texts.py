"""The text encoder as a graph: word pieces, MiniLM, mean, length 1, the head.

Source: W. Wang et al., MiniLM (2020), https://arxiv.org/abs/2002.10957: BERT with 6 layers, 12 heads and 384 features.

Dense layers see the word pieces of all texts end to end; only attention sees texts below each other, with padding.

Decides that MiniLM's weights stay where their package has them. Does not know how a graph is run.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto

from model.bundle import EncoderBundle
from model.bundle_folder import WEIGHTS
from model.weights import MINILM_WEIGHTS
from training.graphs.builder import EXTRA, GraphBuilder

_N_LAYERS, _N_HEADS, _WIDTH, _EPSILON = 6, 12, 384, 1e-12


def text_graph(bundle: EncoderBundle, weights: Path, *, int8: bool = False) -> ModelProto:
    """Puts the graph together.

    Args:
        bundle: One whose text backbone is MiniLM.
        weights: MiniLM's weights, safetensors.
        int8: Whether MiniLM's dense layers compute with whole numbers of 8 bits; those weights are then in the graph.

    Returns:
        From what :meth:`model.backbones.word_pieces.WordPieces.inputs` gives to ``codes``, (N, n_bits) float32.
    """
    graph = GraphBuilder({WEIGHTS: bundle.weights, MINILM_WEIGHTS: weights.read_bytes()}, int8=int8)
    x = _embeddings(graph)
    for i in range(_N_LAYERS):
        x = _layer(graph, f"encoder.layer.{i}", x)
    graph.head("text", bundle.heads["text"], _pooled(graph, x))
    inputs: dict[str, tuple[int, list[str | int]]] = {
        name: (TensorProto.INT64, ["T"]) for name in ("tokens", "positions", "padded_place")
    }
    inputs |= {"place": (TensorProto.INT64, ["N", "L"]), "mask": (TensorProto.INT32, ["N", "L"])}
    return graph.build("text", inputs, bundle.n_bits)


def _embeddings(graph: GraphBuilder) -> str:
    words, places, types = (graph.stored(f"embeddings.{name}_embeddings.weight") for name in ("word", "position", "token_type"))
    first = graph.constant("first", np.int64(0))
    placed = graph.node("Add", graph.node("Gather", words, "tokens", axis=0), graph.node("Gather", places, "positions", axis=0))
    typed = graph.node("Add", placed, graph.node("Gather", types, first, axis=0))
    weight, bias = _weights(graph, "embeddings.LayerNorm")
    return graph.node("LayerNormalization", typed, weight, bias, axis=-1, epsilon=_EPSILON)


def _layer(graph: GraphBuilder, name: str, x: str) -> str:
    """Adds self-attention and the two dense layers behind it, each with its shortcut and normalisation."""
    asked = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
    bias = graph.node("Concat", *(graph.stored(f"{part}.bias") for part in asked), axis=0)
    dense = graph.node("Add", graph.product(x, *(f"{part}.weight" for part in asked)), bias)
    parts = graph.split(graph.node("Gather", dense, "place", axis=0), 3, axis=2)
    seen = graph.node("MultiHeadAttention", *parts, "", "mask", domain=EXTRA, num_heads=_N_HEADS)
    rows = graph.node("Reshape", seen, graph.constant("rows", np.array([-1, _WIDTH])))
    seen = graph.node("Gather", rows, "padded_place", axis=0)
    x = _added(graph, f"{name}.attention.output", seen, x)
    inner = f"{name}.intermediate.dense"
    wide = graph.node("BiasGelu", graph.product(x, f"{inner}.weight"), graph.stored(f"{inner}.bias"), domain=EXTRA)
    return _added(graph, f"{name}.output", wide, x)


def _added(graph: GraphBuilder, name: str, y: str, x: str) -> str:
    dense, bias = graph.product(y, f"{name}.dense.weight"), graph.stored(f"{name}.dense.bias")
    scale, shift = _weights(graph, f"{name}.LayerNorm")
    return graph.node("SkipLayerNormalization", dense, x, scale, shift, bias, domain=EXTRA, epsilon=_EPSILON)


def _pooled(graph: GraphBuilder, x: str) -> str:
    """Adds the sum over word pieces, scaled to length 1: the mean's divisor cancels."""
    one = graph.constant("one", np.array([1]))
    weights = graph.node("Unsqueeze", graph.node("Cast", "mask", to=TensorProto.FLOAT), one)
    summed = graph.node("Squeeze", graph.node("MatMul", weights, graph.node("Gather", x, "place", axis=0)), one)
    return graph.node("LpNormalization", summed, axis=1, p=2)


def _weights(graph: GraphBuilder, name: str) -> tuple[str, str]:
    return graph.stored(f"{name}.weight"), graph.stored(f"{name}.bias")
