"""The supervised contrastive hash is the equation of its docstring."""

from __future__ import annotations

import math

import pytest
import torch

from tests.training_fixtures import batch_and_codes, unit_codes
from training.losses.quantization import quantization_loss
from training.losses.supervised_contrastive import supervised_contrastive_loss
from training.methods.supcon import Supcon, SupconOptions


def loss_by_loop(s: list[list[float]], similar: list[list[float]], temperature: float) -> float:
    n, total = len(s), 0.0
    for scores in (s, [list(column) for column in zip(*s, strict=True)]):
        for i in range(n):
            positives = {j for j in range(n) if similar[i][j]} | {i}
            normaliser = sum(math.exp(scores[i][j] / temperature) for j in range(n))
            total -= sum(math.log(math.exp(scores[i][p] / temperature) / normaliser) for p in positives) / len(positives) / n
    return total / 2


@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_loss_is_the_equation(seed: int, temperature: float) -> None:
    u, v = unit_codes(seed, 7), unit_codes(seed + 5, 7)
    labels = batch_and_codes(seed, 7)[0].given_labels.double()
    similar = (labels @ labels.T > 0).double()
    wanted = loss_by_loop((u @ v.T).tolist(), similar.tolist(), temperature)
    assert supervised_contrastive_loss(u, v, similar, temperature=temperature).item() == pytest.approx(wanted, rel=1e-9)


def test_a_sample_without_labels_still_has_its_own_pair_as_positive() -> None:
    u, v = unit_codes(1, 3), unit_codes(2, 3)
    none, own = torch.zeros(3, 3, dtype=torch.float64), torch.eye(3, dtype=torch.float64)
    found = [supervised_contrastive_loss(u, v, similar, temperature=0.3).item() for similar in (none, own)]
    assert found[0] == found[1]
    assert none.sum() == 0  # the caller's matrix is left alone


def test_where_everything_is_a_positive_equal_codes_are_best() -> None:
    same, every = unit_codes(1, 1).expand(4, -1), torch.ones(4, 4, dtype=torch.float64)
    assert supervised_contrastive_loss(same, same, every, temperature=0.3).item() == pytest.approx(math.log(4))
    assert supervised_contrastive_loss(unit_codes(2, 4), unit_codes(3, 4), every, temperature=0.3).item() > math.log(4)


def test_terms_are_weighed() -> None:
    batch, codes = batch_and_codes(4, 6)
    terms = Supcon(SupconOptions(temperature=0.4, quantization_weight=0.25), n_train=6, n_labels=6).loss_terms(batch, codes)
    similar = (batch.given_labels @ batch.given_labels.T > 0).float()
    assert terms["contrastive"] == supervised_contrastive_loss(codes.image, codes.text, similar, temperature=0.4)
    assert terms["quantization"] == 0.25 * quantization_loss(codes.image, codes.text)
