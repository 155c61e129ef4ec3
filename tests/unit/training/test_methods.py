"""What every method in the table keeps to, whatever its loss."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
import torch

import training
from model.bundle import EncoderBundle
from model.heads import HashHead
from tests.training_fixtures import FEATURE_DIMS, N_LABELS, ClusterData, batch_and_codes, labelled, open_run, small_config
from training.config import load_config
from training.experiment import run_experiment
from training.export import export_bundle
from training.methods import METHODS
from training.methods.base import HashingMethod, RelaxedCodes

N_TRAIN, N_BITS = 40, 16
LEARNERS = [name for name, entry in METHODS.items() if entry.create.learns_by_epochs]  # type: ignore[attr-defined]


def made(name: str) -> tuple[HashingMethod, dict[str, HashHead]]:
    entry = METHODS[name]
    method = entry.create(entry.options_type(), n_train=N_TRAIN, n_labels=N_LABELS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        heads = method.build_heads(FEATURE_DIMS, N_BITS)
        method.prepare(heads, labelled(N_TRAIN))
    return method, heads


@torch.no_grad()
def encoded(heads: dict[str, HashHead]) -> RelaxedCodes:
    train = labelled(N_TRAIN)
    return RelaxedCodes(heads["image"](train.image), heads["text"](train.text))


@pytest.mark.parametrize("name", METHODS)
def test_heads_are_made_for_the_features_and_do_not_depend_on_anything_but_the_seed(name: str) -> None:
    (_, heads), (_, again) = made(name), made(name)
    assert {key: (head.feature_dim, head.n_bits) for key, head in heads.items()} == {"image": (12, 16), "text": (10, 16)}
    for key, head in heads.items():
        for tensor, other in zip(head.state_dict().values(), again[key].state_dict().values(), strict=True):
            assert torch.equal(tensor, other)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_a_title_and_a_configuration_that_is_its_defaults(name: str) -> None:
    folder = Path(training.__file__).parent / "configs"
    config = load_config(folder / ("photos.toml" if name == "scbch" else f"{name}.toml"))
    options = METHODS[name].options_type()
    assert METHODS[name].title
    assert config.method.name == name
    wanted = {field.name: getattr(options, field.name) for field in fields(options)}
    assert {key: getattr(config.method.checked_options(), key) for key in wanted} == wanted


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("n", [1, 2, 9])
def test_losses_are_finite_scalars_with_finite_gradients_even_for_one_pair(name: str, n: int) -> None:
    method, heads = made(name)
    method.on_epoch_start(1, lambda: encoded(heads), labelled(N_TRAIN).given_labels)
    batch, codes = batch_and_codes(n, n, unit_norm=heads["image"].unit_norm)
    terms = method.loss_terms(batch, codes)
    assert terms
    assert all(term.shape == () for term in terms.values())
    torch.stack(list(terms.values())).sum().backward()
    for codes_grad in (codes.image.grad, codes.text.grad):
        assert codes_grad is not None
        assert torch.isfinite(codes_grad).all()


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("labels", [torch.zeros(6, N_LABELS), torch.ones(6, N_LABELS)], ids=["no labels", "all labels"])
def test_losses_stay_finite_where_labels_say_nothing(name: str, labels: torch.Tensor) -> None:
    method, heads = made(name)
    batch, codes = batch_and_codes(3, 6, unit_norm=heads["image"].unit_norm)
    batch.given_labels.copy_(labels)
    total = torch.stack(list(method.loss_terms(batch, codes).values())).sum()
    total.backward()
    assert torch.isfinite(total)
    assert codes.image.grad is not None
    assert torch.isfinite(codes.image.grad).all()


@pytest.mark.parametrize("name", LEARNERS)
def test_a_method_that_takes_back_a_state_goes_on_as_the_other_would(name: str) -> None:
    (method, heads), (other, _) = made(name), made(name)
    method.on_epoch_start(40, lambda: encoded(heads), labelled(N_TRAIN).given_labels)
    with torch.no_grad():
        for parameter in method.parameters():
            parameter.add_(0.25)
    other.load_state({key: tensor.clone() for key, tensor in method.state().items()})
    batch, codes = batch_and_codes(5, 8, unit_norm=heads["image"].unit_norm)
    assert {key: term.item() for key, term in method.loss_terms(batch, codes).items()} == {
        key: term.item() for key, term in other.loss_terms(batch, codes).items()
    }


@pytest.mark.parametrize("name", METHODS)
def test_every_method_goes_the_whole_way_from_features_to_a_bundle(name: str, tmp_path: Path) -> None:
    config = small_config("training.epochs=2", method=name)
    run = open_run(tmp_path / "run", config)
    report = run_experiment(config, ClusterData(), run)
    assert report["method"] == name
    assert report["epoch"] in ((1, 2) if name in LEARNERS else (0,))
    assert (run.path / "report.md").read_text(encoding="utf-8").startswith(f"# {METHODS[name].title}, 16 bits")
    bundle = export_bundle(run, tmp_path / "bundle")
    assert EncoderBundle.from_pretrained(tmp_path / "bundle").bundle_id == bundle.bundle_id
