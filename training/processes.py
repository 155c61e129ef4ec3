"""Several processes that train as one.

Decides who takes which part of a batch, who writes and who waits. Does not know losses or files.

Losses look at all pairs of a batch, so each process encodes its part, the codes of all parts are gathered, and every process
computes the same loss L of the whole batch. Of W processes each lets W ∂L/∂codes flow into its own part of the codes. The mean over
the processes of a head's gradient is then Σ_parts ∂L/∂codes · ∂codes/∂θ = ∂L/∂θ, and so it is for a method's own parameters, whose
gradient is ∂L/∂θ in every process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor

from model.errors import HashingError

T = TypeVar("T")


class Processes:
    """The processes of a run, which may be one.

    Args:
        accelerator: Knows how many there are and which one this is.
    """

    def __init__(self, accelerator: Accelerator) -> None:
        self._accelerator = accelerator
        self.n_processes: int = accelerator.num_processes
        self.is_main: bool = accelerator.is_main_process

    def share(self, sample_index: Tensor) -> Tensor:
        """Returns this process's part of a batch; parts are of one size, the last ones filled up from the batch's beginning.

        Args:
            sample_index: (B,) int64.

        Returns:
            (⌈B / W⌉,) int64.
        """
        size = -(-len(sample_index) // self.n_processes)
        first = size * self._accelerator.process_index
        place = torch.arange(first, first + size, device=sample_index.device) % len(sample_index)
        return sample_index[place]

    def gather(self, relaxed_codes: Tensor, n: int) -> Tensor:
        """Joins all parts' codes in the batch's order; gradients flow into this process's own part, W-fold.

        Args:
            relaxed_codes: (⌈n / W⌉, n_bits) of this process's part.
            n: Size of the whole batch B.

        Returns:
            (B, n_bits).
        """
        if self.n_processes == 1:
            return relaxed_codes
        own = relaxed_codes.detach()
        parts = list(torch.split(self._accelerator.gather(own), len(own)))
        parts[self._accelerator.process_index] = own + self.n_processes * (relaxed_codes - own)
        return torch.cat(parts)[:n]

    @torch.no_grad()
    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replaces tensors by their mean over the processes.

        Args:
            tensors: Of the same shapes everywhere; changed in place.
        """
        if self.n_processes == 1:
            return
        joined = self._accelerator.reduce(torch.cat([tensor.flatten() for tensor in tensors]), reduction="mean")
        for tensor, mean in zip(tensors, joined.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))

    def from_main(self, make: Callable[[], T]) -> T:
        """Lets the main process do something; the others wait for what comes of it, an error included.

        Args:
            make: Called in the main process only; what it returns travels to the others.

        Returns:
            The same everywhere.
        """
        if self.n_processes == 1:
            return make()
        made: list[T | HashingError | None] = [None]
        if self.is_main:
            try:
                made = [make()]
            except HashingError as error:
                made = [error]
        broadcast_object_list(made)
        if isinstance(made[0], HashingError):
            raise made[0]
        return made[0]  # type: ignore[return-value]
