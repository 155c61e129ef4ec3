"""Reliability against a loop over its equation, and what blocks, small sets and contradicting labels do to it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from tests.training_fixtures import random_labels, unit_codes
from training.reliability import estimate_reliability


def cosine(a: list[float], b: list[float]) -> float:
    norm = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / norm if norm else 0.0


def reliability_by_loop(u: Tensor, v: Tensor, labels: np.ndarray, k: int, floor: float) -> list[float]:
    rows_u, rows_v, n = u.tolist(), v.tolist(), len(labels)
    trust = []
    for i in range(n):
        s = [0.5 * (cosine(rows_u[i], rows_u[j]) + cosine(rows_v[i], rows_v[j])) if j != i else 0.0 for j in range(n)]
        nearest = sorted(range(n), key=lambda j: -s[j])[:k]
        total = sum(s[j] for j in nearest)
        voted = [sum(s[j] * float(labels[j][c]) for j in nearest) / total for c in range(labels.shape[1])]
        trust.append(floor + (1 - floor) * cosine([float(y) for y in labels[i]], voted))
    return trust


def estimate(u: Tensor, v: Tensor, labels: np.ndarray, *, k: int = 4, floor: float = 0.5, **more: int) -> Tensor:
    given = torch.from_numpy(labels.astype(np.float32))
    return estimate_reliability(u.float(), v.float(), given, n_neighbours=k, floor=floor, **more)


class LargestTensor(TorchFunctionMode):
    """Remembers how many elements the largest tensor had that any operation gave."""

    n_elements = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        given = func(*args, **(kwargs or {}))
        if isinstance(given, Tensor):
            self.n_elements = max(self.n_elements, given.numel())
        return given


@pytest.mark.parametrize("floor", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_reliability_is_the_equation(seed: int, floor: float) -> None:
    u, v, labels = unit_codes(seed, 40), unit_codes(seed, 40), random_labels(seed, 40)
    found = estimate(u, v, labels, floor=floor)
    np.testing.assert_allclose(found.numpy(), reliability_by_loop(u, v, labels, 4, floor), rtol=1e-5, atol=1e-6)


def test_both_modalities_are_asked_and_neither_comes_first() -> None:
    u, v, labels = unit_codes(1, 30), unit_codes(2, 30), random_labels(3, 30)
    found = estimate(u, v, labels)
    np.testing.assert_allclose(found.numpy(), reliability_by_loop(u, v, labels, 4, 0.5), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found, estimate(v, u, labels))


@pytest.mark.parametrize("scale", [0.1, 30.0])
def test_the_length_of_codes_does_not_matter(scale: float) -> None:
    u, v, labels = unit_codes(1, 30), unit_codes(2, 30), random_labels(3, 30)
    torch.testing.assert_close(estimate(u * scale, v, labels), estimate(u, v, labels))


@pytest.mark.parametrize("block_size", [1, 7, 50, 51, 1000])
def test_the_size_of_blocks_does_not_matter(block_size: int) -> None:
    u, v, labels = unit_codes(1, 50), unit_codes(2, 50), random_labels(3, 50)
    torch.testing.assert_close(estimate(u, v, labels, block_size=block_size), estimate(u, v, labels), rtol=1e-5, atol=1e-6)


def test_no_matrix_of_all_pairs_is_ever_held() -> None:
    n, block_size = 3000, 64
    u, v, labels = unit_codes(1, n), unit_codes(2, n), random_labels(3, n)
    with LargestTensor() as seen:
        estimate(u, v, labels, k=20, block_size=block_size)
    assert block_size * n <= seen.n_elements < n * n / 10


@pytest.mark.parametrize("n", [2, 3, 5])
def test_fewer_samples_than_neighbours(n: int) -> None:
    codes, labels = unit_codes(4, 1).expand(n, -1), np.ones((n, 2), np.uint8)
    torch.testing.assert_close(estimate(codes, codes, labels, k=20), torch.ones(n))


def test_a_sample_alone_is_trusted_as_little_as_allowed() -> None:
    assert estimate(unit_codes(1, 1), unit_codes(1, 1), np.ones((1, 2), np.uint8), floor=0.3).tolist() == pytest.approx([0.3])


def test_a_label_that_no_neighbour_has_costs_all_trust_and_a_shared_one_none() -> None:
    codes = unit_codes(5, 1).expand(6, -1)
    labels = np.array([[1, 0]] * 5 + [[0, 1]], np.uint8)
    found = estimate(codes, codes, labels, k=3, floor=0.25)
    assert found[-1].item() == pytest.approx(0.25)
    assert (found[:5] > 0.9).all()


@pytest.mark.parametrize("seed", range(5))
def test_trust_stays_between_floor_and_one_whatever_the_codes(seed: int) -> None:
    """As many neighbours as there are samples: also those that point away."""
    u, v, labels = unit_codes(seed, 12, 8), unit_codes(seed + 9, 12, 8), random_labels(seed, 12)
    found = estimate(u, v, labels, k=20)
    assert ((found >= 0.5) & (found <= 1.0)).all()


def test_neighbours_that_only_point_away_vote_for_nothing() -> None:
    codes = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    assert estimate(codes, codes, np.ones((2, 1), np.uint8), k=1).tolist() == [0.5, 0.5]


def test_samples_without_labels_get_the_floor_and_nothing_is_nan() -> None:
    codes = unit_codes(6, 8)
    assert estimate(codes, codes, np.zeros((8, 3), np.uint8)).tolist() == [0.5] * 8


def test_reliability_carries_no_gradient() -> None:
    codes = unit_codes(7, 9).float().requires_grad_()
    given = torch.from_numpy(random_labels(1, 9).astype(np.float32))
    assert not estimate_reliability(codes, codes, given, n_neighbours=3, floor=0.5).requires_grad
