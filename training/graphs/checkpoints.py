"""The encoders of hub checkpoints as graphs: a transformer over patches or tokens, one place of it, length 1, the head.

Sources: A. Radford et al., CLIP (2021), https://arxiv.org/abs/2103.00020; X. Zhai et al., SigLIP (2023),
https://arxiv.org/abs/2303.15343; names of weights are those of transformers' ``CLIPModel`` and ``SiglipModel``.

Decides that weights stay in the checkpoint's own file, which the hub's cache holds. Does not know how a graph is run.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto

from model.backbones import load_backbone
from model.backbones.checkpoint import Checkpoint, CheckpointImages, CheckpointTexts
from model.bundle import EncoderBundle
from model.bundle_folder import WEIGHTS
from model.errors import BackboneError
from training.graphs.builder import EXTRA, GraphBuilder

_PERMUTED = (0, 3, 1, 2)  # from rows of pixels to channels first


def checkpoint_images(bundle: EncoderBundle) -> CheckpointImages:
    """Returns the checkpoint behind a bundle's pictures."""
    backbone: Any = load_backbone(bundle.manifest.encoders["image"].backbone, "image")
    found: CheckpointImages = backbone
    return found


def checkpoint_texts(bundle: EncoderBundle) -> CheckpointTexts:
    """Returns the checkpoint behind a bundle's texts."""
    backbone: Any = load_backbone(bundle.manifest.encoders["text"].backbone, "text")
    found: CheckpointTexts = backbone
    return found


def checkpoint_picture_graph(bundle: EncoderBundle, *, int8: bool = False) -> ModelProto:
    """Puts the graph together.

    Args:
        bundle: One whose picture backbone is a checkpoint.
        int8: Whether dense layers compute with whole numbers of 8 bits; those weights are then in the graph.

    Returns:
        From ``pixels``, (N, height, width, 3) uint8, to ``codes``, (N, n_bits) float32.

    Raises:
        BackboneError: If its weights are not float32, or its activation is not known here.
    """
    backbone = checkpoint_images(bundle)
    checkpoint, facts = backbone.checkpoint, backbone.preprocessing
    graph, config = _builder(bundle, checkpoint, int8), checkpoint.network.config.vision_config
    planes = graph.node("Cast", graph.node("Transpose", "pixels", perm=_PERMUTED), to=TensorProto.FLOAT)
    x = graph.node("Mul", planes, graph.constant("scale", np.float32(facts["scale"])))
    for name, op in (("mean", "Sub"), ("std", "Div")):
        x = graph.node(op, x, graph.constant(name, np.array(facts[name], np.float32).reshape(1, 3, 1, 1)))
    x = _patches(graph, x, config, with_class=checkpoint.kind == "clip")
    x = _tower(graph, "vision_model", x, config, causal=False)
    pooled = _pooled_clip(graph, x, config) if checkpoint.kind == "clip" else _pooled_siglip(graph, x, config)
    graph.head("image", bundle.heads["image"], graph.node("LpNormalization", pooled, axis=1, p=2))
    height, width = facts["crop"]
    return graph.build("image", {"pixels": (TensorProto.UINT8, ["N", height, width, 3])}, bundle.n_bits)


def checkpoint_text_graph(bundle: EncoderBundle, *, int8: bool = False) -> ModelProto:
    """Puts the graph together.

    Args:
        bundle: One whose text backbone is a checkpoint.
        int8: Whether dense layers compute with whole numbers of 8 bits; those weights are then in the graph.

    Returns:
        From what :meth:`model.backbones.checkpoint_input.CheckpointWords.inputs` gives to ``codes``, (N, n_bits) float32.

    Raises:
        BackboneError: If its weights are not float32, or its activation is not known here.
    """
    checkpoint = checkpoint_texts(bundle).checkpoint
    graph, config = _builder(bundle, checkpoint, int8), checkpoint.network.config.text_config
    words, places = (graph.stored(f"text_model.embeddings.{name}_embedding.weight") for name in ("token", "position"))
    n_places = graph.node("Shape", "tokens", start=1, end=2)
    first = graph.node("Slice", places, graph.constant("begin", np.array([0])), n_places)
    x = graph.node("Add", graph.node("Gather", words, "tokens", axis=0), first)
    x = _tower(graph, "text_model", x, config, causal=checkpoint.kind == "clip")
    x = graph.node("GatherND", x, "ends", batch_dims=1)
    x = _norm(graph, "text_model.final_layer_norm", x, config)
    pooled = graph.product(x, "text_projection.weight") if checkpoint.kind == "clip" else _dense(graph, "text_model.head", x)
    graph.head("text", bundle.heads["text"], graph.node("LpNormalization", pooled, axis=1, p=2))
    inputs: dict[str, tuple[int, list[str | int]]] = {name: (TensorProto.INT64, ["N", 1]) for name in ("tokens", "ends")}
    inputs["tokens"][1][1] = "L"
    return graph.build("text", inputs, bundle.n_bits)


def _builder(bundle: EncoderBundle, checkpoint: Checkpoint, int8: bool) -> GraphBuilder:
    with checkpoint.weights.open("rb") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    return GraphBuilder({WEIGHTS: bundle.weights, checkpoint.weights_name: content}, int8=int8)


def _patches(graph: GraphBuilder, planes: str, config: Any, *, with_class: bool) -> str:
    """Adds patches in a row, before them CLIP's class token, each with its place."""
    name, side = "vision_model.embeddings", int(config.patch_size)
    parts = ("weight",) if with_class else ("weight", "bias")
    weights = [graph.stored(f"{name}.patch_embedding.{part}") for part in parts]
    patches = graph.node("Conv", planes, *weights, strides=[side, side], kernel_shape=[side, side])
    flat = graph.node("Reshape", patches, graph.constant("flat", np.array([0, 0, -1])))
    row = graph.node("Transpose", flat, perm=[0, 2, 1])
    if with_class:
        token = graph.node("Expand", graph.stored(f"{name}.class_embedding"), _one_each(graph, row))
        row = graph.node("Concat", token, row, axis=1)
    x = graph.node("Add", row, graph.stored(f"{name}.position_embedding.weight"))
    return _norm(graph, "vision_model.pre_layrnorm", x, config) if with_class else x


def _tower(graph: GraphBuilder, name: str, x: str, config: Any, *, causal: bool) -> str:
    """Adds layers: attention and two dense layers, each behind a normalisation and with a shortcut."""
    for i in range(config.num_hidden_layers):
        layer = f"{name}.encoder.layers.{i}"
        y = _norm(graph, f"{layer}.layer_norm1", x, config)
        asked = [_dense(graph, f"{layer}.self_attn.{part}_proj", y) for part in "qkv"]
        seen = _attention(graph, *asked, config=config, causal=causal)
        x = graph.node("Add", x, _dense(graph, f"{layer}.self_attn.out_proj", seen))
        y = _norm(graph, f"{layer}.layer_norm2", x, config)
        x = graph.node("Add", x, _mlp(graph, f"{layer}.mlp", y, config))
    return x


def _attention(graph: GraphBuilder, q: str, k: str, v: str, *, config: Any, causal: bool = False) -> str:
    heads = int(config.num_attention_heads)
    return graph.node("MultiHeadAttention", q, k, v, domain=EXTRA, num_heads=heads, unidirectional=int(causal))


def _mlp(graph: GraphBuilder, name: str, x: str, config: Any) -> str:
    known: dict[str, Callable[[str], str]] = {
        "quick_gelu": partial(graph.node, "QuickGelu", domain=EXTRA, alpha=1.702),
        "gelu": partial(graph.node, "Gelu"),
        "gelu_pytorch_tanh": partial(graph.node, "Gelu", approximate="tanh"),
    }
    if config.hidden_act not in known:
        raise BackboneError(f"no graph is known for a checkpoint with activation {config.hidden_act}")
    return _dense(graph, f"{name}.fc2", known[config.hidden_act](_dense(graph, f"{name}.fc1", x)))


def _pooled_clip(graph: GraphBuilder, x: str, config: Any) -> str:
    first = graph.node("Gather", x, graph.constant("first", np.array([0])), axis=1)
    token = graph.node("Squeeze", first, graph.constant("one", np.array([1])))
    return graph.product(_norm(graph, "vision_model.post_layernorm", token, config), "visual_projection.weight")


def _pooled_siglip(graph: GraphBuilder, x: str, config: Any) -> str:
    """Adds attention of a learned probe to all patches, and the dense layers behind it."""
    x, name = _norm(graph, "vision_model.post_layernorm", x, config), "vision_model.head"
    weight, bias = (graph.stored(f"{name}.attention.in_proj_{part}") for part in ("weight", "bias"))
    weights, biases = graph.split(weight, 3, axis=0), graph.split(bias, 3, axis=0)
    asked, probe = [], graph.node("Expand", graph.stored(f"{name}.probe"), _one_each(graph, x))
    for each, w, b in zip((probe, x, x), weights, biases, strict=True):
        asked.append(graph.node("Add", graph.node("MatMul", each, graph.node("Transpose", w, perm=[1, 0])), b))
    seen = _dense(graph, f"{name}.attention.out_proj", _attention(graph, *asked, config=config))
    whole = graph.node("Add", seen, _mlp(graph, f"{name}.mlp", _norm(graph, f"{name}.layernorm", seen, config), config))
    return graph.node("Squeeze", whole, graph.constant("one", np.array([1])))


def _one_each(graph: GraphBuilder, x: str) -> str:
    """Adds the shape (N, 1, 1), to which one vector for all inputs is expanded."""
    return graph.node("Concat", graph.node("Shape", x, start=0, end=1), graph.constant("ones", np.array([1, 1])), axis=0)


def _dense(graph: GraphBuilder, name: str, x: str) -> str:
    return graph.node("Add", graph.product(x, f"{name}.weight"), graph.stored(f"{name}.bias"))


def _norm(graph: GraphBuilder, name: str, x: str, config: Any) -> str:
    weight, bias = graph.stored(f"{name}.weight"), graph.stored(f"{name}.bias")
    return graph.node("LayerNormalization", x, weight, bias, axis=-1, epsilon=float(config.layer_norm_eps))
