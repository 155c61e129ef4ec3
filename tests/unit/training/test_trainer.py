"""An epoch shows every sample once, in an order that the seed and the epoch decide, and nothing else in the process notices."""

from __future__ import annotations

import math

import pytest
import torch

from tests.training_fixtures import RecordingMethod, labelled, small_config
from training.compute import torch_settings
from training.methods.base import RelaxedCodes
from training.trainer import Trainer


def make_trainer(*overrides: str, n: int = 70) -> tuple[Trainer, RecordingMethod]:
    method = RecordingMethod()
    return Trainer(method, labelled(n), small_config(*overrides).training), method


def order_of(method: RecordingMethod) -> list[int]:
    return torch.cat([batch.sample_index for batch in method.batches]).tolist()


@pytest.mark.parametrize("n", [64, 65, 70])
def test_every_sample_is_seen_once_an_epoch_with_its_own_features_and_labels(n: int) -> None:
    trainer, method = make_trainer(n=n)
    trainer.run_epoch(1)
    assert sorted(order_of(method)) == list(range(n))
    assert [len(batch.sample_index) for batch in method.batches] == [32, 32, n - 64][: 2 + (n > 64)]
    for batch in method.batches:
        for found, whole in ((batch.image_features, labelled(n).image), (batch.given_labels, labelled(n).given_labels)):
            assert torch.equal(found, whole[batch.sample_index])


def test_the_method_prepares_with_its_heads_and_the_whole_split() -> None:
    trainer, method = make_trainer()
    heads, train = method.prepared
    assert heads is trainer.heads
    assert train.image.shape == (70, 12)


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    orders = {}
    for seed, epoch in [(1, 1), (1, 2), (2, 1), (2, 2), (1, 1)]:
        trainer, method = make_trainer(f"training.seed={seed}")
        trainer.run_epoch(epoch)
        assert orders.setdefault((seed, epoch), order_of(method)) == order_of(method)
    assert len({tuple(order) for order in orders.values()}) == 4


def test_the_seed_decides_the_first_weights_and_nobody_elses_random_numbers() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, again, other = (make_trainer(f"training.seed={seed}")[0] for seed in (1, 1, 2))
    first.run_epoch(1)
    assert torch.equal(before, torch.random.get_rng_state())
    again.run_epoch(1)
    weights = [trainer.weights()["heads.image.layers.0.weight"] for trainer in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_the_method_is_told_of_the_epoch_and_gets_the_codes_of_the_whole_split() -> None:
    trainer, method = make_trainer()
    wanted = trainer.encode(labelled().image, labelled().text)
    trainer.run_epoch(3)
    assert method.epochs == [3]
    assert method.train_codes is not None
    assert torch.equal(method.train_codes.image, wanted.image)
    assert not method.train_codes.text.requires_grad


def test_losses_are_means_over_batches_fall_and_train_the_methods_own_parameters() -> None:
    trainer, method = make_trainer()
    advanced: list[int] = []
    first = trainer.run_epoch(1, lambda: advanced.append(1))
    for epoch in range(2, 6):
        last = trainer.run_epoch(epoch)
    assert set(first.losses) == {"image", "text"}
    assert last.losses["image"] < first.losses["image"]
    assert len(advanced) == 3
    assert method.state()["scale"].item() != 1.0


def test_weights_that_are_taken_back_give_the_same_codes() -> None:
    trainer, _ = make_trainer()
    trainer.run_epoch(1)
    other, _ = make_trainer("training.seed=9")
    other.load_weights({name: tensor.clone() for name, tensor in trainer.weights().items()})
    codes, again = (each.encode(labelled().image, labelled().text) for each in (trainer, other))
    assert torch.equal(codes.image, again.image)
    assert torch.equal(codes.text, again.text)


def test_weights_of_other_heads_are_refused() -> None:
    trainer, _ = make_trainer()
    with pytest.raises(RuntimeError, match="size mismatch"):
        make_trainer("training.n_bits=32")[0].load_weights(trainer.weights())


def test_what_a_method_draws_at_random_depends_on_seed_and_epoch_alone() -> None:
    torch.manual_seed(5)
    (first, of_first), (resumed, of_resumed) = make_trainer(), make_trainer()
    for epoch in (1, 2):
        first.run_epoch(epoch)
    resumed.run_epoch(2)
    assert of_first.draws[3:] == of_resumed.draws
    assert len(set(of_first.draws)) == 6


def test_a_cosine_takes_the_learning_rate_to_nothing_over_the_epochs() -> None:
    """Three batches an epoch, six epochs: the last of 18 steps, counted from 0, is number 17."""
    trainer, _ = make_trainer("training.schedule=cosine")
    rates = [trainer.run_epoch(epoch).learning_rate for epoch in range(1, 7)]
    assert rates == [pytest.approx(0.01 * (1 + math.cos(math.pi * (3 * e - 1) / 18)) / 2) for e in range(1, 7)]
    assert make_trainer()[0].run_epoch(6).learning_rate == 0.01


def test_the_gradients_length_is_the_mean_over_batches() -> None:
    """At a rate too small to change a weight: the same gradient as autograd gives for the batches one by one."""
    trainer, method = make_trainer("training.learning_rate=1e-30", "training.weight_decay=0")
    found = trainer.run_epoch(1).grad_norm
    norms = []
    for batch in list(method.batches):
        codes = RelaxedCodes(trainer.heads["image"](batch.image_features), trainer.heads["text"](batch.text_features))
        parameters = [*trainer.heads["image"].parameters(), *trainer.heads["text"].parameters(), *method.parameters()]
        gradients = torch.autograd.grad(sum(method.loss_terms(batch, codes).values()), parameters)
        norms.append(math.sqrt(sum(float((each**2).sum()) for each in gradients)))
    assert found == pytest.approx(sum(norms) / 3, rel=1e-5)


def test_averages_follow_their_formula_step_by_step() -> None:
    plain, averaged = (make_trainer(f"training.average_decay={decay}", n=32)[0] for decay in (0, 0.25))
    name = "heads.image.layers.0.weight"
    expected = torch.zeros(())
    for t in range(4):
        for trainer in (plain, averaged):
            trainer.run_epoch(t + 1)
        decay = min(0.25, (1 + t) / (10 + t)) if t else 0.0
        expected = decay * expected + (1 - decay) * plain.weights()[name]
    torch.testing.assert_close(averaged.weights()[name], expected)
    assert torch.equal(averaged.state()[name], plain.weights()[name])


def test_codes_are_encoded_by_averaged_weights_and_training_goes_on_by_the_others() -> None:
    trainer, method = make_trainer("training.average_decay=0.9")
    for epoch in (1, 2):
        codes = trainer.encode(labelled().image, labelled().text)
        trainer.run_epoch(epoch)
    assert method.train_codes is not None
    assert torch.equal(method.train_codes.image, codes.image)
    other, _ = make_trainer()
    other.load_weights(trainer.weights())
    found, wanted = (each.encode(labelled().image, labelled().text).image for each in (trainer, other))
    assert torch.equal(found, wanted)
    other.load_weights(trainer.state())
    assert not torch.equal(other.encode(labelled().image, labelled().text).image, wanted)


def test_weights_that_are_taken_back_are_the_averages_too() -> None:
    trainer, _ = make_trainer("training.average_decay=0.9")
    trainer.run_epoch(1)
    kept = {name: tensor.clone() for name, tensor in trainer.weights().items()}
    trainer.run_epoch(2)
    trainer.load_weights(kept)
    assert all(torch.equal(tensor, kept[name]) for name, tensor in trainer.weights().items())


def test_codes_for_evaluation_are_computed_in_full_precision_whatever_training_does() -> None:
    wanted = make_trainer()[0].encode(labelled().image, labelled().text)
    for precision in ("medium", "bfloat16"):
        trainer, method = make_trainer(f"training.precision={precision}")
        with torch_settings(small_config(f"training.precision={precision}").training):
            codes = trainer.encode(labelled().image, labelled().text)
            trainer.run_epoch(1)
        assert torch.equal(codes.image, wanted.image)
        assert method.train_codes is not None
        assert method.train_codes.image.dtype == torch.float32


def test_mixed_precision_rounds_the_heads_and_nothing_else() -> None:
    trainer, method = make_trainer("training.precision=bfloat16")
    wanted = trainer.encode(labelled().image, labelled().text).image
    trainer.run_epoch(1)
    assert method.train_codes is not None
    difference = (method.train_codes.image - wanted).abs().max()
    assert 0 < difference < 0.05


def test_everything_a_method_is_handed_lies_on_the_trainers_device() -> None:
    trainer, method = make_trainer()
    trainer.run_epoch(1)
    handed = [method.prepared[1].image, method.prepared[1].given_labels, *method.parameters()]
    for batch in method.batches:
        handed += [batch.image_features, batch.text_features, batch.given_labels, batch.sample_index]
    assert {tensor.device for tensor in handed} == {trainer.device}
