"""Heads on beliefs learn what they are told, see every sample once an epoch under new jitter, and end as averages."""

from __future__ import annotations

from itertools import pairwise
from math import cos, pi

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter

from model.heads import HashHead
from tests.training_fixtures import N_LABELS, labelled
from training.code_learning import Lessons, learn_codes
from training.methods.base import LabelledFeatures, RelaxedCodes

N, N_BITS = 70, 16
MODALITIES = ("image", "text")


class RecordingHead(HashHead):
    """Remembers what it was given."""

    def __init__(self) -> None:
        super().__init__(N_LABELS, (), N_BITS)
        self.given: list[Tensor] = []

    def forward(self, features: Tensor) -> Tensor:
        self.given.append(features)
        return super().forward(features)


class Pupil:
    """Two heads, samples that are told apart by a column in the place of label probabilities, and what a loss was given."""

    def __init__(self, seed: int = 3) -> None:
        torch.manual_seed(seed)
        self.heads: dict[str, RecordingHead] = {name: RecordingHead() for name in MODALITIES}
        self.beliefs = LabelledFeatures(torch.randn(N, N_LABELS), torch.randn(N, N_LABELS), torch.arange(float(N))[:, None])
        self.order: list[Tensor] = []

    def learn(self, *, epochs: int = 2, batch_size: int = 32, jitter: float = 0.0, learning_rate: float = 0.01) -> None:
        lessons = Lessons(epochs=epochs, learning_rate=learning_rate, batch_size=batch_size, jitter=jitter)
        learn_codes(dict(self.heads), [], self.beliefs, self._loss, lessons)

    def _loss(self, codes: RelaxedCodes, probabilities: Tensor) -> Tensor:
        self.order.append(probabilities[:, 0].long())
        return -(codes.image * codes.text).sum()

    def inputs(self, name: str) -> Tensor:
        """Returns what a head was given, (epochs, N, N_LABELS), in the order of samples."""
        given, order = torch.cat(self.heads[name].given).view(-1, N, N_LABELS), torch.cat(self.order).view(-1, N)
        return torch.stack([epoch[index.argsort()] for epoch, index in zip(given, order, strict=True)])


class Slope:
    """A number whose gradient is always 1, so that Adam's steps are its learning rates; the last one is not seen."""

    def __init__(self, epochs: int, learning_rate: float) -> None:
        self.number, self.seen, beliefs = Parameter(torch.zeros(1)), [], Pupil().beliefs
        heads = {name: HashHead(N_LABELS, (), N_BITS) for name in MODALITIES}
        lessons = Lessons(epochs=epochs, learning_rate=learning_rate, batch_size=32, jitter=0.0)
        learn_codes(heads, [self.number], beliefs, self._loss, lessons)

    def _loss(self, codes: RelaxedCodes, probabilities: Tensor) -> Tensor:
        self.seen.append(self.number.item())
        return self.number.sum()


def rates(n_steps: int, learning_rate: float) -> list[float]:
    return [learning_rate * 0.5 * (1 + cos(pi * step / n_steps)) for step in range(n_steps)]


def test_the_loss_falls() -> None:
    train = labelled()
    torch.manual_seed(3)
    heads = {name: HashHead(N_LABELS, (8,), N_BITS) for name in MODALITIES}
    targets, losses = torch.nn.functional.normalize(torch.randn(N_LABELS, N_BITS), dim=1), list[float]()

    def loss(codes: RelaxedCodes, probabilities: Tensor) -> Tensor:
        found = (codes.image - probabilities @ targets).square().mean() + (codes.text - probabilities @ targets).square().mean()
        losses.append(found.item())
        return found

    beliefs = LabelledFeatures(train.given_labels, train.given_labels, train.given_labels)
    learn_codes(heads, [], beliefs, loss, Lessons(epochs=20, learning_rate=0.02, batch_size=N, jitter=0.1))
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("batch_size", [32, 70, 100])
def test_every_sample_is_seen_once_an_epoch_with_its_own_beliefs_and_probabilities(batch_size: int) -> None:
    pupil = Pupil()
    pupil.learn(epochs=2, batch_size=batch_size)
    epochs = torch.cat(pupil.order).view(2, N)
    assert all(torch.equal(epoch.sort().values, torch.arange(N)) for epoch in epochs)
    assert not torch.equal(epochs[0], epochs[1])
    assert {len(index) for index in pupil.order} == ({32, 6} if batch_size == 32 else {N})
    for name in MODALITIES:
        assert all(torch.equal(found, getattr(pupil.beliefs, name)) for found in pupil.inputs(name))


def test_jitter_is_new_in_each_epoch_and_on_each_side_and_of_the_stated_deviation() -> None:
    pupil = Pupil()
    pupil.learn(epochs=2, jitter=0.25)
    image, text = (pupil.inputs(name) - getattr(pupil.beliefs, name) for name in MODALITIES)
    for found in (*image, *text):
        assert found.std().item() == pytest.approx(0.25, rel=0.15)
    for one, other in ((image[0], image[1]), (text[0], text[1]), (image[0], text[0])):
        assert (one - other).std().item() == pytest.approx(0.25 * 2**0.5, rel=0.15)


def test_beliefs_are_left_alone() -> None:
    pupil, wanted = Pupil(), Pupil().beliefs
    pupil.learn(jitter=0.25)
    for name in (*MODALITIES, "given_labels"):
        assert torch.equal(getattr(pupil.beliefs, name), getattr(wanted, name))


def test_the_learning_rate_falls_from_the_stated_one_to_almost_nothing_as_a_cosine() -> None:
    seen = Slope(epochs=8, learning_rate=0.1).seen
    steps = [before - after for before, after in pairwise(seen)]
    assert steps == pytest.approx(rates(24, 0.1)[:-1], abs=1e-5)
    assert steps[0] == pytest.approx(0.1, abs=1e-5)
    assert 0 < steps[-1] < 0.002


def test_what_remains_is_the_exponential_average_over_the_steps() -> None:
    slope = Slope(epochs=8, learning_rate=0.1)
    after_steps = [*slope.seen[1:], slope.seen[-1] - rates(24, 0.1)[-1]]
    average = after_steps[0]
    for t, value in enumerate(after_steps[1:], start=1):
        decay = min(0.995, (1 + t) / (10 + t))
        average = decay * average + (1 - decay) * value
    assert slope.number.item() == pytest.approx(average, abs=1e-5)
    assert slope.number.item() > after_steps[-1] + 0.01


def test_heads_depend_on_the_seed_of_torch_alone() -> None:
    found = []
    for seed in (3, 4, 3):
        pupil = Pupil()
        torch.manual_seed(seed)
        pupil.learn(jitter=0.25)
        found.append(torch.cat([parameter.flatten() for head in pupil.heads.values() for parameter in head.parameters()]))
    assert torch.equal(found[0], found[2])
    assert not torch.equal(found[0], found[1])


def test_beliefs_of_another_width_are_refused() -> None:
    pupil = Pupil()
    pupil.beliefs = labelled(N)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        pupil.learn()


def test_without_a_head_for_a_modality_nothing_is_learnt() -> None:
    pupil = Pupil()
    del pupil.heads["text"]
    with pytest.raises(KeyError, match="text"):
        pupil.learn()
