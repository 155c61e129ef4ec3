"""HERO's heads begin as codes of beliefs and go on with features; wrong labels are doubted, and only training data is looked at."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from model.bundle import EncoderBundle
from model.heads import HashHead
from tests.training_fixtures import FEATURE_DIMS, N_LABELS, ClusterData, batch_and_codes, labelled, open_run, small_config
from training.checkpoint import read_tensors
from training.code_learning import Lessons, learn_codes
from training.compute import torch_settings
from training.experiment import make_trainer, run_experiment
from training.export import export_bundle
from training.honest_beliefs import fit_beliefs
from training.losses.expected_relevance import expected_relevance, relevance_ranking_loss
from training.methods.base import Batch, LabelledFeatures, RelaxedCodes
from training.methods.hero import Hero, HeroOptions
from training.trainer import Trainer
from training.true_labels import estimate_label_probabilities

N_BITS = 16


def hero(n_bits: int = N_BITS, feature_dims: dict[str, int] = FEATURE_DIMS, **options: Any) -> tuple[Hero, dict[str, HashHead]]:
    chosen = HeroOptions(**({"image_hidden": (16,), "text_hidden": (16,), "belief_epochs": 2} | options))
    method = Hero(chosen, n_train=70, n_labels=N_LABELS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return method, method.build_heads(feature_dims, n_bits)


def prepared(train: LabelledFeatures, seed: int = 5, **options: Any) -> tuple[LabelledFeatures, dict[str, HashHead], Hero]:
    method, heads = hero(**options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return method.prepare(heads, train), heads, method


def trainer_of(*overrides: str, **options: Any) -> Trainer:
    return Trainer(hero(**options)[0], labelled(), small_config(*overrides, method="hero").training)


def copied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in tensors.items()}


@pytest.mark.parametrize("hidden", [(), (16,), (16, 8)], ids=["linear", "one", "two"])
def test_prepared_heads_give_the_codes_of_small_ones_on_beliefs(hidden: tuple[int, ...]) -> None:
    """The twin learns codes for beliefs by itself, by the method's loss; its random numbers are the same."""
    train, unseen, options = labelled(), labelled(100), {"image_hidden": hidden, "text_hidden": hidden}
    inputs, heads, method = prepared(train, **options)
    twin, _ = hero(**options)
    beliefs = {name: fit_beliefs(getattr(train, name), inputs.given_labels) for name in FEATURE_DIMS}
    held_out = LabelledFeatures(beliefs["image"].held_out, beliefs["text"].held_out, inputs.given_labels)

    def loss(codes: RelaxedCodes, probabilities: Tensor) -> Tensor:
        terms = twin.loss_terms(Batch(train.image, train.text, probabilities, torch.arange(70)), codes)
        return terms["ranking"] + terms["classification"]

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        small = {name: HashHead(N_LABELS, hidden, N_BITS) for name in FEATURE_DIMS}
        learn_codes(small, twin.parameters(), held_out, loss, Lessons(epochs=2, learning_rate=2e-3, batch_size=128, jitter=0.5))
    for name, head in heads.items():
        features = getattr(unseen, name)
        wanted = small[name](features @ beliefs[name].weight + beliefs[name].bias)
        torch.testing.assert_close(head(features), wanted, atol=1e-5, rtol=0)
        assert torch.equal(method.state()[f"classifier.{name}"], twin.state()[f"classifier.{name}"])


def test_heads_of_codes_longer_than_the_option_says_begin_at_random() -> None:
    _, wanted = hero()
    for belief_bits, begins_at_random in ((N_BITS, False), (N_BITS - 8, True)):
        _, heads, _ = prepared(labelled(), belief_bits=belief_bits)
        for name, head in heads.items():
            assert torch.equal(head.layers[0].weight, wanted[name].layers[0].weight) == begins_at_random


def test_what_no_training_sample_varies_in_changes_no_code() -> None:
    """Beliefs are all that codes see of features, and regressions see nothing in a feature that is the same for all samples."""
    train, dims = labelled(), {name: dim + 2 for name, dim in FEATURE_DIMS.items()}
    image, text = (torch.cat([side, torch.full((70, 2), 0.5)], dim=1) for side in (train.image, train.text))
    _, heads, _ = prepared(LabelledFeatures(image, text, train.given_labels), feature_dims=dims)
    for name, side in (("image", image), ("text", text)):
        moved = side.clone()
        moved[:, -2:] = torch.randn(70, 2, generator=torch.Generator().manual_seed(1))
        torch.testing.assert_close(heads[name](moved), heads[name](side), atol=1e-5, rtol=0)
        assert not torch.allclose(heads[name](side + 0.5), heads[name](side), atol=1e-3)


def test_heads_have_the_features_width_and_the_hidden_layers_of_the_options() -> None:
    _, heads, _ = prepared(labelled(), image_hidden=(9, 7), text_hidden=(5,))
    assert {name: (head.feature_dim, head.hidden_dims) for name, head in heads.items()} == {
        "image": (FEATURE_DIMS["image"], (9, 7)),
        "text": (FEATURE_DIMS["text"], (5,)),
    }
    assert {(head.n_bits, head.unit_norm) for head in heads.values()} == {(N_BITS, True)}


def test_preparing_depends_on_the_seed_of_torch_alone_and_probabilities_not_even_on_that() -> None:
    found = []
    for seed in (5, 6, 5):
        inputs, heads, method = prepared(labelled(), seed)
        weights = [*chain.from_iterable(head.parameters() for head in heads.values()), *method.parameters()]
        found.append((inputs.given_labels, torch.cat([each.detach().flatten() for each in weights])))
    assert torch.equal(found[0][1], found[2][1])
    assert not torch.equal(found[0][1], found[1][1])
    assert all(torch.equal(labels, found[0][0]) for labels, _ in found)


@pytest.mark.parametrize("change", [{"jitter": 0.0}, {"belief_epochs": 3}, {"belief_learning_rate": 1e-3}, {"temperature": 0.2}])
def test_each_setting_of_what_is_learnt_from_beliefs_counts(change: dict[str, Any]) -> None:
    (_, heads, _), (_, changed, _) = prepared(labelled()), prepared(labelled(), **change)
    for name, head in heads.items():
        assert not torch.equal(head.layers[0].weight, changed[name].layers[0].weight)


@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_weights_that_are_taken_back_give_the_same_codes_and_classifiers(decay: float) -> None:
    trainer = trainer_of(f"training.average_decay={decay}")
    for epoch in (1, 2):
        trainer.run_epoch(epoch)
    kept = copied(trainer.weights())
    other = trainer_of("training.seed=9")
    other.load_weights(kept)
    unseen = labelled(100)
    codes, again = (each.encode(unseen.image, unseen.text) for each in (trainer, other))
    assert torch.equal(codes.image, again.image)
    assert torch.equal(codes.text, again.text)
    assert all(torch.equal(tensor, kept[name]) for name, tensor in other.weights().items())


def test_a_trainer_that_takes_back_a_state_goes_on_as_the_other_would() -> None:
    trainer, resumed = (trainer_of("training.average_decay=0.9", "training.schedule=cosine") for _ in range(2))
    for epoch in (1, 2):
        trainer.run_epoch(epoch)
    resumed.load_state(copied(trainer.state()))
    figures = [each.run_epoch(3) for each in (trainer, resumed)]
    assert figures[0] == figures[1]
    for wanted, found in ((trainer.weights(), resumed.weights()), (trainer.state(), resumed.state())):
        assert wanted.keys() == found.keys()
        assert all(torch.equal(tensor, found[key]) for key, tensor in wanted.items())


def test_the_bundle_of_a_run_gives_the_codes_of_its_kept_epoch(tmp_path: Path) -> None:
    config = small_config("training.epochs=3", "training.keep=last", "training.average_decay=0.9", method="hero")
    data = ClusterData()
    run = open_run(tmp_path / "run", config)
    run_experiment(config, data, run)
    export_bundle(run, tmp_path / "bundle")
    bundle, (trainer, _) = EncoderBundle.from_pretrained(tmp_path / "bundle"), make_trainer(config, data("train"))
    trainer.load_weights(read_tensors(run.best)[0])
    features = {name: torch.from_numpy(getattr(data("query"), name)) for name in FEATURE_DIMS}
    codes = trainer.encode(features["image"], features["text"])
    for name, head in bundle.heads.items():
        with torch.inference_mode():
            assert torch.equal(head(features[name]), getattr(codes, name))
        assert bundle.classifiers[name].shape == (N_BITS, N_LABELS)


def test_a_short_run_ranks_far_above_chance_though_half_of_the_samples_are_mislabelled(tmp_path: Path) -> None:
    config = small_config("training.epochs=10", "training.keep=last", method="hero")
    found = run_experiment(config, ClusterData(n_train=400), open_run(tmp_path, config))["evaluation"]
    assert found["i2t_map"] > found["chance"] + 0.25
    assert found["t2i_map"] > found["chance"] + 0.25


def test_epochs_are_given_the_features_as_they_are_and_probabilities_in_the_place_of_labels() -> None:
    train, wanted = labelled(), labelled()
    inputs, _, _ = prepared(train)
    for name in FEATURE_DIMS:
        assert torch.equal(getattr(inputs, name), getattr(wanted, name))
    assert torch.equal(train.given_labels, wanted.given_labels)
    assert (inputs.given_labels.shape, inputs.given_labels.dtype) == (wanted.given_labels.shape, torch.float32)
    assert torch.equal(inputs.given_labels, estimate_label_probabilities(wanted))
    assert not torch.equal(inputs.given_labels, wanted.given_labels)
    assert 0 <= inputs.given_labels.min() < 0.1 < 0.9 < inputs.given_labels.max() <= 1


def test_probabilities_are_estimated_in_full_precision_whatever_training_does() -> None:
    """Products of rounded factors would choose other ridges."""
    wanted, settings = estimate_label_probabilities(labelled()), small_config("training.precision=medium", method="hero").training
    with torch_settings(settings):
        assert torch.equal(estimate_label_probabilities(labelled()), wanted)


def test_labels_of_validation_pairs_change_nothing_that_is_trained() -> None:
    config, data = small_config("noise.rate=0", method="hero"), ClusterData()
    train = data("train")
    trainer, labels = make_trainer(config, train)
    changed = train.true_labels.copy()
    changed[labels.validation_index] = 1 - changed[labels.validation_index]
    other, _ = make_trainer(config, replace(train, true_labels=changed))
    for each in (trainer, other):
        each.run_epoch(1)
    wanted, found = trainer.weights(), other.weights()
    assert all(torch.equal(tensor, found[name]) for name, tensor in wanted.items())


def test_wrong_labels_are_doubted_and_right_ones_believed() -> None:
    """Of 1800 labels 5% are wrong, made up or forgotten. A single wrong one is no noise: it is believed to be a rare truth."""
    train = labelled(300)
    wrong = torch.rand(300, N_LABELS, generator=torch.Generator().manual_seed(1)) < 0.05
    given = torch.where(wrong, 1 - train.given_labels, train.given_labels)
    found = estimate_label_probabilities(replace(train, given_labels=given))
    right = (found > 0.5) == (train.given_labels > 0)
    assert right[~wrong].all()
    for kind in (0, 1):
        assert right[wrong & (given == kind)].float().mean() > 0.85


def test_a_forgotten_label_is_believed_even_if_it_is_the_only_one() -> None:
    train = labelled(300)
    forgotten = train.given_labels.nonzero()[11].tolist()
    given = train.given_labels.clone()
    given[forgotten[0], forgotten[1]] = 0
    found = estimate_label_probabilities(replace(train, given_labels=given))
    assert torch.equal(found > 0.5, train.given_labels > 0)


def test_classification_moves_classifiers_and_no_code_and_ranking_the_other_way_about() -> None:
    method, _ = hero()
    batch, codes = batch_and_codes(1, 9)
    terms = method.loss_terms(batch, codes)
    for name, moves_codes in (("classification", False), ("ranking", True)):
        gradients = torch.autograd.grad(terms[name], [codes.image, codes.text, *method.parameters()], allow_unused=True)
        assert [each is not None for each in gradients] == [moves_codes] * 2 + [not moves_codes] * 2


@pytest.mark.parametrize(("n_bits", "temperature"), [(16, 0.9), (64, 0.45), (256, 0.225)])
def test_the_temperature_falls_with_the_root_of_the_bits(n_bits: int, temperature: float) -> None:
    method, _ = hero(n_bits)
    batch, codes = batch_and_codes(2, 9, n_bits)
    found = method.loss_terms(batch, codes)["ranking"]
    relevance = expected_relevance(batch.given_labels)
    torch.testing.assert_close(found, relevance_ranking_loss(codes.image, codes.text, relevance, temperature=temperature))


def test_the_classification_term_is_the_mean_cross_entropy_of_both_sides() -> None:
    method, _ = hero()
    batch, codes = batch_and_codes(4, 7)
    state, total = method.state(), 0.0
    for name, side in (("image", codes.image), ("text", codes.text)):
        for logits, labels in zip((side.detach() @ state[f"classifier.{name}"]).double(), batch.given_labels, strict=True):
            for logit, label in zip(logits.sigmoid(), labels, strict=True):
                total -= float(logit.log() if label else (1 - logit).log())
    assert method.loss_terms(batch, codes)["classification"].item() == pytest.approx(total / (2 * 7 * N_LABELS), rel=1e-5)


def test_classifiers_of_another_length_are_refused() -> None:
    with pytest.raises(RuntimeError):
        hero(32)[0].load_state(hero(16)[0].state())


def test_a_state_without_classifiers_is_refused() -> None:
    with pytest.raises(KeyError, match=r"classifier\.image"):
        hero()[0].load_state({})
