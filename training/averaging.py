"""Exponential moving averages of weights.

Decides the decay's warm-up. Does not know what the weights belong to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter, ParameterList
from torch.optim.swa_utils import AveragedModel


class WeightAverage:
    """Averages parameters over training's steps: a_t = d_t a_{t−1} + (1 − d_t) θ_t with d_t = min(d, (1 + t) / (10 + t)).

    Source: B. Polyak and A. Juditsky, Acceleration of Stochastic Approximation by Averaging (1992),
    https://doi.org/10.1137/0330046; the warm-up, which keeps the random first weights out, as TensorFlow's
    ``ExponentialMovingAverage`` has it. The first step's average is the weights themselves.

    Args:
        parameters: Averaged; trained by somebody else.
        decay: d in (0, 1).
    """

    def __init__(self, parameters: Sequence[Parameter], decay: float) -> None:
        def mix(averages: Any, current: Any, _: Tensor | int) -> None:
            t = int(self._model.n_averaged)  # on the CPU; the copy that is handed in lies where reading it makes a GPU wait
            torch._foreach_lerp_(averages, current, 1.0 - min(decay, (1 + t) / (10 + t)))

        self._raw = ParameterList(parameters)
        self._model = AveragedModel(self._raw, multi_avg_fn=mix)

    @torch.no_grad()
    def update(self) -> None:
        """Takes the parameters' values in; called after each step."""
        self._model.update_parameters(self._raw)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Lets the parameters hold their averages for a while.

        Yields:
            Nothing.
        """
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for raw, average in zip(self._raw, self._model.module.parameters(), strict=True):
            raw.data, average.data = average.data, raw.data

    @torch.no_grad()
    def restart(self) -> None:
        """Makes the parameters' present values the averages."""
        for raw, average in zip(self._raw, self._model.module.parameters(), strict=True):
            average.copy_(raw)

    def state(self) -> dict[str, Tensor]:
        """Returns the averages and the number of steps.

        Returns:
            ``0``, ``1``, … in the parameters' order, and ``n_averaged``, int64.
        """
        averages = {str(i): average.detach() for i, average in enumerate(self._model.module.parameters())}
        return {**averages, "n_averaged": self._model.n_averaged}

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Takes back what :meth:`state` gave.

        Args:
            state: Tensors by name.
        """
        for i, average in enumerate(self._model.module.parameters()):
            average.copy_(state[str(i)])
        self._model.n_averaged.copy_(state["n_averaged"])
