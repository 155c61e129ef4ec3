"""The pretrained networks with their real weights: pinned, the same features in any batch, and formulas against loops."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from model.backbones import backbone_names, load_backbone
from model.backbones.base import Backbone
from model.backbones.conse import TOP_CLASSES, ConseBackbone, class_sentences, conse_features
from model.backbones.efficientnet_lite import EfficientNetLite0Backbone, load_network
from model.errors import BackboneError, EmptyText
from model.manifest import Manifest
from model.weights import check_weights, digest_of

BUNDLES = Path(__file__).resolve().parents[2] / "bundles"
SENTENCES = [
    "A dog.",
    "A puppy plays with a ball in the long grass behind the house while the sun goes down.",
    "Stock markets fell.",
]


class StubImages:
    """A network that is certain: of a picture that is a number it says that it shows the class of that number."""

    name, feature_dim, weights_digest = "stub", 1280, "stub digest"

    def __init__(self) -> None:
        self.preprocessing: dict[str, Any] = {}

    def pooled_and_logits(self, prepared: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        logits = np.zeros((len(prepared), 1000), np.float32)
        logits[np.arange(len(prepared)), prepared] = 5000.0
        return np.tile(np.array(prepared, np.float32)[:, None], (1, 1280)), logits


@pytest.fixture(scope="module")
def images() -> EfficientNetLite0Backbone:
    return EfficientNetLite0Backbone()


@pytest.fixture(scope="module")
def texts() -> Backbone:
    return load_backbone("minilm-l6-v2")


def pieces(texts: Backbone) -> list[Any]:
    return [texts.prepare(sentence) for sentence in SENTENCES]


@pytest.fixture(scope="module")
def pictures(images: EfficientNetLite0Backbone) -> list[np.ndarray]:
    """Five prepared pictures: smooth noise, so that features differ."""
    rng = np.random.default_rng(1)
    small = [Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)) for _ in range(5)]
    return [images.prepare(picture.resize((300, 256), Image.Resampling.BICUBIC)) for picture in small]


def conse_by_loop(logits: list[float], class_features: list[list[float]]) -> list[float]:
    """Eq. 2 with the true Z: softmax over all classes, the T likeliest, their weighted mean; then length 1."""
    total = sum(math.exp(z) for z in logits)
    chances = [math.exp(z) / total for z in logits]
    top = sorted(range(len(logits)), key=lambda c: -chances[c])[:TOP_CLASSES]
    z = sum(chances[c] for c in top)
    mixed = [sum(chances[c] / z * class_features[c][d] for c in top) for d in range(len(class_features[0]))]
    length = math.sqrt(sum(value * value for value in mixed))
    return [value / length for value in mixed]


def test_folding_normalisations_changes_no_number_that_matters(
    images: EfficientNetLite0Backbone, pictures: list[np.ndarray]
) -> None:
    with torch.inference_mode():
        pooled, logits = load_network()(torch.from_numpy(np.stack(pictures[:2])))
    found = images.pooled_and_logits(pictures[:2])
    np.testing.assert_allclose(found[0], pooled.numpy(), atol=1e-4)
    np.testing.assert_allclose(found[1], logits.numpy(), atol=1e-4)


@pytest.mark.parametrize("name", ["efficientnet-lite0", "minilm-l6-v2"])
def test_features_have_the_promised_form_also_of_nothing(name: str, pictures: list[np.ndarray]) -> None:
    backbone = load_backbone(name)
    inputs: list[Any] = pictures if name.startswith("eff") else pieces(backbone)
    found = backbone.extract(inputs)
    assert (found.shape, found.dtype) == ((len(inputs), backbone.feature_dim), np.float32)
    assert np.isfinite(found).all()
    assert np.unique(found.round(4), axis=0).shape[0] == len(inputs)
    assert backbone.extract([]).shape == (0, backbone.feature_dim)
    assert backbone.name == name


def test_a_pictures_features_do_not_depend_on_its_batch(images: EfficientNetLite0Backbone, pictures: list[np.ndarray]) -> None:
    together, alone = images.extract(pictures), np.concatenate([images.extract([picture]) for picture in pictures])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_sentences_features_do_not_depend_on_padding(texts: Backbone) -> None:
    together, alone = texts.extract(pieces(texts)), np.concatenate([texts.extract([each]) for each in pieces(texts)])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)


def test_sentences_that_mean_alike_lie_near_each_other(texts: Backbone) -> None:
    dog, puppy, stocks = texts.extract(pieces(texts))
    assert dog @ puppy > dog @ stocks + 0.2


def test_a_long_text_is_cut_and_not_refused(texts: Backbone) -> None:
    np.testing.assert_allclose(*(texts.extract([texts.prepare("dog " * n)]) for n in (300, 2000)), atol=1e-6)


def test_raw_input_is_prepared_as_it_was_for_training(images: EfficientNetLite0Backbone, texts: Backbone) -> None:
    np.testing.assert_array_equal(texts.prepare("  a\n dog "), texts.prepare("a dog"))
    assert images.prepare(Image.new("L", (3, 9))).shape == (3, 224, 224)
    with pytest.raises(EmptyText):
        texts.prepare(" ")


@pytest.mark.parametrize("seed", range(3))
def test_conse_is_its_equation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, class_features = rng.normal(scale=3, size=(4, 30)).astype(np.float32), rng.normal(size=(30, 6)).astype(np.float32)
    found = conse_features(logits, class_features)
    wanted = [conse_by_loop(row, class_features.tolist()) for row in logits.tolist()]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_conse_of_huge_logits_is_the_likeliest_class() -> None:
    logits, class_features = np.zeros((1, 12), np.float32), np.eye(12, dtype=np.float32)
    logits[0, 7] = 5000.0
    np.testing.assert_allclose(conse_features(logits, class_features)[0], class_features[7], atol=1e-6)


def test_the_joined_backbone_is_pooled_features_beside_conse(images: EfficientNetLite0Backbone, pictures: list[np.ndarray]) -> None:
    joined = load_backbone("efficientnet-lite0-conse")
    pooled, found = images.extract(pictures), joined.extract(pictures)
    assert (found.shape, found.dtype) == ((5, 1664), np.float32)
    np.testing.assert_array_equal(found[:, :1280], pooled)
    np.testing.assert_allclose(np.linalg.norm(found[:, 1280:], axis=1), 1.0, atol=1e-5)
    assert joined.extract([]).shape == (0, 1664)


def test_a_certain_picture_means_the_sentence_of_its_class(texts: Backbone) -> None:
    """Also proves that the stored class features are those of the text backbone that is installed."""
    classes = [0, 1, 281, 537, 999]
    found = ConseBackbone(StubImages()).extract(classes)
    sentences = [class_sentences()[c] for c in classes]
    assert sentences[2].startswith("a photo of a ")
    np.testing.assert_array_equal(found[:, 0], classes)
    np.testing.assert_allclose(found[:, 1280:], texts.extract([texts.prepare(sentence) for sentence in sentences]), atol=1e-4)


def test_digests_differ_between_backbones_and_cover_what_they_are_made_of(
    images: EfficientNetLite0Backbone, texts: Backbone
) -> None:
    joined, other = load_backbone("efficientnet-lite0-conse"), ConseBackbone(StubImages())
    digests = [images.weights_digest, texts.weights_digest, joined.weights_digest, other.weights_digest]
    assert len(set(digests)) == 4
    assert {len(digest) for digest in digests} == {64}
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1}) != digest_of({"a": 1, "b": 3})


@pytest.mark.parametrize("folder", sorted(BUNDLES.glob("*/config.json")), ids=lambda path: path.parent.name)
def test_the_backbones_are_those_that_shipped_bundles_were_trained_on(folder: Path) -> None:
    for spec in Manifest.from_json(folder.read_bytes()).encoders.values():
        backbone = load_backbone(spec.backbone)
        assert (backbone.weights_digest, backbone.preprocessing) == (spec.weights_digest, spec.preprocessing)
        assert backbone.feature_dim == spec.feature_dim


def test_the_table_gives_the_same_object_twice(texts: Backbone) -> None:
    assert load_backbone("minilm-l6-v2") is texts
    assert backbone_names() == ["efficientnet-lite0", "efficientnet-lite0-conse", "minilm-l6-v2"]


def test_an_unknown_backbone_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(BackboneError, match=r"unknown backbone 'vgg'; known are efficientnet-lite0, "):
        load_backbone("vgg")


def test_weights_that_are_not_the_pinned_ones_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.pth"
    file.write_bytes(b"other weights")
    with pytest.raises(BackboneError, match=r"model\.pth have sha256 [0-9a-f]{64}, expected 0{64}; reinstall"):
        check_weights(file, "0" * 64)
    assert check_weights(file, hashlib.sha256(b"other weights").hexdigest()) == file


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match=r"gone\.pth cannot be read \(No such file"):
        check_weights(tmp_path / "gone.pth", "0" * 64)
