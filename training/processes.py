"""Several processes that train as one.

Decides who takes which part of a batch, who writes and who waits. Does not know losses or files.

Losses look at all pairs of a batch, so each process encodes its part, the codes of all parts are gathered with their gradients, and
every process computes the same loss of the whole batch. The gradient that reaches a part's codes is then that of W equal losses,
and the mean over W processes of the parameters' gradients is the gradient of the one loss, for heads and for what all share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor
from torch.distributed.nn.functional import all_gather

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
        """Joins all parts' codes in the batch's order; gradients find their way back to the process that encoded.

        Args:
            relaxed_codes: (⌈n / W⌉, n_bits) of this process's part.
            n: Size of the whole batch B.

        Returns:
            (B, n_bits).
        """
        if self.n_processes == 1:
            return relaxed_codes
        return torch.cat(all_gather(relaxed_codes))[:n]  # type: ignore[no-untyped-call]

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
