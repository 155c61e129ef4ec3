"""UCCH's two terms are the equations, and labels have no say in them."""

from __future__ import annotations

import math

import pytest
import torch

from tests.training_fixtures import batch_and_codes, unit_codes
from training.losses.instance_contrastive import instance_contrastive_loss
from training.losses.robust_contrastive import robust_contrastive_losses
from training.methods.ucch import Ucch, UcchOptions


def cross_entropy_by_loop(scores: list[float], own: int) -> float:
    return -math.log(math.exp(scores[own]) / sum(math.exp(score) for score in scores))


def instance_by_loop(u: list[list[float]], v: list[list[float]], temperature: float) -> float:
    signs = [[1 if a + b >= 0 else -1 for a, b in zip(x, y, strict=True)] for x, y in zip(u, v, strict=True)]
    scale, total = temperature * math.sqrt(len(u[0])), 0.0
    for codes in (u, v):
        for i, code in enumerate(codes):
            scores = [sum(a * b for a, b in zip(code, sign, strict=True)) / scale for sign in signs]
            total += cross_entropy_by_loop(scores, i) / len(codes)
    return total


@pytest.mark.parametrize("temperature", [0.3, 0.9])
@pytest.mark.parametrize("seed", range(3))
def test_the_instance_term_is_the_equation(seed: int, temperature: float) -> None:
    u, v = unit_codes(seed, 6), unit_codes(seed + 4, 6)
    found = instance_contrastive_loss(u, v, temperature=temperature).item()
    assert found == pytest.approx(instance_by_loop(u.tolist(), v.tolist(), temperature), rel=1e-10)


def test_the_instance_term_draws_codes_to_their_pairs_signs_and_signs_carry_no_gradient() -> None:
    u, v = unit_codes(1, 2).requires_grad_(), unit_codes(2, 2)
    signs = torch.where(u.detach() + v >= 0, 1.0, -1.0).double()
    instance_contrastive_loss(u, v, temperature=0.9).backward()
    chance = torch.softmax(u.detach() @ signs.T / (0.9 * 4), dim=1)
    torch.testing.assert_close(u.grad, (chance - torch.eye(2)) @ signs / (0.9 * 4) / 2)


def test_terms_are_weighed_and_labels_have_no_say() -> None:
    method = Ucch(UcchOptions(instance_weight=0.7, temperature=0.5, margin=0.1, shift=0.8), n_train=5, n_labels=6)
    batch, codes = batch_and_codes(3, 5)
    terms = method.loss_terms(batch, codes)
    assert terms["instance"] == 0.7 * instance_contrastive_loss(codes.image, codes.text, temperature=0.5)
    losses = robust_contrastive_losses(codes.image, codes.text, torch.zeros(5, 5), margin=0.1, shift=0.8, temperature=1.0)
    assert terms["ranking"].item() == pytest.approx(0.3 * losses.mean().item())
    batch.given_labels.copy_(1 - batch.given_labels)
    assert method.loss_terms(batch, codes) == terms
