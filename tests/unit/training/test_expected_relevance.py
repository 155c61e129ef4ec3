"""Expected relevance is the chance that two draws of labels meet, and the loss is the module's equation, item by item."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from torch import Tensor

from tests.training_fixtures import random_labels, unit_codes
from training.losses.expected_relevance import expected_relevance, relevance_ranking_loss, straight_through_signs


def probabilities(seed: int, n: int, n_labels: int) -> Tensor:
    return torch.rand(n, n_labels, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def relevance_by_loop(p: list[list[float]]) -> list[list[float]]:
    return [
        [1.0 if i == j else 1 - math.prod(1 - a * b for a, b in zip(p[i], p[j], strict=True)) for j in range(len(p))]
        for i in range(len(p))
    ]


def chance_to_share_a_label(p: list[float], q: list[float]) -> float:
    """Sums over all label sets that two samples can turn out to bear."""
    total = 0.0
    for mine, theirs in product(product((0, 1), repeat=len(p)), repeat=2):
        if any(a and b for a, b in zip(mine, theirs, strict=True)):
            chances = [*zip(p, mine, strict=True), *zip(q, theirs, strict=True)]
            total += math.prod(chance if drawn else 1 - chance for chance, drawn in chances)
    return total


def loss_by_loop(u: list[list[float]], v: list[list[float]], r: list[list[float]], temperature: float) -> float:
    def signs(codes: list[list[float]]) -> list[list[float]]:
        return [[(1.0 if bit >= 0 else -1.0) / math.sqrt(len(code)) for bit in code] for code in codes]

    def one_direction(queries: list[list[float]], items: list[list[float]]) -> float:
        losses = []
        for i, query in enumerate(queries):
            exponentials = [math.exp(sum(a * b for a, b in zip(query, item, strict=True)) / temperature) for item in items]
            logs = [math.log(each / sum(exponentials)) for each in exponentials]
            losses.append(-sum(r[i][j] / sum(r[i]) * logs[j] for j in range(len(items))))
        return sum(losses) / len(losses)

    pairs = [(signs(u), v), (u, signs(v)), (signs(v), u), (v, signs(u))]
    return sum(one_direction(*pair) for pair in pairs) / 4


@pytest.mark.parametrize("n_labels", [1, 3, 20])
@pytest.mark.parametrize("seed", range(3))
def test_relevance_is_the_equation(seed: int, n_labels: int) -> None:
    p = probabilities(seed, 7, n_labels)
    found = expected_relevance(p)
    torch.testing.assert_close(found, torch.tensor(relevance_by_loop(p.tolist()), dtype=torch.float64))
    assert torch.equal(found, found.T)


@pytest.mark.parametrize("n_labels", [1, 2, 3, 4])
def test_relevance_is_the_chance_that_two_independent_draws_share_a_label(n_labels: int) -> None:
    p = probabilities(n_labels, 3, n_labels)
    found, rows = expected_relevance(p), p.tolist()
    for i, j in ((0, 1), (1, 2), (2, 0)):
        assert found[i, j].item() == pytest.approx(chance_to_share_a_label(rows[i], rows[j]), rel=1e-12)


def test_labels_that_are_certain_are_relevant_where_one_is_shared_and_to_themselves() -> None:
    labels = torch.from_numpy(random_labels(3, 30).astype("float32"))
    labels[4] = 0
    wanted = (labels @ labels.T > 0).float()
    wanted[4, 4] = 1
    assert torch.equal(expected_relevance(labels), wanted)


def test_relevance_stays_in_bounds_for_many_labels_in_single_precision() -> None:
    found = expected_relevance(probabilities(1, 50, 200).float())
    assert (found.min().item() >= 0, found.max().item() <= 1, found.dtype) == (True, True, torch.float32)
    assert expected_relevance(torch.zeros(3, 0)).tolist() == torch.eye(3).tolist()


@pytest.mark.parametrize("temperature", [0.1, 0.9])
@pytest.mark.parametrize("seed", range(3))
def test_the_loss_is_the_equation(seed: int, temperature: float) -> None:
    u, v, r = unit_codes(seed, 8), unit_codes(seed + 9, 8), expected_relevance(probabilities(seed, 8, 3))
    found = relevance_ranking_loss(u, v, r, temperature=temperature).item()
    assert found == pytest.approx(loss_by_loop(u.tolist(), v.tolist(), r.tolist(), temperature), rel=1e-10)


def test_the_loss_has_no_favourite_modality_and_no_favourite_order() -> None:
    u, v, r = unit_codes(1, 9), unit_codes(2, 9), expected_relevance(probabilities(3, 9, 4))
    found = relevance_ranking_loss(u, v, r, temperature=0.5)
    torch.testing.assert_close(relevance_ranking_loss(v, u, r, temperature=0.5), found)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close(relevance_ranking_loss(u[order], v[order], r[order][:, order], temperature=0.5), found)


def test_codes_that_follow_relevance_cost_less_than_codes_that_do_not() -> None:
    kinds = torch.tensor([0, 0, 1, 1])
    signs = torch.where(unit_codes(1, 2) >= 0, 1.0, -1.0)[kinds] / 4
    r = expected_relevance(torch.eye(2)[kinds].double())
    right, wrong = (relevance_ranking_loss(signs, other, r, temperature=0.3) for other in (signs, signs.flip(0)))
    assert right < math.log(4) < wrong


def test_straight_through_codes_are_signs_of_length_1_and_zero_counts_as_positive() -> None:
    relaxed = torch.tensor([[0.3, -0.2, 0.0, -1e-9], [-0.9, 0.1, 1.0, -0.0]])
    wanted = torch.tensor([[0.5, -0.5, 0.5, -0.5], [-0.5, 0.5, 0.5, 0.5]])
    torch.testing.assert_close(straight_through_signs(relaxed), wanted)


def test_the_gradient_at_the_signs_is_handed_on_to_the_relaxed_codes_as_it_is() -> None:
    relaxed = unit_codes(1, 5).requires_grad_()
    signs = straight_through_signs(relaxed).detach().requires_grad_()
    weights = unit_codes(2, 5)
    for codes in (straight_through_signs(relaxed), signs):
        ((codes @ weights.T).sin() * torch.arange(5.0)).sum().backward()
    torch.testing.assert_close(relaxed.grad, signs.grad)


def test_the_losses_gradient_is_that_of_four_free_codes_each_side_added_up() -> None:
    """Signs and relaxed codes as variables of their own: what both would move, moves the relaxed codes."""
    u, v, r = unit_codes(5, 6).requires_grad_(), unit_codes(6, 6).requires_grad_(), expected_relevance(probabilities(7, 6, 3))
    relevance_ranking_loss(u, v, r, temperature=0.4).backward()
    free = [code.detach().clone().requires_grad_() for code in (u, straight_through_signs(u), v, straight_through_signs(v))]
    wanted = r / r.sum(dim=1, keepdim=True)
    for s in (free[1] @ free[2].T, free[0] @ free[3].T):
        for logits in (s / 0.4, s.T / 0.4):
            (-(wanted * logits.log_softmax(dim=1)).sum() / 24).backward(retain_graph=True)
    sides = [side.grad for side in free]
    torch.testing.assert_close(u.grad, sides[0] + sides[1])  # type: ignore[operator]
    torch.testing.assert_close(v.grad, sides[2] + sides[3])  # type: ignore[operator]


@pytest.mark.parametrize("codes", [torch.zeros(4, 16), torch.full((4, 16), 0.25), torch.eye(16)[:4]], ids=["0", "equal", "one bit"])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_loss_and_gradients_are_finite_at_degenerate_codes_and_labels(codes: Tensor, share: float) -> None:
    u, v = codes.clone().requires_grad_(), codes.clone().requires_grad_()
    loss = relevance_ranking_loss(u, v, expected_relevance(torch.full((4, 6), share)), temperature=0.01)
    loss.backward()
    assert torch.isfinite(loss)
    for side in (u, v):
        assert side.grad is not None
        assert torch.isfinite(side.grad).all()
