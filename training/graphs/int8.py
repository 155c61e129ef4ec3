"""A picture graph with convolutions in whole numbers of 8 bits.

Source: ONNX Runtime's static quantisation, https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html: ranges of
activations are seen on sample pictures, weights have a scale for each channel. The bridge and the head stay as they are.

Decides which operators. Does not know how much a code changes by it (`training.graph_export`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnx import ModelProto, TensorProto
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from model.bundle_folder import WEIGHTS
from model.codes import UInt8

_OPERATORS = ["Conv", "Add", "GlobalAveragePool", "Clip"]


def quantised(model: ModelProto, weights: bytes, pixels: Sequence[UInt8]) -> ModelProto:
    """Quantises a picture graph.

    Args:
        model: Of :func:`training.graphs.pictures.picture_graph`.
        weights: The bundle's, which the graph refers to.
        pixels: Prepared sample pictures, (224, 224, 3) uint8 each.

    Returns:
        The same with 8-bit convolutions; weights outside of it stay where they are.
    """
    stored = {tensor.name: tensor for tensor in model.graph.initializer if tensor.data_location == TensorProto.EXTERNAL}
    with TemporaryDirectory() as folder:
        plain, small = Path(folder, "image.onnx"), Path(folder, "int8.onnx")
        Path(folder, WEIGHTS).write_bytes(weights)
        plain.write_bytes(model.SerializeToString())
        formats = {"quant_format": QuantFormat.QDQ, "activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
        quantize_static(plain, small, _Samples(pixels), per_channel=True, op_types_to_quantize=_OPERATORS, **formats)
        result = onnx.load(small)
    kept = [stored.get(tensor.name, tensor) for tensor in result.graph.initializer]
    del result.graph.initializer[:]
    result.graph.initializer.extend(kept)
    return result


class _Samples(CalibrationDataReader):  # type: ignore[misc]
    """Hands out pictures one after another."""

    def __init__(self, pixels: Sequence[UInt8]) -> None:
        self._left = iter(pixels)

    def get_next(self) -> dict[str, UInt8] | None:
        """Returns the next input, or nothing after the last."""
        each = next(self._left, None)
        return None if each is None else {"pixels": each[np.newaxis]}
