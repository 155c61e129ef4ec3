"""The picture encoders as a graph: bytes of pixels, EfficientNet-Lite0, the ConSE bridge if the backbone has it, the head.

Decides that batch normalisations are folded and pictures normalised within the graph. Does not know how a graph is run.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from onnx import ModelProto, TensorProto
from torch import nn

from model.backbones import load_backbone
from model.backbones.base import Backbone
from model.backbones.conse import TOP_CLASSES, ConseBackbone
from model.backbones.efficientnet_lite import EfficientNetLite0, EfficientNetLite0Backbone
from model.bundle import EncoderBundle
from model.bundle_folder import WEIGHTS
from model.codes import Float32
from model.preprocess import ImagePreprocess
from training.graphs.builder import GraphBuilder

_PERMUTED = (0, 3, 1, 2)  # from rows of pixels to channels first


def picture_graph(bundle: EncoderBundle) -> ModelProto:
    """Puts the graph together.

    Args:
        bundle: One whose picture backbone is EfficientNet-Lite0, with or without the bridge.

    Returns:
        From ``pixels``, (N, 224, 224, 3) uint8, to ``codes``, (N, n_bits) float32.
    """
    backbone: Backbone = load_backbone(bundle.manifest.encoders["image"].backbone)
    graph, preprocess = GraphBuilder({WEIGHTS: bundle.weights}), ImagePreprocess()
    images = backbone.images if isinstance(backbone, ConseBackbone) else backbone
    if not isinstance(images, EfficientNetLite0Backbone):
        raise TypeError(f"{backbone.name} is not built on EfficientNet-Lite0")
    pooled = _network(graph, images.network, preprocess)
    features = pooled
    if isinstance(backbone, ConseBackbone):
        features = graph.node("Concat", pooled, _bridge(graph, images.network, backbone.class_features, pooled), axis=1)
    graph.head("image", bundle.heads["image"], features)
    side = preprocess.size
    return graph.build("image", {"pixels": (TensorProto.UINT8, ["N", side, side, 3])}, bundle.n_bits)


def _network(graph: GraphBuilder, network: EfficientNetLite0, preprocess: ImagePreprocess) -> str:
    """Adds everything up to the pooled features."""
    planes = graph.node("Cast", graph.node("Transpose", "pixels", perm=_PERMUTED), to=TensorProto.FLOAT)
    centred = graph.node("Sub", planes, graph.constant("mean", np.float32(preprocess.mean)))
    x = graph.node("Div", centred, graph.constant("scale", np.float32(preprocess.scale)))
    conv = partial(_conv, graph)
    side, begin = preprocess.size, x
    for layer in network.layers():
        begin = x if layer.opens_block else begin
        x, side = conv(layer.name, layer.conv, x, side, clipped=layer.is_clipped)
        x = graph.node("Add", x, begin) if layer.closes_shortcut else x
    return graph.node("Flatten", graph.node("GlobalAveragePool", x), axis=1)


def _conv(graph: GraphBuilder, name: str, conv: nn.Conv2d, x: str, side: int, *, clipped: bool) -> tuple[str, int]:
    """Adds a convolution padded as TensorFlow's "SAME", with ReLU6 behind it; returns its result and that one's side."""
    if conv.bias is None:
        raise TypeError(f"{name}: its normalisation is not folded")
    kernel, stride = int(conv.kernel_size[0]), int(conv.stride[0])
    out = -(-side // stride)
    total = max((out - 1) * stride + kernel - side, 0)
    before, after = total // 2, total - total // 2
    weight = graph.constant(f"{name}.weight", conv.weight.detach().numpy())
    bias = graph.constant(f"{name}.bias", conv.bias.detach().numpy())
    pads = [before, before, after, after]
    y = graph.node("Conv", x, weight, bias, kernel_shape=[kernel, kernel], strides=[stride, stride], pads=pads, group=conv.groups)
    if clipped:
        y = graph.node("Clip", y, graph.constant("zero", np.float32(0)), graph.constant("six", np.float32(6)))
    return y, out


def _bridge(graph: GraphBuilder, network: EfficientNetLite0, class_features: Float32, pooled: str) -> str:
    """Adds the ConSE features; see :func:`model.backbones.conse.conse_features`."""
    layer = network.classifier
    weight = graph.constant("classes.weight", layer.weight.detach().numpy())
    logits = graph.node("Gemm", pooled, weight, graph.constant("classes.bias", layer.bias.detach().numpy()), transB=1)
    best, classes = graph.top(logits, TOP_CLASSES)
    one = graph.constant("one", np.array([1]))
    shares = graph.node("Unsqueeze", graph.node("Softmax", best, axis=1), one)
    mixed = graph.node("MatMul", shares, graph.node("Gather", graph.constant("class_features", class_features), classes, axis=0))
    return graph.node("LpNormalization", graph.node("Squeeze", mixed, one), axis=1, p=2)
