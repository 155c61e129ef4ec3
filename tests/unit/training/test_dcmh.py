"""DCMH's objective is the paper's on a batch, and its options weigh its terms."""

from __future__ import annotations

import math

import pytest
import torch

from tests.training_fixtures import FEATURE_DIMS, batch_and_codes
from training.losses.pairwise_likelihood import balance_loss, pairwise_likelihood_loss, shared_code_loss
from training.methods.dcmh import Dcmh, DcmhOptions


def objective_by_loop(f: list[list[float]], g: list[list[float]], labels: list[list[float]], gamma: float, eta: float) -> float:
    n, likelihood, quantization, balance = len(f), 0.0, 0.0, 0.0
    for i in range(n):
        for j in range(n):
            theta = 0.5 * sum(a * b for a, b in zip(f[i], g[j], strict=True))
            similar = any(a and b for a, b in zip(labels[i], labels[j], strict=True))
            likelihood -= similar * theta - math.log(1 + math.exp(theta))
        for a, b in zip(f[i], g[i], strict=True):
            sign = 1 if a + b >= 0 else -1
            quantization += (sign - a) ** 2 + (sign - b) ** 2
    for codes in (f, g):
        balance += sum(sum(column) ** 2 for column in zip(*codes, strict=True))
    return (likelihood + gamma * quantization + eta * balance) / n**2


@pytest.mark.parametrize(("gamma", "eta"), [(1.0, 1.0), (0.5, 0.0), (0.0, 2.0)])
@pytest.mark.parametrize("seed", range(3))
def test_the_sum_of_terms_is_the_papers_objective(seed: int, gamma: float, eta: float) -> None:
    method = Dcmh(DcmhOptions(quantization_weight=gamma, balance_weight=eta), n_train=9, n_labels=6)
    batch, codes = batch_and_codes(seed, 9, unit_norm=False)
    found = sum(term.item() for term in method.loss_terms(batch, codes).values())
    wanted = objective_by_loop(codes.image.tolist(), codes.text.tolist(), batch.given_labels.tolist(), gamma, eta)
    assert found == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(("shared", "wanted"), [(1.0, math.log(1 + math.exp(-8))), (0.0, 8 + math.log(1 + math.exp(-8)))])
def test_equal_codes_are_cheap_for_similar_pairs_and_dear_for_dissimilar_ones(shared: float, wanted: float) -> None:
    codes = torch.ones(3, 16)
    assert pairwise_likelihood_loss(codes, codes, torch.full((3, 3), shared)).item() == pytest.approx(wanted, rel=1e-5)
    assert balance_loss(codes, -codes).item() == 32.0
    assert shared_code_loss(codes, codes).item() == 0.0


def test_heads_are_not_scaled_to_length_one() -> None:
    heads = Dcmh(DcmhOptions(image_hidden=(4,)), n_train=1, n_labels=1).build_heads(FEATURE_DIMS, 16)
    assert {name: (head.hidden_dims, head.unit_norm) for name, head in heads.items()} == {
        "image": ((4,), False),
        "text": ((1024,), False),
    }
