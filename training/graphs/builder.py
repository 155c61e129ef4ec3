"""An ONNX graph, put together node by node.

Decides versions, and how weights that lie in a safetensors file are referred to: by its name and an offset, as ONNX's external
data, so that nothing is stored twice. Does not know any architecture.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, helper, numpy_helper

from model.codes import Float32
from model.errors import BackboneError
from model.heads import HashHead

OPSET = 20
_INT8_MAX, _UINT8_ZERO, _TINY = 127, 128, 1e-12
IR_VERSION = 10
EXTRA = "com.microsoft"
"""ONNX Runtime's own operators: several steps of a transformer in one."""


class GraphBuilder:
    """Collects nodes and weights; every value is named after what it is.

    Args:
        files: Safetensors files that weights may be referred to in, by the name the graph gives them.
        int8: Whether :meth:`product` computes with whole numbers of 8 bits.
    """

    def __init__(self, files: Mapping[str, bytes | memoryview], *, int8: bool = False) -> None:
        self._files, self._int8 = files, int8
        self._places = {name: place for file, content in files.items() for name, place in _places(file, content).items()}
        self._nodes: list[Any] = []
        self._weights: dict[str, TensorProto] = {}
        self._n_values = 0

    def node(self, op: str, *inputs: str, domain: str = "", out: str | None = None, **attributes: Any) -> str:
        """Adds an operator with one output.

        Args:
            op: ONNX's name of it.
            *inputs: Names of values.
            domain: Where it is defined, if not by ONNX.
            out: Name of the result; by default a new one.
            **attributes: Of the operator.

        Returns:
            Name of the result.
        """
        self._n_values += 1
        out = out or f"{op}_{self._n_values}"
        self._nodes.append(helper.make_node(op, list(inputs), [out], name=out, domain=domain, **attributes))
        return out

    def top(self, x: str, k: int) -> tuple[str, str]:
        """Adds the choice of the k largest of each row.

        Args:
            x: (N, M) float32.
            k: How many.

        Returns:
            Names of the values, descending, and of their places in the row.
        """
        values, places = f"{x}_top", f"{x}_places"
        self._nodes.append(helper.make_node("TopK", [x, self.constant("k", np.array([k]))], [values, places], name=values, axis=1))
        return values, places

    def split(self, x: str, n: int, *, axis: int) -> list[str]:
        """Adds a split into equal parts.

        Args:
            x: What is split.
            n: Into how many.
            axis: Along which.

        Returns:
            Names of the parts.
        """
        parts = [f"{x}_part{i}" for i in range(n)]
        self._nodes.append(helper.make_node("Split", [x], parts, name=parts[0], axis=axis, num_outputs=n))
        return parts

    def constant(self, name: str, value: npt.ArrayLike) -> str:
        """Adds an array that the graph holds itself.

        Args:
            name: What it is called; the first of a name counts.
            value: Its values.

        Returns:
            The same name.
        """
        if name not in self._weights:
            self._weights[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def stored(self, name: str) -> str:
        """Refers to a float32 tensor of one of the files.

        Args:
            name: As the file calls it.

        Returns:
            The same name.

        Raises:
            BackboneError: If the files have no such tensor.
        """
        if name not in self._places:
            raise BackboneError(f"the weights hold no float32 tensor {name}; other kinds of numbers are not served")
        file, shape, offset, length = self._places[name]
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", file), ("offset", offset), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))
        self._weights[name] = tensor
        return name

    def product(self, x: str, *names: str) -> str:
        """Adds the product of rows with a stored weight, or with several side by side.

        With int8, each row of x and each column of the weight has its own scale, the largest value's 127th part: what is rounded
        depends on nothing but the row, so a code does not depend on what it is computed with.

        Args:
            x: (T, K) float32.
            *names: Of weights of (M, K) float32 each.

        Returns:
            (T, sum of M) float32.
        """
        if not self._int8:
            weights = [self.stored(name) for name in names]
            joined = weights[0] if len(weights) == 1 else self.node("Concat", *weights, axis=0)
            return self.node("MatMul", x, self.node("Transpose", joined, perm=[1, 0]))
        columns = np.concatenate([self._read(name) for name in names]).T
        scales = np.maximum(np.abs(columns).max(axis=0), _TINY) / _INT8_MAX
        weight = self.constant(f"{names[0]}.int8", np.rint(columns / scales).astype(np.int8))
        largest = self.node("ReduceMax", self.node("Abs", x), self.constant("last", np.array([-1])), keepdims=1)
        row_scale = self.node("Mul", largest, self.constant("step", np.float32(1 / _INT8_MAX)))
        rows = self.node("Div", x, self.node("Max", row_scale, self.constant("tiny", np.float32(_TINY))))
        shifted = self.node("Add", self.node("Round", rows), self.constant("shift", np.float32(_UINT8_ZERO)))
        unsigned = self.node("Cast", shifted, to=TensorProto.UINT8)  # signed by signed has no quick kernel
        whole = self.node("MatMulInteger", unsigned, weight, self.constant("zero_point", np.uint8(_UINT8_ZERO)))
        scaled = self.node("Mul", self.node("Cast", whole, to=TensorProto.FLOAT), row_scale)
        return self.node("Mul", scaled, self.constant(f"{names[0]}.scales", scales.astype(np.float32)))

    def _read(self, name: str) -> Float32:
        file, shape, offset, length = self._places[name]
        return np.frombuffer(self._files[file], np.float32, length // 4, offset).reshape(shape)

    def head(self, modality: str, head: HashHead, features: str) -> None:
        """Ends the graph with a head; see :class:`model.heads.HashHead`.

        Args:
            modality: Whose weights in the bundle's file.
            head: Tells the layers.
            features: (N, feature_dim) float32.
        """
        x = features
        for i in range(len(head.layers)):
            weight, bias = (self.stored(f"{modality}.layers.{i}.{part}") for part in ("weight", "bias"))
            x = self.node("Gemm", x, weight, bias, transB=1)
            if i < len(head.layers) - 1:
                x = self.node("Relu", x)
        relaxed = self.node("Tanh", x)
        if head.unit_norm:
            self.node("LpNormalization", relaxed, out="codes", axis=1, p=2)
        else:
            self.node("Identity", relaxed, out="codes")

    def build(self, name: str, inputs: Mapping[str, tuple[int, Sequence[str | int]]], n_bits: int) -> ModelProto:
        """Ends building.

        Args:
            name: Of the graph.
            inputs: Element type and shape by name; a word in a shape is a size that may vary.
            n_bits: Of a code.

        Returns:
            A model with the output ``codes``, (N, n_bits) float32.
        """
        takes = [helper.make_tensor_value_info(key, kind, shape) for key, (kind, shape) in inputs.items()]
        gives = [helper.make_tensor_value_info("codes", TensorProto.FLOAT, ["N", n_bits])]
        graph = helper.make_graph(self._nodes, name, takes, gives, list(self._weights.values()))
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(EXTRA, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="bitlens")


def _places(file: str, content: bytes | memoryview) -> dict[str, tuple[str, list[int], int, int]]:
    """Reads where tensors lie.

    Source: https://huggingface.co/docs/safetensors: eight bytes with the length of a JSON header, the header, then the data.
    """
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(bytes(content[8:start]))
    header.pop("__metadata__", None)
    ends = {name: entry["data_offsets"] for name, entry in header.items() if entry["dtype"] == "F32"}
    return {name: (file, header[name]["shape"], start + begin, end - begin) for name, (begin, end) in ends.items()}
