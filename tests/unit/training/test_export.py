"""A finished run becomes a bundle with the same codes and the facts of the run; nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from model.backbones import load_backbone
from model.bundle import EncoderBundle
from model.codes import sign_codes
from model.errors import BundleIncompatible, ConfigError
from model.heads import HashHead
from tests.training_fixtures import FEATURE_DIMS, LABEL_NAMES, ClusterData, open_run, small_config
from training.checkpoint import read_tensors
from training.experiment import run_experiment
from training.export import export_bundle
from training.run_folder import RunFolder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    config = small_config("bundle.origin=made up for tests", "training.epochs=3")
    run = open_run(tmp_path_factory.mktemp("run"), config)
    run_experiment(config, ClusterData(), run)
    return run


@pytest.fixture(scope="module")
def bundle(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> EncoderBundle:
    folder = tmp_path_factory.mktemp("export") / "bundle"
    export_bundle(run, folder)
    return EncoderBundle.from_pretrained(folder)


@pytest.mark.parametrize("modality", ["image", "text"])
def test_codes_are_those_of_the_kept_epoch(run: RunFolder, bundle: EncoderBundle, modality: str) -> None:
    tensors, _ = read_tensors(run.best)
    prefix = f"heads.{modality}."
    head = HashHead(FEATURE_DIMS[modality], [16], 16)
    head.load_state_dict({name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)})
    features = torch.from_numpy(getattr(ClusterData()("query"), modality))
    with torch.inference_mode():
        found, wanted = bundle.heads[modality](features).numpy(), head(features).numpy()
    assert found.tobytes() == wanted.tobytes()
    assert sign_codes(found).tobytes() == sign_codes(wanted).tobytes()
    assert torch.equal(bundle.classifiers[modality], tensors[f"method.classifier.{modality}"])


def test_the_manifest_tells_the_runs_facts(run: RunFolder, bundle: EncoderBundle) -> None:
    manifest, report = bundle.manifest, run.report()
    assert report is not None
    assert (manifest.method, manifest.n_bits, manifest.label_names) == ("scbch", 16, LABEL_NAMES)
    assert manifest.evaluation == report["evaluation"]
    assert manifest.origin == "made up for tests"
    wanted = {
        "method": "SCBCH",
        "data": "clusters",
        "n_train": 96,
        "n_validation": 24,
        "noise_rate": 0.5,
        "seed": 123,
        "epoch": report["epoch"],
    }
    assert wanted.items() <= manifest.training.items()


@pytest.mark.parametrize(("modality", "name"), [("image", "efficientnet-lite0"), ("text", "minilm-l6-v2")])
def test_the_manifest_pins_the_backbones(bundle: EncoderBundle, modality: str, name: str) -> None:
    spec, backbone = bundle.manifest.encoders[modality], load_backbone(name)
    assert (spec.backbone, spec.weights_digest, spec.preprocessing) == (name, backbone.weights_digest, backbone.preprocessing)
    assert (spec.feature_dim, spec.hidden_dims) == (FEATURE_DIMS[modality], (16,))


def test_exporting_again_gives_the_same_identity(run: RunFolder, bundle: EncoderBundle, tmp_path: Path) -> None:
    assert export_bundle(run, tmp_path).bundle_id == bundle.bundle_id


def test_a_method_without_classifiers_becomes_a_bundle_without_them_and_the_card_names_the_method(tmp_path: Path) -> None:
    config = small_config("training.epochs=1", method="rmsh")
    run = open_run(tmp_path / "run", config)
    run_experiment(config, ClusterData(), run)
    export_bundle(run, tmp_path / "bundle")
    assert EncoderBundle.from_pretrained(tmp_path / "bundle").classifiers == {}
    card = (tmp_path / "bundle" / "README.md").read_text(encoding="utf-8")
    assert "# RMSH (reconstructed from the abstract) encoders, 16 bits" in card
    assert "Only the heads are in `model.safetensors`" in card


def test_a_run_that_is_not_finished_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no finished run; `python -m training train` takes it up"):
        export_bundle(open_run(tmp_path, small_config()), tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_a_folder_without_a_run_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no finished run"):
        export_bundle(RunFolder(tmp_path / "nothing"), tmp_path / "bundle")


def test_backbones_that_give_features_of_another_width_are_refused(bundle: EncoderBundle) -> None:
    """The clusters' features have 12 numbers, the named backbone gives 1280: such encoders could not encode anything."""
    with pytest.raises(BundleIncompatible, match="1280"):
        bundle.encoders()
