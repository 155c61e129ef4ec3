"""A bundle gives the same codes before saving and after loading, and whatever is wrong with its folder is told in one line."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import torch as safetensors

from model.bundle import EncoderBundle
from model.codes import pack_codes, sign_codes
from model.errors import BundleCorrupt, BundleError, BundleIncompatible, BundleNotFound
from tests.training_fixtures import FEATURE_DIMS, LABEL_NAMES, small_classifiers, small_heads, small_manifest


def small_bundle(seed: int = 0, **changes: Any) -> EncoderBundle:
    return EncoderBundle(small_manifest(**changes), small_heads(seed), small_classifiers())


def codes_of(bundle: EncoderBundle) -> dict[str, bytes]:
    rng = np.random.default_rng(1)
    features = {name: torch.from_numpy(rng.normal(size=(50, dim)).astype(np.float32)) for name, dim in FEATURE_DIMS.items()}
    with torch.inference_mode():
        return {name: pack_codes(sign_codes(bundle.heads[name](features[name]).numpy())).tobytes() for name in FEATURE_DIMS}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    small_bundle().save_pretrained(tmp_path / "bundle")
    return tmp_path / "bundle"


def rewrite(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes the manifest in place."""
    manifest = json.loads((folder / "config.json").read_bytes())
    change(manifest)
    (folder / "config.json").write_text(json.dumps(manifest))


def replace_weights(folder: Path, weights: bytes) -> None:
    """Puts other bytes in the weights' place and lets the manifest vouch for them."""
    (folder / "model.safetensors").write_bytes(weights)
    rewrite(folder, lambda manifest: manifest["files"].update({"model.safetensors": hashlib.sha256(weights).hexdigest()}))


def test_codes_and_identity_are_the_same_after_loading(folder: Path) -> None:
    saved, loaded = small_bundle(), EncoderBundle.from_pretrained(folder)
    assert codes_of(loaded) == codes_of(saved)
    assert (loaded.bundle_id, loaded.manifest, loaded.n_bits) == (saved.bundle_id, saved.manifest, 16)
    assert {name: head.training for name, head in loaded.heads.items()} == {"image": False, "text": False}
    for name, classifier in saved.classifiers.items():
        assert torch.equal(loaded.classifiers[name], classifier)


def test_the_folder_holds_three_files_and_no_pickle(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.safetensors", "README.md"}
    content = (folder / "model.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert {entry["dtype"] for name, entry in header.items() if name != "__metadata__"} == {"F32"}
    assert small_bundle().bundle_id in (folder / "README.md").read_text(encoding="utf-8")


def test_saving_again_writes_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    EncoderBundle.from_pretrained(folder).save_pretrained(tmp_path / "again")
    for path in folder.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_an_identity_is_sixteen_hex_digits_and_made_of_nothing_but_content() -> None:
    bundle_id = small_bundle().bundle_id
    assert len(bundle_id) == 16
    assert set(bundle_id) <= set("0123456789abcdef")
    assert bundle_id == small_bundle().bundle_id


def test_whatever_changes_codes_or_meaning_changes_the_identity() -> None:
    specs = small_manifest().encoders
    others = [
        small_bundle(seed=1),
        EncoderBundle(small_manifest(), small_heads(), small_classifiers(seed=2)),
        EncoderBundle(small_manifest(n_bits=24), small_heads(n_bits=24), small_classifiers(n_bits=24)),
        small_bundle(label_names=LABEL_NAMES[::-1]),
        small_bundle(method="rmsh"),
        small_bundle(encoders=specs | {"text": replace(specs["text"], weights_digest="1" * 64)}),
    ]
    assert len({bundle.bundle_id for bundle in [small_bundle(), *others]}) == len(others) + 1


def test_one_changed_weight_changes_the_identity() -> None:
    heads = small_heads()
    with torch.no_grad():
        heads["text"].layers[0].bias[0] += 1e-6
    assert EncoderBundle(small_manifest(), heads, small_classifiers()).bundle_id != small_bundle().bundle_id


def test_the_card_may_be_edited(folder: Path) -> None:
    (folder / "README.md").write_text("my own words")
    (folder / "notes.txt").write_text("a stray file")
    assert EncoderBundle.from_pretrained(folder).bundle_id == small_bundle().bundle_id


def test_weights_in_another_order_are_other_content_and_keep_their_identity(folder: Path, tmp_path: Path) -> None:
    """The identity belongs to the bytes on disk, not to how this version of safetensors would write them today."""
    tensors = safetensors.load((folder / "model.safetensors").read_bytes())
    replace_weights(folder, safetensors.save(tensors, {"written by": "another version"}))
    loaded = EncoderBundle.from_pretrained(folder)
    assert loaded.manifest.files["model.safetensors"] == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    loaded.save_pretrained(tmp_path / "copy")
    assert EncoderBundle.from_pretrained(tmp_path / "copy").bundle_id == loaded.bundle_id != small_bundle().bundle_id


def test_a_bundle_may_lack_classifiers_and_its_card_says_so(folder: Path, tmp_path: Path) -> None:
    bare = EncoderBundle(small_manifest(), small_heads(), {})
    bare.save_pretrained(tmp_path / "bare")
    loaded = EncoderBundle.from_pretrained(tmp_path / "bare")
    assert loaded.classifiers == {}
    assert codes_of(loaded) == codes_of(small_bundle())
    assert loaded.bundle_id == bare.bundle_id != small_bundle().bundle_id
    assert "Only the heads are in `model.safetensors`" in (tmp_path / "bare" / "README.md").read_text(encoding="utf-8")
    assert "Only the heads and two linear label classifiers" in (folder / "README.md").read_text(encoding="utf-8")


def test_one_classifier_without_the_other_is_corrupt(folder: Path) -> None:
    tensors = safetensors.load((folder / "model.safetensors").read_bytes())
    del tensors["classifier.text"]
    replace_weights(folder, safetensors.save(tensors))
    with pytest.raises(BundleCorrupt, match=r"does not fit its manifest: 'classifier\.text'"):
        EncoderBundle.from_pretrained(folder)


@pytest.mark.parametrize("place", [0, 8, 100, -1])
def test_a_flipped_bit_in_the_weights_is_found(folder: Path, place: int) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[place] ^= 1
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(BundleCorrupt, match=r"model\.safetensors .* has sha256 .*, its manifest says"):
        EncoderBundle.from_pretrained(folder)


@pytest.mark.parametrize("length", [0, 4, 500])
def test_truncated_weights_are_found(folder: Path, length: int) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:length])
    with pytest.raises(BundleCorrupt, match="sha256"):
        EncoderBundle.from_pretrained(folder)


@pytest.mark.parametrize("weights", [b"", b"no tensors", b"\xff" * 64, safetensors.save({"image.layers.0.bias": torch.zeros(8)})])
def test_vouched_for_bytes_that_are_not_these_heads_are_corrupt(folder: Path, weights: bytes) -> None:
    replace_weights(folder, weights)
    with pytest.raises(BundleCorrupt, match="does not fit its manifest"):
        EncoderBundle.from_pretrained(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.update(n_bits=32),
        lambda manifest: manifest.update(label_names=["one"]),
        lambda manifest: manifest["encoders"]["image"].update(feature_dim=13),
        lambda manifest: manifest["encoders"]["image"].update(feature_dim=-1),
        lambda manifest: manifest["encoders"]["text"].update(hidden_dims=[8, 8]),
    ],
    ids=["n_bits", "labels", "feature_dim", "negative", "layers"],
)
def test_a_manifest_that_describes_other_heads_is_corrupt(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    rewrite(folder, change)
    with pytest.raises(BundleCorrupt, match="does not fit its manifest"):
        EncoderBundle.from_pretrained(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleCorrupt, match=f"{name} of the bundle in .* cannot be read: No such file"):
        EncoderBundle.from_pretrained(folder)


def test_a_bundle_of_another_format_is_incompatible_not_corrupt(folder: Path) -> None:
    rewrite(folder, lambda manifest: manifest.update(format_version=99))
    with pytest.raises(BundleIncompatible, match="format 99"):
        EncoderBundle.from_pretrained(folder)


def test_a_backbone_with_other_weights_is_incompatible(folder: Path) -> None:
    """The manifest's digests are made up, so no real backbone has them."""
    with pytest.raises(
        BundleIncompatible, match=r"trained on backbone efficientnet-lite0 with digest 000000000000….*not be comparable"
    ):
        EncoderBundle.from_pretrained(folder).encoders()


@pytest.mark.parametrize("name", ["no-such-folder", "owner/no-such-bundle", "/no/such/folder", "a/b/c", "..", "", "what?!"])
def test_where_there_is_no_bundle_one_line_says_so(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep" / "empty").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "empty")
    with pytest.raises(BundleError) as raised:
        EncoderBundle.from_pretrained(name, local_files_only=True)
    assert "\n" not in str(raised.value)
    assert isinstance(raised.value, BundleNotFound) == (name not in {"..", ""})


def test_offline_the_hub_is_not_asked() -> None:
    program = "from model.bundle import EncoderBundle; EncoderBundle.from_pretrained('owner/no-such-bundle')"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines()[-1].startswith("model.errors.BundleNotFound: no bundle at owner/no-such-bundle")
