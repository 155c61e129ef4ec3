"""CLIP and SigLIP checkpoints of the hub as backbones: their features, their graphs, and from pairs to a served bundle."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModel, AutoProcessor

from model.backbones import load_backbone
from model.backbones.checkpoint import CheckpointImages, CheckpointTexts, open_checkpoint
from model.bundle import EncoderBundle
from model.errors import BackboneError, BundleCorrupt, EmptyText
from model.hash_encoder import HashEncoder
from model.served import ServedBundle
from tests.fake_hub import FakeHub, ask_hub, running_hub
from tests.pair_folders import rows_of, write_image_folder
from tests.tiny_bundle import save_tiny_bundle
from tests.tiny_checkpoints import save_tiny_clip, save_tiny_siglip
from training.__main__ import main
from training.graph_export import Samples, add_graphs

NAMES = ("clip:ada/clip", "clip:ada/old-clip", "siglip:ada/siglip")
TEXTS = ["a dog", "A photo of two dogs, and a cat!", "dog " * 30, "é"]


class Place:
    """A hub with checkpoints on the loopback, and its cache."""

    def __init__(self, hub: FakeHub, folder: Path) -> None:
        self.hub, self.folder, self.cache = hub, folder, folder / "cache"
        self.checkpoints = {
            "ada/clip": save_tiny_clip(folder / "clip"),
            "ada/old-clip": save_tiny_clip(folder / "old-clip", eos_token_id=2),
            "ada/siglip": save_tiny_siglip(folder / "siglip"),
        }
        self.commits = {name: hub.publish(name, checkpoint) for name, checkpoint in self.checkpoints.items()}

    def bundle(self, name: str) -> Path:
        kind = name.partition("/")[2]
        target = self.folder / f"{kind}-bundle"
        return target if target.exists() else save_tiny_bundle(target, 16, {"image": name, "text": name})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("checkpoints")
    with running_hub() as hub, pytest.MonkeyPatch.context() as patch:
        ask_hub(hub.endpoint, folder / "cache", patch)
        yield Place(hub, folder)


def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(5)
    sizes = ((40, 90, 3), (77, 33, 3), (32, 32, 3), (20, 25, 3))
    return [Image.fromarray(rng.integers(0, 256, size, np.uint8)) for size in sizes]


def unit(output: Any) -> np.ndarray:
    found: np.ndarray = torch.nn.functional.normalize(output.pooler_output, dim=1).numpy()
    return found


@pytest.mark.parametrize("name", NAMES)
def test_features_of_pictures_are_those_of_processor_and_network(place: Place, name: str) -> None:
    folder, backbone = place.checkpoints[name.partition(":")[2]], load_backbone(name, "image")
    inputs = AutoProcessor.from_pretrained(folder)(images=pictures(), return_tensors="pt")
    with torch.inference_mode():
        wanted = unit(AutoModel.from_pretrained(folder).get_image_features(**inputs))
    found = backbone.extract([backbone.prepare(each) for each in pictures()])
    assert np.allclose(found, wanted, atol=1e-5)
    assert found.shape == (4, backbone.feature_dim)


@pytest.mark.parametrize("name", NAMES)
def test_features_of_texts_are_those_of_processor_and_network(place: Place, name: str) -> None:
    folder, backbone = place.checkpoints[name.partition(":")[2]], load_backbone(name, "text")
    padding = "max_length" if name.startswith("siglip") else True
    inputs = AutoProcessor.from_pretrained(folder)(text=TEXTS, padding=padding, truncation=True, return_tensors="pt")
    kept = {"input_ids": inputs["input_ids"]} if name.startswith("siglip") else inputs
    with torch.inference_mode():
        wanted = unit(AutoModel.from_pretrained(folder).get_text_features(**kept))
    found = backbone.extract([backbone.prepare(each) for each in TEXTS])
    assert np.allclose(found, wanted, atol=1e-5)
    with pytest.raises(EmptyText):
        backbone.prepare(" ")


def test_a_name_pins_the_commit_and_the_digest_what_features_depend_on(place: Place) -> None:
    clip, old = (load_backbone(name, "text") for name in NAMES[:2])
    assert clip.name == f"clip:ada/clip@{place.commits['ada/clip']}"
    digests = {load_backbone(name, side).weights_digest for name in NAMES for side in ("image", "text")}
    assert len(digests) == 4  # both CLIPs have the same weights and end at the same token
    assert clip.extract([]).shape == (0, clip.feature_dim) == (0, 16)
    assert isinstance(clip, CheckpointTexts)
    assert old.preprocessing["end"] == clip.preprocessing["end"]
    assert load_backbone(clip.name, "text").weights_digest == clip.weights_digest


@pytest.mark.parametrize("name", NAMES)
def test_the_graphs_give_torchs_codes(place: Place, name: str) -> None:
    bundle = EncoderBundle.from_pretrained(place.bundle(name))
    served, on_torch = ServedBundle.open(place.bundle(name)).encoders(), bundle.encoders()
    for modality, raw in (("image", pictures()), ("text", TEXTS)):
        wanted = on_torch[modality].encode([on_torch[modality].prepare(each) for each in raw])
        found = served[modality].encode([served[modality].prepare(each) for each in raw])
        assert np.abs(found - wanted).max() < 1e-4
        alone = served[modality].encode([served[modality].prepare(raw[0])])
        assert np.abs(alone - found[:1]).max() < 1e-5
    assert served["image"].shortest_side == 37
    assert bundle.manifest.comparison["text"]["equal_bits"] == 1.0


def test_eight_bits_are_near(place: Place) -> None:
    bundle = EncoderBundle.from_pretrained(place.bundle(NAMES[0]))
    for modality in ("image", "text"):
        quick = add_graphs(bundle, Samples.made_up(8), int8=True).manifest
        assert quick.graphs["precision"] == "int8"
        assert quick.comparison[modality]["equal_bits"] >= 0.95


def test_a_bundle_holds_no_weights_of_its_checkpoint(place: Place) -> None:
    bundle, weights = place.bundle(NAMES[0]), place.checkpoints["ada/clip"] / "model.safetensors"
    (name,) = json.loads((bundle / "config.json").read_bytes())["graphs"]["weights"]
    assert name == f"ada--clip@{place.commits['ada/clip']}.safetensors"
    assert (bundle / "image.onnx").stat().st_size < weights.stat().st_size / 5
    card = (bundle / "README.md").read_text(encoding="utf-8")
    assert "or are those of a repository of the hub at one commit" in card
    assert f"its backbones (clip:ada/clip@{place.commits['ada/clip']}) can tell apart" in card


def test_weights_that_are_missing_are_fetched_only_where_that_is_asked_for(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place.bundle(NAMES[0])
    ask_hub(place.hub.endpoint, tmp_path, monkeypatch)
    with pytest.raises(BackboneError, match=r"weights of ada/clip are missing: .*fetch them with `hf download ada/clip model.safe"):
        ServedBundle.open(folder).encoders()
    with pytest.raises(BackboneError, match="weights of ada/clip are missing"):
        HashEncoder.from_pretrained(folder, local_files_only=True)
    assert HashEncoder.from_pretrained(folder).encode_texts(TEXTS).shape == (4, 2)
    assert ServedBundle.open(folder).encoders()["text"].n_bits == 16


def test_changed_weights_are_refused(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = place.bundle(NAMES[0])
    shutil.copytree(place.cache, tmp_path / "cache", symlinks=True)
    ask_hub(place.hub.endpoint, tmp_path / "cache", monkeypatch)
    (weights,) = tmp_path.glob("cache/*ada--clip/snapshots/*/model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-4] + b"\1\2\3\4")
    with pytest.raises(BackboneError, match=r"weights model\.safetensors have sha256 .*, expected"):
        ServedBundle.open(folder).encoders()


def test_what_cannot_be_a_backbone_is_told(place: Place) -> None:
    place.hub.history["ada/pickled"] = [{"config.json": b"{}", "pytorch_model.bin": b"\0"}]
    for name, told in (
        ("clip:ada/none", "no such repository on the hub"),
        ("clip:ada/pickled", r"has no model\.safetensors; weights of other forms are not read"),
        ("siglip:ada/clip", "the repository's network is clip, not siglip"),
        ("clip:ada/clip@v9", "the repository has no revision 'v9'"),
        ("clip:what", "no backbone of the hub: clip:owner/name"),
    ):
        with pytest.raises(BackboneError, match=told):
            open_checkpoint(name)


def test_a_checkpoint_without_one_file_of_words_has_pictures_only(place: Place) -> None:
    place.hub.history["ada/wordless"] = [dict(place.hub.history["ada/siglip"][-1])]
    del place.hub.history["ada/wordless"][-1]["tokenizer.json"]
    assert CheckpointImages(open_checkpoint("siglip:ada/wordless")).feature_dim == 32
    with pytest.raises(BackboneError, match=r"the repository has no tokenizer\.json; for texts take another checkpoint"):
        CheckpointTexts(open_checkpoint("siglip:ada/wordless"))


def test_a_manifest_without_facts_of_the_processor_is_damaged(place: Place, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(place.bundle(NAMES[0]), tmp_path / "copy"))
    manifest = json.loads((copy / "config.json").read_bytes())
    del manifest["encoders"]["image"]["preprocessing"]["resample"]
    (copy / "config.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleCorrupt, match="does not say how input is prepared: resample"):
        ServedBundle.open(copy).encoders()


def test_one_command_trains_heads_on_a_checkpoint_and_its_bundle_is_served_without_torch(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, run = tmp_path / "pairs", tmp_path / "run"
    write_image_folder(data, {"train": rows_of("train", 8), "query": rows_of("query", 2), "gallery": rows_of("gallery", 2)})
    names = [f"features.{side}_backbone=clip:ada/clip" for side in ("image", "text")]
    small = ["training.n_bits=16", "training.epochs=2", "training.batch_size=8", "training.validation_fraction=0.3"]
    settings = [word for each in (*names, *small) for word in ("--set", each)]
    common = ["--data", str(data), "--cache-dir", str(tmp_path / "features")]
    assert main(["train", "--config", "photos", *common, "--out", str(run), *settings]) == 0
    capsys.readouterr()
    assert main(["evaluate", "--bundle", str(run / "bundle"), *common]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["n_bits"] == 16
    assert main(["export", str(run), "--out", str(tmp_path / "again"), *common]) == 0
    lines = [
        "import sys",
        "from model.hash_encoder import HashEncoder",
        f"e = HashEncoder.from_pretrained({str(tmp_path / 'again')!r})",
    ]
    lines += ["print(e.bundle_id, e.encode_texts('a dog').shape)", "assert not {'torch', 'transformers'} & sys.modules.keys()"]
    words = [sys.executable, "-c", "\n".join(lines)]
    environment = {**os.environ, "HF_HUB_CACHE": str(place.cache), "HF_HUB_OFFLINE": "1"}
    ended = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout.split() == [EncoderBundle.from_pretrained(run / "bundle").bundle_id, "(1,", "2)"], ended.stderr
