"""Each loss term against a plain loop over its equation, its degenerate cases, and where gradients may flow."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.training_fixtures import random_labels, unit_codes
from training.losses.quantization import quantization_loss
from training.losses.semantic_consistent import semantic_consistent_loss
from training.losses.soft_contrastive import label_overlap, soft_contrastive_loss

MARGIN, SHIFT = 0.3, 1.1


def overlap_by_loop(labels: np.ndarray) -> list[list[float]]:
    sets = [set(np.flatnonzero(row)) for row in labels]
    return [[len(a & b) / len(a | b) if a | b else 0.0 for b in sets] for a in sets]


def contrastive_by_loop(u: Tensor, v: Tensor, overlap: list[list[float]], margin: float, shift: float) -> float:
    n = len(u)
    s = [[sum(float(a) * float(b) for a, b in zip(u[i], v[j], strict=True)) for j in range(n)] for i in range(n)]
    repelled = attracted = paired = 0.0
    for i in range(n):
        paired += s[i][i]
        for j in range(n):
            i2t = s[i][j] if s[i][j] >= s[i][i] - margin else s[i][j] - shift
            t2i = s[i][j] if s[i][j] >= s[j][j] - margin else s[i][j] - shift
            repelled += math.exp((1 - overlap[i][j]) * i2t) + math.exp((1 - overlap[i][j]) * t2i)
            if overlap[i][j] > 0 and i != j:
                attracted += math.exp(shift - s[i][j])
    return repelled / n**2 + attracted / n**2 - paired / n


def classification_by_loop(p: Tensor, q: Tensor, labels: np.ndarray, trust: list[float]) -> float:
    def cross_entropy(logits: Tensor, truth: np.ndarray) -> float:
        chances = [1 / (1 + math.exp(-float(z))) for z in logits]
        return sum(-math.log(c) if y else -math.log(1 - c) for c, y in zip(chances, truth, strict=True)) / len(truth)

    terms = [w * 0.5 * (cross_entropy(a, y) + cross_entropy(b, y)) for w, a, b, y in zip(trust, p, q, labels, strict=True)]
    return sum(terms) / len(terms)


def quantization_by_loop(u: Tensor, v: Tensor) -> float:
    def gap(codes: Tensor) -> float:
        values = [float(x) for row in codes for x in row]
        return sum(abs(x - (1.0 if x >= 0 else -1.0)) for x in values) / len(values)

    return gap(u) + gap(v)


def contrastive(u: Tensor, v: Tensor, labels: np.ndarray, margin: float = MARGIN, shift: float = SHIFT) -> Tensor:
    overlap = label_overlap(torch.from_numpy(labels.astype(np.float64)))
    return soft_contrastive_loss(u, v, overlap, margin=margin, shift=shift)


@pytest.mark.parametrize("seed", range(3))
def test_overlap_is_shared_labels_over_all_labels(seed: int) -> None:
    labels = random_labels(seed, 9)
    found = label_overlap(torch.from_numpy(labels.astype(np.float32)))
    np.testing.assert_allclose(found.numpy(), overlap_by_loop(labels), rtol=1e-6)


def test_samples_without_labels_overlap_with_nothing_not_even_themselves() -> None:
    overlap = label_overlap(torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]]))
    assert overlap.tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize(("margin", "shift"), [(0.3, 1.1), (0.15, 0.8), (0.0, 1.0), (2.5, 0.7)])
@pytest.mark.parametrize("seed", range(3))
def test_contrastive_loss_is_the_equation(seed: int, margin: float, shift: float) -> None:
    u, v, labels = unit_codes(seed, 11), unit_codes(seed + 10, 11), random_labels(seed, 11)
    wanted = contrastive_by_loop(u, v, overlap_by_loop(labels), margin, shift)
    assert contrastive(u, v, labels, margin, shift).item() == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize(
    "labels",
    [np.zeros((5, 3), np.uint8), np.ones((5, 1), np.uint8), np.eye(5, dtype=np.uint8)],
    ids=["no labels", "one class", "nothing shared"],
)
def test_contrastive_loss_is_the_equation_for_degenerate_labels(labels: np.ndarray) -> None:
    u, v = unit_codes(1, 5), unit_codes(2, 5)
    wanted = contrastive_by_loop(u, v, overlap_by_loop(labels), MARGIN, SHIFT)
    assert contrastive(u, v, labels).item() == pytest.approx(wanted, rel=1e-10)


def test_contrastive_loss_is_the_equation_for_identical_codes_and_for_one_pair() -> None:
    same, labels = unit_codes(1, 1).expand(4, -1), random_labels(4, 4)
    wanted = contrastive_by_loop(same, same, overlap_by_loop(labels), MARGIN, SHIFT)
    assert contrastive(same, same, labels).item() == pytest.approx(wanted, rel=1e-10)
    alone = contrastive(same[:1], same[:1], labels[:1]).item()
    assert alone == pytest.approx(1.0)  # 2 exp(0 · s) − s with s = 1


def test_contrastive_loss_does_not_care_which_modality_comes_first() -> None:
    u, v, labels = unit_codes(3, 8), unit_codes(4, 8), random_labels(5, 8)
    assert contrastive(u, v, labels).item() == pytest.approx(contrastive(v, u, labels).item(), rel=1e-12)


def test_both_directions_of_the_mask_count() -> None:
    """Pair 0 is aligned and pair 1 is opposed, so s_00 − m and s_11 − m split the off-diagonal entries differently."""
    u = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    v = torch.tensor([[1.0, 0.0], [0.0, -1.0]], dtype=torch.float64)
    found = contrastive(u, v, np.eye(2, dtype=np.uint8), 0.5, 1.0).item()
    # off the diagonal s = 0: against s_00 = 1 easy (e^−1), against s_11 = −1 hard (e^0); once in each direction
    repelled = (4 * 1.0 + 2 * math.exp(-1) + 2 * 1.0) / 4
    assert found == pytest.approx(repelled - (1 - 1) / 2, rel=1e-12)


def test_the_mask_carries_no_gradient() -> None:
    """With the mask frozen as numbers, the equation has the same gradient."""
    u, v, labels = unit_codes(6, 7).requires_grad_(), unit_codes(7, 7).requires_grad_(), random_labels(8, 7)
    contrastive(u, v, labels).backward()
    a, b = u.detach().clone().requires_grad_(), v.detach().clone().requires_grad_()
    s, t = a @ b.T, torch.tensor(overlap_by_loop(labels), dtype=torch.float64)
    values = s.detach().numpy()
    rows, columns = values >= np.diag(values)[:, None] - MARGIN, values >= np.diag(values)[None, :] - MARGIN
    repelled = sum(torch.exp((1 - t) * (s - SHIFT * torch.from_numpy(~mask).double())) for mask in (rows, columns)).mean()
    attracted = (((t > 0) & ~torch.eye(7, dtype=torch.bool)) * torch.exp(SHIFT - s)).mean()
    (repelled + attracted - s.diagonal().mean()).backward()
    torch.testing.assert_close(u.grad, a.grad)
    torch.testing.assert_close(v.grad, b.grad)


@pytest.mark.parametrize("seed", range(3))
def test_classification_loss_is_the_equation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p, q = torch.from_numpy(rng.normal(size=(6, 4))), torch.from_numpy(rng.normal(size=(6, 4)))
    labels, trust = random_labels(seed, 6, 4), rng.random(6)
    found = semantic_consistent_loss(p, q, torch.from_numpy(labels.astype(np.float64)), torch.from_numpy(trust))
    assert found.item() == pytest.approx(classification_by_loop(p, q, labels, trust.tolist()), rel=1e-10)


def test_classification_loss_of_distrusted_samples_is_nothing() -> None:
    logits, labels = torch.randn(3, 2), torch.ones(3, 2)
    assert semantic_consistent_loss(logits, logits, labels, torch.zeros(3)).item() == 0.0


def test_classification_loss_stays_finite_where_a_sigmoid_saturates() -> None:
    logits = torch.tensor([[200.0, -200.0]], requires_grad=True)
    loss = semantic_consistent_loss(logits, logits, torch.tensor([[0.0, 1.0]]), torch.ones(1))
    loss.backward()
    assert loss.item() == pytest.approx(200.0)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("seed", range(3))
def test_quantization_loss_is_the_equation(seed: int) -> None:
    u, v = unit_codes(seed, 5), unit_codes(seed + 5, 5)
    u[0, 0] = 0.0  # sign(0) = +1: its gap is 1
    assert quantization_loss(u, v).item() == pytest.approx(quantization_by_loop(u, v), rel=1e-10)


@pytest.mark.parametrize("n_bits", [16, 64])
def test_quantization_loss_of_unit_codes_has_the_stated_floor(n_bits: int) -> None:
    best = torch.ones(3, n_bits, dtype=torch.float64) / math.sqrt(n_bits)
    floor = 2 * (1 - 1 / math.sqrt(n_bits))
    assert quantization_loss(best, -best).item() == pytest.approx(floor)
    assert quantization_loss(unit_codes(1, 3, n_bits), unit_codes(2, 3, n_bits)).item() > floor


def test_quantization_loss_pulls_every_value_to_its_sign_and_the_sign_has_no_gradient() -> None:
    u = torch.tensor([[0.25, -0.5], [0.0, 0.9]], requires_grad=True)
    quantization_loss(u, u.detach()).backward()
    assert u.grad is not None
    assert u.grad.tolist() == [[-0.25, 0.25], [-0.25, -0.25]]


@pytest.mark.parametrize("labels", [np.zeros((4, 3)), np.ones((4, 3)), np.eye(4, 3)], ids=["none", "all", "mixed"])
def test_gradients_are_finite_even_for_identical_codes(labels: np.ndarray) -> None:
    u, v = (torch.full((4, 8), 1 / math.sqrt(8), requires_grad=True) for _ in range(2))
    given = torch.from_numpy(labels.astype(np.float32))
    loss = soft_contrastive_loss(u, v, label_overlap(given), margin=MARGIN, shift=SHIFT) + quantization_loss(u, v)
    loss.backward()
    assert u.grad is not None
    assert v.grad is not None
    assert torch.isfinite(torch.cat([u.grad, v.grad])).all()
