"""What several processes do together, played by one: their parts make up the batch, and their gradients' mean is its gradient."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.training_fixtures import small_config
from training.compute import make_accelerator
from training.processes import Processes


@dataclass
class Rank:
    """Stands for an accelerator that is one of several; what the others send lies ready."""

    num_processes: int
    process_index: int
    sent: list[Tensor] = field(default_factory=list)

    @property
    def is_main_process(self) -> bool:
        return self.process_index == 0

    def gather(self, tensor: Tensor) -> Tensor:
        return torch.cat(self.sent)


def ranks(n: int) -> list[Any]:
    return [Rank(n, i) for i in range(n)]


@pytest.mark.parametrize("n_processes", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 7, 12])
def test_parts_are_of_one_size_and_make_up_the_batch_in_its_order(n_processes: int, size: int) -> None:
    batch = torch.arange(100, 100 + size)
    parts = [Processes(rank).share(batch) for rank in ranks(n_processes)]
    assert {len(part) for part in parts} == {-(-size // n_processes)}
    assert torch.equal(torch.cat(parts)[:size], batch)


@pytest.mark.parametrize(("n_processes", "size"), [(1, 6), (2, 6), (2, 7), (3, 7), (3, 2)])
def test_the_mean_of_all_gradients_is_that_of_the_whole_batch(n_processes: int, size: int) -> None:
    """A loss of all pairs, by a head that encodes parts and a parameter that all share."""
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(size, 5, generator=generator, dtype=torch.float64)
    head, shared = (torch.randn(5, n, generator=generator, dtype=torch.float64, requires_grad=True) for n in (4, 5))

    def gradients(codes: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad(((codes @ codes.T).exp().mean() + (codes @ shared[:4]).tanh().sum()), (head, shared))

    wanted = gradients(features @ head)
    group = ranks(n_processes)
    mine = [features[Processes(rank).share(torch.arange(size))] @ head for rank in group]
    found = []
    for rank, codes in zip(group, mine, strict=True):
        rank.sent = [part.detach() for part in mine]
        gathered = Processes(rank).gather(codes, size)
        torch.testing.assert_close(gathered, features @ head)
        found.append(gradients(gathered))
    for expected, each in zip(wanted, zip(*found, strict=True), strict=True):
        torch.testing.assert_close(torch.stack(each).mean(dim=0), expected)


def test_one_process_changes_nothing_and_does_everything_itself() -> None:
    alone = Processes(make_accelerator(small_config("training.device=cpu").training))
    gradient = torch.ones(3)
    alone.average([gradient])
    assert (alone.n_processes, alone.is_main, gradient.tolist()) == (1, True, [1, 1, 1])
    assert alone.gather(gradient, 3) is gradient
    assert alone.from_main(lambda: 7) == 7
