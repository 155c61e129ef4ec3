"""SCBCH joins its terms as the equation says, and asks for reliability when it should."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.training_fixtures import FEATURE_DIMS, N_LABELS, labelled, random_labels, small_config, unit_codes
from training.losses.quantization import quantization_loss
from training.losses.soft_contrastive import label_overlap, soft_contrastive_loss
from training.methods.base import Batch, RelaxedCodes
from training.methods.scbch import Scbch, ScbchOptions
from training.reliability import estimate_reliability
from training.trainer import Trainer

N_TRAIN, N_BITS = 30, 16


def small_method(**options: Any) -> Scbch:
    method = Scbch(ScbchOptions(image_hidden=(8,), text_hidden=(8,), **options), n_train=N_TRAIN, n_labels=N_LABELS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        method.build_heads(FEATURE_DIMS, N_BITS)
    return method


def given_labels(n: int) -> torch.Tensor:
    return torch.from_numpy(random_labels(3, n).astype(np.float32))


def batch_of(index: list[int]) -> tuple[Batch, RelaxedCodes]:
    n = len(index)
    features = {name: torch.zeros(n, dim) for name, dim in FEATURE_DIMS.items()}
    batch = Batch(features["image"], features["text"], given_labels(n), torch.tensor(index))
    return batch, RelaxedCodes(unit_codes(1, n).float().requires_grad_(), unit_codes(2, n).float().requires_grad_())


def train_codes() -> RelaxedCodes:
    return RelaxedCodes(unit_codes(5, N_TRAIN).float(), unit_codes(6, N_TRAIN).float())


def test_heads_have_the_widths_asked_for() -> None:
    heads = Scbch(ScbchOptions(image_hidden=(5, 4), text_hidden=()), n_train=1, n_labels=2).build_heads(FEATURE_DIMS, N_BITS)
    assert {name: (head.feature_dim, head.hidden_dims, head.n_bits, head.unit_norm) for name, head in heads.items()} == {
        "image": (12, (5, 4), N_BITS, True),
        "text": (10, (), N_BITS, True),
    }


def test_classifiers_start_orthogonal_differ_between_modalities_and_have_no_bias() -> None:
    image, text = small_method().parameters()
    for weight in (image, text):
        assert weight.shape == (N_BITS, N_LABELS)
        torch.testing.assert_close(weight.T @ weight, torch.eye(N_LABELS), atol=1e-5, rtol=0)
    assert not torch.equal(image, text)


def test_terms_are_weighed_as_in_the_equation() -> None:
    method, (batch, codes) = (
        small_method(contrastive_weight=0.6, quantization_weight=0.2, margin=0.15, shift=0.8),
        batch_of([4, 0, 7]),
    )
    method.reliability = torch.linspace(0, 1, N_TRAIN)
    terms = method.loss_terms(batch, codes)
    overlap = label_overlap(batch.given_labels)
    wanted = 0.6 * soft_contrastive_loss(codes.image, codes.text, overlap, margin=0.15, shift=0.8)
    torch.testing.assert_close(terms["contrastive"], wanted)
    torch.testing.assert_close(terms["quantization"], 0.2 * quantization_loss(codes.image, codes.text))
    image, text = (torch.sigmoid(u @ w) for u, w in zip((codes.image, codes.text), method.parameters(), strict=True))
    y, trust = batch.given_labels, method.reliability[[4, 0, 7]]
    entropies = [-(y * p.log() + (1 - y) * (1 - p).log()).mean(dim=1) for p in (image, text)]
    torch.testing.assert_close(terms["classification"], (trust * (entropies[0] + entropies[1]) / 2).mean())
    assert set(terms) == {"contrastive", "quantization", "classification"}


def test_gradients_reach_codes_and_classifiers_and_are_finite() -> None:
    method, (batch, codes) = small_method(), batch_of([0, 1, 2])
    torch.stack(list(method.loss_terms(batch, codes).values())).sum().backward()
    for tensor in (codes.image, codes.text, *method.parameters()):
        assert tensor.grad is not None
        assert torch.isfinite(tensor.grad).all()
        assert tensor.grad.abs().sum() > 0


@pytest.mark.parametrize(("epoch", "n_asked"), [(1, 0), (5, 0), (6, 1), (7, 1)])
def test_everyone_is_trusted_until_reliability_is_estimated_from_the_sixth_epoch_on(epoch: int, n_asked: int) -> None:
    method, asked = small_method(), []
    method.on_epoch_start(epoch, lambda: asked.append(epoch) or train_codes(), given_labels(N_TRAIN))
    assert len(asked) == n_asked
    assert torch.equal(method.reliability, torch.ones(N_TRAIN)) == (n_asked == 0)


def test_reliability_is_estimated_with_the_methods_own_settings() -> None:
    method = small_method(n_neighbours=4, reliability_floor=0.25, reliability_from_epoch=1)
    method.on_epoch_start(1, train_codes, given_labels(N_TRAIN))
    codes = train_codes()
    wanted = estimate_reliability(codes.image, codes.text, given_labels(N_TRAIN), n_neighbours=4, floor=0.25)
    assert torch.equal(method.reliability, wanted)


def test_a_state_that_is_taken_back_gives_the_same_losses() -> None:
    method, other = small_method(), small_method()
    method.on_epoch_start(6, train_codes, given_labels(N_TRAIN))
    with torch.no_grad():
        method.parameters()[0].mul_(1.5)
    other.load_state({name: tensor.clone() for name, tensor in method.state().items()})
    batch, codes = batch_of([3, 9])
    assert method.loss_terms(batch, codes) == other.loss_terms(batch, codes)
    assert set(method.state()) == {"classifier.image", "classifier.text", "reliability"}


def test_a_state_that_lacks_a_tensor_is_refused() -> None:
    with pytest.raises(KeyError, match="reliability"):
        small_method().load_state({name: tensor for name, tensor in small_method().state().items() if name != "reliability"})


def test_everything_the_method_makes_while_training_lies_where_the_trainer_computes() -> None:
    """With a default device that cannot compute, a tensor made without saying where would break the step."""
    config = small_config()
    trainer = Trainer(small_method(reliability_from_epoch=1), labelled(), config.training)
    with torch.device("meta"):
        figures = trainer.run_epoch(1)
    assert set(figures.losses) == {"contrastive", "quantization", "classification"}
