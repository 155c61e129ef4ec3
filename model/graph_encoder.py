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
from model.errors import BundleCorrupt

MAX_INPUTS = 8
"""Inputs of one run: larger ones take more memory and are no faster."""
_ERRORS_ONLY = 3
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
            codes[block] = self._session.run(None, self._preparation.inputs(prepared[block]))[0]
        return codes


def open_graph(name: str, graph: bytes, weights: Mapping[str, memoryview], *, n_threads: int = 1) -> onnxruntime.InferenceSession:
    """Loads a graph.

    Args:
        name: Of its file, for messages.
        graph: ONNX, serialised.
        weights: The files its initialisers refer to, by name.
        n_threads: Of one run, 1 or more.

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
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except _UNLOADABLE as error:
        raise BundleCorrupt(f"{name} of the bundle does not load: {str(error).splitlines()[0]}") from error
