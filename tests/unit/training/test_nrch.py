"""NRCH's terms are the equations; whoever is likely mislabelled is left out."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.training_fixtures import FEATURE_DIMS, N_LABELS, batch_and_codes, random_labels, unit_codes
from training.losses.label_prototypes import prototype_errors, worst_label_losses
from training.losses.robust_contrastive import robust_contrastive_losses
from training.methods.base import RelaxedCodes
from training.methods.nrch import Nrch, NrchOptions
from training.noise_separation import clean_probability

N_TRAIN, N_BITS = 60, 16


def small_method(**options: Any) -> Nrch:
    method = Nrch(NrchOptions(image_hidden=(4,), text_hidden=(4,), **options), n_train=N_TRAIN, n_labels=N_LABELS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        method.build_heads(FEATURE_DIMS, N_BITS)
    return method


def robust_by_loop(s: list[list[float]], similar: list[list[float]], margin: float, shift: float, tau: float) -> list[float]:
    n, losses = len(s), []
    for i in range(n):
        i2t = t2i = 0.0
        for j in range(n):
            row = s[i][j] if s[i][j] >= s[i][i] - margin else s[i][j] - shift
            column = s[j][i] if s[j][i] >= s[i][i] - margin else s[j][i] - shift
            i2t += math.exp((0 if similar[i][j] and i != j else 1) * row / tau)
            t2i += math.exp((0 if similar[j][i] and i != j else 1) * column / tau)
        losses.append(-s[i][i] + tau * math.log(i2t) + margin - s[i][i] + tau * math.log(t2i) + margin)
    return losses


@pytest.mark.parametrize(("margin", "shift", "tau"), [(0.2, 1.0, 1.0), (0.0, 0.5, 0.3), (2.5, 1.0, 2.0)])
@pytest.mark.parametrize("seed", range(3))
def test_the_robust_contrastive_loss_is_the_equation(seed: int, margin: float, shift: float, tau: float) -> None:
    u, v = unit_codes(seed, 7), unit_codes(seed + 5, 7)
    labels = torch.from_numpy(random_labels(seed, 7).astype(float))
    similar = (labels @ labels.T > 0).double()
    found = robust_contrastive_losses(u, v, similar, margin=margin, shift=shift, temperature=tau)
    assert found.tolist() == pytest.approx(robust_by_loop((u @ v.T).tolist(), similar.tolist(), margin, shift, tau), rel=1e-10)


def test_where_all_are_similar_nothing_but_a_pairs_own_sides_has_a_gradient() -> None:
    u, v = unit_codes(1, 4).requires_grad_(), unit_codes(2, 4)
    every = torch.ones(4, 4, dtype=torch.float64)
    robust_contrastive_losses(u, v, every, margin=0.2, shift=1.0, temperature=1.0).sum().backward()
    assert u.grad is not None
    towards = (u.grad / v).std(dim=1) / (u.grad / v).abs().mean(dim=1)
    assert towards.max() < 1e-9  # each row is a multiple of its own text's code


def test_prototype_errors_and_worst_labels_are_the_equation() -> None:
    u, v, w = unit_codes(1, 5), unit_codes(2, 5), unit_codes(3, N_LABELS)
    y = torch.from_numpy(random_labels(4, 5).astype(float))
    y[2] = 0
    errors = prototype_errors(u, v, w, y)
    for i in range(5):
        by_hand = []
        for c in range(N_LABELS):
            sides = [sum(float(a) * math.tanh(b) for a, b in zip(codes[i], w[c].tolist(), strict=True)) for codes in (u, v)]
            by_hand.append(sum((2 * float(y[i, c]) - 1 - side) ** 2 for side in sides))
        assert errors[i].tolist() == pytest.approx(by_hand, rel=1e-10)
        worst = max((e for e, given in zip(by_hand, y[i].tolist(), strict=True) if given), default=0.0)
        assert worst_label_losses(errors, y)[i].item() == pytest.approx(worst, rel=1e-10)


def test_the_lower_one_of_two_heaps_of_losses_is_the_clean_one() -> None:
    generator = torch.Generator().manual_seed(1)
    losses = torch.cat([1.0 + 0.1 * torch.rand(40, generator=generator), 3.0 + 0.2 * torch.rand(20, generator=generator)])
    probability = clean_probability(losses)
    assert probability[:40].min() > 0.95
    assert probability[40:].max() < 0.05
    assert torch.equal(probability, clean_probability(losses))


@pytest.mark.parametrize("losses", [torch.full((5,), 2.0), torch.tensor([1.0])], ids=["equal", "one sample"])
def test_where_losses_tell_nothing_apart_all_are_clean(losses: Tensor) -> None:
    assert torch.equal(clean_probability(losses), torch.ones_like(losses))


def test_noise_is_separated_from_the_set_epoch_on_by_the_worst_label() -> None:
    method = small_method(separation_from_epoch=3, clean_threshold=0.5)
    given = torch.from_numpy(random_labels(6, N_TRAIN).astype("float32"))
    codes = RelaxedCodes(unit_codes(7, N_TRAIN).float(), unit_codes(8, N_TRAIN).float())
    method.on_epoch_start(2, lambda: codes, given)
    assert method.trusted.min() == 1.0
    method.on_epoch_start(3, lambda: codes, given)
    with torch.no_grad():
        losses = worst_label_losses(prototype_errors(codes.image, codes.text, method.parameters()[0], given), given)
    assert torch.equal(method.trusted, (clean_probability(losses) >= 0.5).float())
    assert 0 < method.trusted.sum() < N_TRAIN


def test_terms_are_weighed_over_those_who_are_trusted() -> None:
    method, (batch, codes) = small_method(contrastive_weight=0.7, margin=0.1, shift=0.9, temperature=0.5), batch_and_codes(5, 6)
    method.trusted[[1, 4]] = 0.0
    kept = [0, 2, 3, 5]
    u, v, y = codes.image.detach()[kept], codes.text.detach()[kept], batch.given_labels[kept]
    similar = (y @ y.T > 0).float()
    terms = method.loss_terms(batch, codes)
    losses = robust_contrastive_losses(u, v, similar, margin=0.1, shift=0.9, temperature=0.5)
    gaps = (u.abs() - 0.25).square().mean() + (v.abs() - 0.25).square().mean()
    wanted = [0.7 * losses.mean(), 0.3 * gaps, prototype_errors(u, v, method.parameters()[0].detach(), y).mean()]
    assert [terms[name].item() for name in ("contrastive", "quantization", "prototype")] == pytest.approx(
        [each.item() for each in wanted], rel=1e-5
    )


def test_a_batch_that_nobody_trusts_costs_nothing_and_has_finite_gradients() -> None:
    method, (batch, codes) = small_method(), batch_and_codes(5, 6)
    method.trusted.zero_()
    total = torch.stack(list(method.loss_terms(batch, codes).values())).sum()
    total.backward()
    assert total.item() == 0.0
    assert codes.image.grad is not None
    assert codes.image.grad.abs().max() == 0.0


def test_prototypes_learn_from_codes_but_do_not_teach_them() -> None:
    method, (batch, codes) = small_method(), batch_and_codes(5, 6)
    method.loss_terms(batch, codes)["prototype"].backward()
    assert codes.image.grad is None
    assert method.parameters()[0].grad is not None


def test_a_state_that_lacks_a_tensor_is_refused() -> None:
    with pytest.raises(KeyError, match="trusted"):
        small_method().load_state({"prototypes": small_method().state()["prototypes"]})
