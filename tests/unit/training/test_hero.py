"""HERO learns from beliefs and ends as heads on features; wrong labels are doubted, and nothing but training data is looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from model.bundle import EncoderBundle
from model.heads import HashHead
from tests.training_fixtures import FEATURE_DIMS, N_LABELS, ClusterData, batch_and_codes, labelled, open_run, small_config
from training.checkpoint import read_tensors
from training.compute import torch_settings
from training.experiment import make_trainer, run_experiment
from training.export import export_bundle
from training.honest_beliefs import fit_beliefs
from training.losses.expected_relevance import expected_relevance, relevance_ranking_loss
from training.methods.base import Batch, LabelledFeatures, RelaxedCodes
from training.methods.hero import Hero, HeroOptions
from training.trainer import Trainer

N_BITS = 16


class RecordingHero(Hero):
    """Remembers the batches that it was given."""

    def loss_terms(self, batch: Batch, relaxed_codes: RelaxedCodes) -> dict[str, Tensor]:
        self.__dict__.setdefault("batches", []).append(batch)
        return super().loss_terms(batch, relaxed_codes)

    def inputs(self) -> Tensor:
        """Returns image inputs of the batches so far, (N, N_LABELS) in the training split's order, and forgets them."""
        batches: list[Batch] = self.__dict__.pop("batches")
        order = torch.cat([batch.sample_index for batch in batches]).argsort()
        return torch.cat([batch.image_features for batch in batches])[order]


def hero(n_bits: int = N_BITS, **options: Any) -> tuple[RecordingHero, dict[str, HashHead]]:
    chosen = HeroOptions(**({"image_hidden": (16,), "text_hidden": (16,)} | options))
    method = RecordingHero(chosen, n_train=70, n_labels=N_LABELS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return method, method.build_heads(FEATURE_DIMS, n_bits)


def trainer_of(*overrides: str, **options: Any) -> tuple[Trainer, RecordingHero]:
    method, _ = hero(**options)
    return Trainer(method, labelled(), small_config(*overrides, method="hero").training), method


def copied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in tensors.items()}


@pytest.mark.parametrize("hidden", [(), (16,), (16, 8)], ids=["linear", "one", "two"])
@torch.no_grad()
def test_a_finished_head_gives_the_codes_of_the_trained_one_on_beliefs(hidden: tuple[int, ...]) -> None:
    method, heads = hero(image_hidden=hidden, text_hidden=hidden)
    train, unseen = labelled(), labelled(100)
    probabilities = method.prepare(heads, train).given_labels
    for name, finished in method.finished_heads(heads).items():
        beliefs = fit_beliefs(getattr(train, name), probabilities)
        features = getattr(unseen, name)
        wanted = heads[name](features @ beliefs.weight + beliefs.bias)
        torch.testing.assert_close(finished(features), wanted, atol=1e-5, rtol=0)


def test_finished_heads_have_the_features_width_and_the_hidden_layers_of_the_options() -> None:
    method, heads = hero(image_hidden=(9, 7), text_hidden=(5,))
    method.prepare(heads, labelled())
    finished = method.finished_heads(heads)
    assert {name: (head.feature_dim, head.hidden_dims) for name, head in finished.items()} == {
        "image": (FEATURE_DIMS["image"], (9, 7)),
        "text": (FEATURE_DIMS["text"], (5,)),
    }
    assert {(head.feature_dim, head.n_bits, head.unit_norm) for head in heads.values()} == {(N_LABELS, N_BITS, True)}


def test_finishing_heads_changes_neither_what_is_trained_nor_random_numbers() -> None:
    method, heads = hero()
    method.prepare(heads, labelled())
    before, state = {name: copied(head.state_dict()) for name, head in heads.items()}, torch.random.get_rng_state()
    for head in method.finished_heads(heads).values():
        for parameter in head.parameters():
            parameter.data.fill_(7)
    assert torch.equal(state, torch.random.get_rng_state())
    for name, head in heads.items():
        assert all(torch.equal(tensor, before[name][key]) for key, tensor in head.state_dict().items())


@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_weights_that_are_taken_back_give_the_same_codes_and_classifiers(decay: float) -> None:
    trainer, _ = trainer_of(f"training.average_decay={decay}")
    for epoch in (1, 2):
        trainer.run_epoch(epoch)
    kept = copied(trainer.weights())
    other, _ = trainer_of("training.seed=9")
    other.load_weights(kept)
    unseen = labelled(100)
    codes, again = (each.encode(unseen.image, unseen.text) for each in (trainer, other))
    assert torch.equal(codes.image, again.image)
    assert torch.equal(codes.text, again.text)
    assert all(torch.equal(tensor, kept[name]) for name, tensor in other.weights().items())


def test_weights_hold_heads_on_features_and_the_trained_ones_and_the_state_only_the_latter() -> None:
    trainer, _ = trainer_of()
    weights, name = trainer.weights(), "image.layers.0.weight"
    assert weights[f"heads.{name}"].shape == (16, FEATURE_DIMS["image"])
    assert weights[f"trained.{name}"].shape == (16, N_LABELS)
    assert torch.equal(trainer.state()[f"heads.{name}"], weights[f"trained.{name}"])
    assert trainer.head_facts()["image"] == {"feature_dim": FEATURE_DIMS["image"], "hidden_dims": [16], "unit_norm": True}


def test_a_trainer_that_takes_back_a_state_goes_on_as_the_other_would() -> None:
    (trainer, _), (resumed, _) = (trainer_of("training.average_decay=0.9", "training.schedule=cosine") for _ in range(2))
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


def test_beliefs_are_jittered_anew_each_epoch_by_the_options_deviation() -> None:
    trainer, method = trainer_of(jitter=0.25)
    plain, _ = hero()
    held_out = plain.prepare({}, labelled()).image
    found = []
    for epoch in (1, 2):
        trainer.run_epoch(epoch)
        found.append(method.inputs())
    for inputs in found:
        assert (inputs - held_out).std().item() == pytest.approx(0.25, rel=0.15)
    assert (found[0] - found[1]).std().item() == pytest.approx(0.25 * 2**0.5, rel=0.15)


def test_jitter_depends_on_seed_and_epoch_alone() -> None:
    found = {}
    torch.manual_seed(5)
    for seed, epoch in [(1, 1), (1, 2), (2, 2), (1, 2)]:
        trainer, method = trainer_of(f"training.seed={seed}")
        trainer.run_epoch(epoch)
        inputs = method.inputs()
        assert torch.equal(found.setdefault((seed, epoch), inputs), inputs)
    assert not torch.equal(found[1, 1], found[1, 2])
    assert not torch.equal(found[1, 2], found[2, 2])


def test_without_jitter_heads_are_given_the_held_out_beliefs_themselves() -> None:
    trainer, method = trainer_of(jitter=0.0)
    plain, _ = hero()
    prepared = plain.prepare({}, labelled())
    trainer.run_epoch(1)
    assert torch.equal(method.inputs(), prepared.image)
    assert torch.equal(prepared.image, fit_beliefs(labelled().image, prepared.given_labels).held_out)


def test_preparing_leaves_the_training_split_alone_and_twice_is_the_same() -> None:
    train, wanted = labelled(), labelled()
    method, heads = hero()
    found = []
    for _ in range(2):
        inputs = method.prepare(heads, train)
        found.append(LabelledFeatures(inputs.image.clone(), inputs.text.clone(), inputs.given_labels.clone()))
        method.on_epoch_start(1, lambda: RelaxedCodes(train.image, train.text), train.given_labels)
    for name in ("image", "text", "given_labels"):
        assert torch.equal(getattr(train, name), getattr(wanted, name))
        assert torch.equal(getattr(found[0], name), getattr(found[1], name))


def test_beliefs_are_fitted_in_full_precision_whatever_training_does() -> None:
    """So that weights of such a run, taken back by a trainer that is made anywhere else, are folded with the same regression."""
    train, settings = labelled(), small_config("training.precision=medium", method="hero").training
    (method, _), plain = hero(), Trainer(hero()[0], train, settings)
    with torch_settings(settings):
        found = Trainer(method, train, settings)
    codes, wanted = (each.encode(train.image, train.text) for each in (found, plain))
    assert torch.equal(codes.image, wanted.image)
    assert torch.equal(codes.text, wanted.text)


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
    method, heads = hero()
    given = torch.where(wrong, 1 - train.given_labels, train.given_labels)
    found = method.prepare(heads, replace(train, given_labels=given)).given_labels
    right = (found > 0.5) == (train.given_labels > 0)
    assert right[~wrong].all()
    for kind in (0, 1):
        assert right[wrong & (given == kind)].float().mean() > 0.85


def test_a_forgotten_label_is_believed_even_if_it_is_the_only_one() -> None:
    train = labelled(300)
    forgotten = train.given_labels.nonzero()[11].tolist()
    given = train.given_labels.clone()
    given[forgotten[0], forgotten[1]] = 0
    method, heads = hero()
    found = method.prepare(heads, replace(train, given_labels=given)).given_labels
    assert torch.equal(found > 0.5, train.given_labels > 0)


def test_probabilities_stay_in_bounds_and_take_the_place_of_given_labels() -> None:
    method, heads = hero()
    inputs = method.prepare(heads, labelled())
    assert inputs.given_labels.dtype == torch.float32
    assert (inputs.image.shape, inputs.text.shape) == ((70, N_LABELS), (70, N_LABELS))
    assert 0 <= inputs.given_labels.min() < 0.1 < 0.9 < inputs.given_labels.max() <= 1


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
