"""RMSH's reconstruction: triplets by three loops, floors, pseudo-codes and the range of δ."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from model.errors import ConfigError
from tests.training_fixtures import FEATURE_DIMS, batch_and_codes, random_labels, unit_codes
from training.losses.margin_adaptive_triplet import distance_floor_loss, level_order_loss, relaxed_distances
from training.losses.quantization import quantization_loss
from training.methods import METHODS
from training.methods.rmsh import Rmsh, RmshOptions, fuse_codes

N_BITS = 16


def method_for(n_labels: int = 6, n_bits: int = N_BITS, **options: Any) -> Rmsh:
    method = Rmsh(RmshOptions(image_hidden=(4,), text_hidden=(4,), **options), n_train=9, n_labels=n_labels)
    method.build_heads(FEATURE_DIMS, n_bits)
    return method


def order_by_loop(d: list[list[float]], r: list[list[float]], margin: float, n_bits: int) -> float:
    means = []
    for distances, levels in zip(d, r, strict=True):
        triplets = [(j, k) for j in range(len(levels)) for k in range(len(levels)) if levels[j] > levels[k]]
        hinges = [max(0, distances[j] - distances[k] + margin * (levels[j] - levels[k]) / max(levels)) for j, k in triplets]
        means += [sum(hinges) / len(hinges)] if hinges else []
    return sum(means) / len(means) / n_bits if means else 0.0


def floor_by_loop(d: list[list[float]], r: list[list[float]], floor: float, n_bits: int) -> float:
    rows = [
        [max(0, floor - x) for x, level in zip(row, levels, strict=True) if level == 0] for row, levels in zip(d, r, strict=True)
    ]
    means = [sum(row) / len(row) for row in rows if row]
    return sum(means) / len(means) / n_bits if means else 0.0


def small_problem(seed: int, n: int = 11) -> tuple[Tensor, Tensor]:
    labels = torch.from_numpy(random_labels(seed, n).astype(float))
    scale = N_BITS**0.5
    return relaxed_distances(scale * unit_codes(seed, n), scale * unit_codes(seed + 9, n)), labels @ labels.T


def test_distances_of_sign_codes_count_bits_that_differ() -> None:
    a, b = torch.tensor([[1.0, 1, -1, -1]]), torch.tensor([[1.0, 1, -1, -1], [1, -1, -1, 1], [-1, -1, 1, 1]])
    assert relaxed_distances(a, b).tolist() == [[0, 2, 4]]


@pytest.mark.parametrize("margin", [0.0, 3.0, 11.5])
@pytest.mark.parametrize("seed", range(4))
def test_the_order_loss_is_the_mean_over_all_triplets_within_anchors(seed: int, margin: float) -> None:
    distances, levels = small_problem(seed)
    found = level_order_loss(distances, levels, margin=margin, n_bits=N_BITS).item()
    assert found == pytest.approx(order_by_loop(distances.tolist(), levels.tolist(), margin, N_BITS), rel=1e-10)


def test_the_order_loss_has_the_gradient_of_its_hinges() -> None:
    distances, levels = (tensor.requires_grad_(number == 0) for number, tensor in enumerate(small_problem(5)))
    level_order_loss(distances, levels, margin=3.0, n_bits=N_BITS).backward()
    e = (distances + 3.0 * levels / levels.amax(dim=1, keepdim=True)).detach().requires_grad_()
    higher = levels[:, :, None] > levels[:, None, :]
    hinges = torch.where(higher, (e[:, :, None] - e[:, None, :]).clamp_min(0), 0).sum(dim=(1, 2)) / higher.sum(dim=(1, 2))
    (hinges.mean() / N_BITS).backward()
    torch.testing.assert_close(distances.grad, e.grad)


@pytest.mark.parametrize("levels", [torch.zeros(3, 3), torch.ones(3, 3)], ids=["nothing shared", "one level"])
def test_without_triplets_the_order_loss_is_nothing(levels: Tensor) -> None:
    assert level_order_loss(torch.rand(3, 3), levels, margin=4.0, n_bits=N_BITS).item() == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_the_floor_loss_is_the_equation(seed: int) -> None:
    distances, levels = small_problem(seed)
    found = distance_floor_loss(distances, levels, floor=9.5, n_bits=N_BITS).item()
    assert found == pytest.approx(floor_by_loop(distances.tolist(), levels.tolist(), 9.5, N_BITS), rel=1e-10)


def test_dissimilar_pairs_beyond_the_floor_and_similar_ones_cost_nothing() -> None:
    assert distance_floor_loss(torch.full((3, 3), 9.0), torch.zeros(3, 3), floor=9.0, n_bits=N_BITS).item() == 0.0
    assert distance_floor_loss(torch.zeros(3, 3), torch.ones(3, 3), floor=9.0, n_bits=N_BITS).item() == 0.0


def test_pseudo_codes_keep_what_both_codes_agree_on_and_have_their_length() -> None:
    codes = torch.tensor([[1.0, 1, -1, -1], [1, -1, -1, 1], [1, 1, 1, 1]])
    torch.testing.assert_close(fuse_codes(codes, 3.0), torch.tensor([[1.0, 0, -1, 0]]) * 2**0.5)
    assert fuse_codes(codes[:1], 3.0).shape == (0, 4)
    assert fuse_codes(torch.stack([codes[0], -codes[0]]), 3.0).tolist() == [[0, 0, 0, 0]]


def test_terms_are_weighed_and_pseudo_codes_stand_for_the_union_of_labels() -> None:
    method = method_for(
        margin_share=0.5, floor_slack=0.25, floor_weight=2.0, pair_weight=0.7, quantization_weight=0.3, fusion_steepness=2.0
    )
    batch, codes = batch_and_codes(3, 5)
    terms = method.loss_terms(batch, codes)
    u, v, y = codes.image.detach() * 4, codes.text.detach() * 4, batch.given_labels
    fused = [torch.tanh(x[[0, 2]] + x[[1, 3]]) for x in (u, v)]
    a, b = (torch.cat([x, 4 * z / z.norm(dim=1, keepdim=True)]) for x, z in zip((u, v), fused, strict=True))
    labels = torch.cat([y, ((y[[0, 2]] + y[[1, 3]]) > 0).float()])
    d, r = (0.5 * (16 - a @ b.T)), (labels @ labels.T)
    sides = [(d.tolist(), r.tolist()), (d.T.tolist(), r.tolist())]
    wanted = {
        "order": sum(order_by_loop(*side, 0.5 * method.delta, N_BITS) for side in sides) / 2,
        "floor": 2.0 * sum(floor_by_loop(*side, method.delta + 0.25 * math.sqrt(16), N_BITS) for side in sides) / 2,
        "pair": 0.7 * (0.5 * (1 - (codes.image * codes.text).sum(dim=1))).mean().item(),
        "quantization": 0.3 * quantization_loss(u, v).item(),
    }
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize(("n_bits", "n_labels", "wanted"), [(64, 18, 26), (16, 24, 5), (128, 80, 51)])
def test_delta_is_the_attainable_distance_unless_told_otherwise(n_bits: int, n_labels: int, wanted: int) -> None:
    assert method_for(n_labels, n_bits).delta == wanted
    assert method_for(n_labels, n_bits, delta=wanted + 1).delta == wanted + 1


@pytest.mark.parametrize("delta", [25, 34])
def test_a_delta_out_of_range_is_refused_with_the_range(delta: int) -> None:
    with pytest.raises(ConfigError, match=rf"method\.options\.delta: {delta} is outside 26…33, .* 18 codewords of 64 bits"):
        method_for(18, 64, delta=delta)


def test_figures_of_this_method_never_stand_without_saying_where_it_comes_from() -> None:
    assert METHODS["rmsh"].title == "RMSH (reconstructed from the abstract)"
