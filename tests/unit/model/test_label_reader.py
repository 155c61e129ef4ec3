"""Labels are read off codes by what a bundle holds; where it holds nothing, it says why."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from model.codes import sign_codes
from model.errors import BundleCorrupt
from model.label_reader import LabelReader, read_classifiers
from model.manifest import MODALITIES, EncoderSpec, Manifest


def manifest(*, unit_norm=True, names=("dog", "cat")):
    spec = EncoderSpec(backbone="b", weights_digest="0", preprocessing={}, feature_dim=1, hidden_dims=(), unit_norm=unit_norm)
    return Manifest(method="scbch", n_bits=16, label_names=names, encoders=dict.fromkeys(MODALITIES, spec))


def classifiers(n_labels=2, n_bits=16):
    rng = np.random.default_rng(0)
    return {f"classifier.{name}": rng.normal(size=(n_bits, n_labels)).astype(np.float32) for name in MODALITIES}


@pytest.fixture
def file(tmp_path):
    """Returns what writes tensors into a file."""

    def write(tensors):
        save_file(tensors, tmp_path / "model.safetensors")
        return tmp_path / "model.safetensors"

    return write


@pytest.mark.parametrize(("unit_norm", "length"), [(True, 4.0), (False, 1.0)])
def test_probabilities_are_the_logistic_function_of_signs_as_long_as_the_codes_of_training(unit_norm, length, file):
    tensors = classifiers()
    reader = read_classifiers(manifest(unit_norm=unit_norm), file(tensors))
    signs = sign_codes(np.random.default_rng(1).normal(size=(5, 16)))
    for name in MODALITIES:
        found = reader.probabilities(name, signs)
        for i, k in np.ndindex(5, 2):
            logit = sum(signs[i, j] / length * tensors[f"classifier.{name}"][j, k] for j in range(16))
            assert found[i, k] == pytest.approx(1 / (1 + np.exp(-logit)), rel=1e-5)
    assert (reader.names, reader.least_probability) == (("dog", "cat"), 0.7)


def test_large_logits_are_sure_and_no_more():
    huge = {name: np.full((8, 1), 1e6, np.float32) for name in MODALITIES}
    reader = LabelReader(("a",), huge, dict.fromkeys(MODALITIES, np.zeros(1, np.float32)), 0.5)
    signs = np.ones((2, 8), np.int8) * np.array([[1], [-1]], np.int8)
    assert reader.probabilities("image", signs).tolist() == [[1.0], [0.0]]


def test_a_method_without_classifiers_reads_no_labels(file):
    told = read_classifiers(replace(manifest(), method="itq"), file({"image.layers.0.bias": np.zeros(3, np.float32)}))
    assert told == "the method itq of this bundle learns no classifiers of labels"


def test_a_bundle_without_names_reads_no_labels(file):
    assert read_classifiers(manifest(names=()), file(classifiers())) == "this bundle has no names of labels"


@pytest.mark.parametrize("tensors", [classifiers(n_labels=3), classifiers(n_bits=8)])
def test_classifiers_that_do_not_fit_are_damage(tensors, file):
    with pytest.raises(BundleCorrupt, match=r"model\.safetensors.*has shape"):
        read_classifiers(manifest(), file(tensors))


def test_a_file_that_is_damaged_or_gone_is_told_as_that(tmp_path):
    (tmp_path / "damaged").write_bytes(b"not tensors")
    for name in ("damaged", "gone"):
        with pytest.raises(BundleCorrupt, match="cannot be read"):
            read_classifiers(manifest(), tmp_path / name)
