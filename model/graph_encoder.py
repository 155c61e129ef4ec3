"""One modality's way from raw input to relaxed codes at serving: preparation, then one graph on ONNX Runtime.

Decides how a graph is run: on one processor's threads that do not spin while they wait, so many inputs at once.
Does not know batching, caching or limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, RuntimeException

from model.backbones.base import Preparation
from model.codes import Float32
from model.errors import BundleCorrupt, BundleIncompatible

MAX_INPUTS = 8
"""Inputs of one run: larger ones take more memory and are no faster."""
_ERRORS_ONLY = 3
_CODES = "codes"
_GRAPH, _OUTPUT, _NAME = 7, 12, 1  # fields of ModelProto, GraphProto and ValueInfoProto in onnx.proto
_UNLOADABLE = (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, RuntimeException)


class GraphEncoder:
    """Encodes images or texts; safe in any thread.

    Args:
        preparation: Brings raw input into the graph's form.
        session: The graph.
        n_bits: Bits of one code.
    """

    def __init__(self, preparation: Preparation, session: onnxruntime.InferenceSession, *, n_bits: int) -> None:
        self._preparation = preparation
        self._session = session
        self._n_bits = n_bits

    @property
    def n_bits(self) -> int:
        """Bits of one code."""
        return self._n_bits

    @property
    def shortest_side(self) -> int:
        """A picture's shorter side, pixels, from which on more pixels only make it be scaled down further; 0 for the usual one."""
        return int(getattr(self._preparation, "shortest_side", 0))

    def prepare(self, raw: Any) -> Any:
        """Brings one picture or text into the form :meth:`encode` takes; safe in any thread.

        Args:
            raw: A Pillow image, or a string.

        Returns:
            An array.

        Raises:
            EmptyText: If a text has nothing left after normalisation.
        """
        return self._preparation.prepare(raw)

    def encode(self, prepared: Sequence[Any]) -> Float32:
        """Encodes a batch, :data:`MAX_INPUTS` at a time.

        Args:
            prepared: N results of :meth:`prepare`, N ≥ 0.

        Returns:
            (N, n_bits) float32 in [−1, 1], the relaxed codes.
        """
        codes = np.empty((len(prepared), self._n_bits), np.float32)
        for start in range(0, len(prepared), MAX_INPUTS):
            block = slice(start, start + MAX_INPUTS)
            codes[block] = self._session.run([_CODES], self._preparation.inputs(prepared[block]))[0]
        return codes

    def encode_with_features(self, prepared: Sequence[Any]) -> tuple[Float32, Float32]:
        """Encodes a batch as :meth:`encode` does, and returns what the backbone gave as well; takes no longer.

        Args:
            prepared: N results of :meth:`prepare`, N ≥ 1.

        Returns:
            Relaxed codes, and (N, feature_dim) float32 features.

        Raises:
            BundleIncompatible: If the graph was opened without showing its features.
        """
        names = [output.name for output in self._session.get_outputs()]
        if len(names) < 2:
            raise BundleIncompatible("the graph does not show its features; calibrate the bundle anew")
        blocks = [prepared[start : start + MAX_INPUTS] for start in range(0, len(prepared), MAX_INPUTS)]
        found = [self._session.run([_CODES, names[1]], self._preparation.inputs(block)) for block in blocks]
        codes, features = (np.concatenate(side) for side in zip(*found, strict=True))
        return codes, features


def open_graph(
    name: str, graph: bytes, weights: Mapping[str, memoryview], *, n_threads: int = 1, shown: str | None = None
) -> onnxruntime.InferenceSession:
    """Loads a graph.

    Args:
        name: Of its file, for messages.
        graph: ONNX, serialised.
        weights: The files its initialisers refer to, by name.
        n_threads: Of one run, 1 or more.
        shown: Value within the graph that becomes its second output.

    Returns:
        A session on the CPU.

    Raises:
        BundleCorrupt: If it does not load.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = n_threads, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads leave the processor to searches
    options.add_external_initializers_from_files_in_memory(
        list(weights), list(weights.values()), [len(content) for content in weights.values()]
    )
    try:
        return onnxruntime.InferenceSession(graph + _showing(shown), options, providers=["CPUExecutionProvider"])
    except _UNLOADABLE as error:
        raise BundleCorrupt(f"{name} of the bundle does not load: {str(error).splitlines()[0]}") from error


def _showing(value: str | None) -> bytes:
    """Returns what makes a value an output when it is appended to a graph.

    A serialised message behind another is merged with it (https://protobuf.dev/programming-guides/encoding/#last-one-wins), so that
    bundles need not be written anew and the service does not need the ``onnx`` package.
    """
    return _field(_GRAPH, _field(_OUTPUT, _field(_NAME, value.encode()))) if value else b""


def _field(number: int, content: bytes) -> bytes:
    """Returns a field of bytes: its tag, its length as base-128 digits, the least first, and the content."""
    length, left = b"", len(content)
    while left > 127:
        length, left = length + bytes([left % 128 + 128]), left // 128
    return bytes([number << 3 | 2]) + length + bytes([left]) + content
