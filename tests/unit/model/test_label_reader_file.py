"""A label reader lies beside the files that make a bundle: it goes along, is refused elsewhere, and changes no identity."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from model.bundle import EncoderBundle
from model.errors import BundleCorrupt, BundleIncompatible
from model.label_reader import LabelReader
from model.label_reader_file import FILE_NAME, read_label_reader, write_label_reader
from model.manifest import MODALITIES
from model.served import ServedBundle
from tests.training_fixtures import small_classifiers, small_heads, small_manifest


def reader(n_bits: int = 16, names: tuple[str, ...] = ("Hund", "Käfer 🐞")) -> LabelReader:
    rng = np.random.default_rng(3)
    weights = {name: rng.normal(size=(n_bits, len(names))).astype(np.float32) for name in MODALITIES}
    biases = {name: rng.normal(size=len(names)).astype(np.float32) for name in MODALITIES}
    return LabelReader(names, weights, biases, 0.5, {"on": {"data": "fake"}, "image": {"precision": 0.5}})


def bundle() -> EncoderBundle:
    made = EncoderBundle(small_manifest(), small_heads(), small_classifiers())
    made.label_reader = reader()
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    bundle().save_pretrained(tmp_path / "bundle")
    return tmp_path / "bundle"


def test_what_is_read_is_what_was_written(folder: Path) -> None:
    found, wanted = EncoderBundle.from_pretrained(folder).label_reader, reader()
    assert found is not None
    assert (found.names, found.least_probability, found.measured) == (wanted.names, 0.5, wanted.measured)
    signs = np.ones((1, 16), np.int8)
    for name in MODALITIES:
        assert found.probabilities(name, signs).tolist() == wanted.probabilities(name, signs).tolist()


def test_the_service_takes_it_before_the_classifiers_of_training(folder: Path) -> None:
    served = ServedBundle.open(folder).label_reader()
    assert isinstance(served, LabelReader)
    assert served.names == ("Hund", "Käfer 🐞")
    (folder / FILE_NAME).unlink()
    other = ServedBundle.open(folder).label_reader()
    assert isinstance(other, LabelReader)
    assert (other.names, other.measured) == (small_manifest().label_names, {})


def test_it_is_no_part_of_the_identity(folder: Path) -> None:
    before = EncoderBundle.from_pretrained(folder).bundle_id
    write_label_reader(replace(reader(), least_probability=0.9), folder, before)
    after = EncoderBundle.from_pretrained(folder)
    assert after.bundle_id == before == bundle().bundle_id
    assert after.label_reader is not None
    assert after.label_reader.least_probability == 0.9
    assert not list(folder.glob("*.partial"))


def test_another_bundles_is_refused_and_goes_when_a_bundle_is_written_over_it(folder: Path) -> None:
    with pytest.raises(BundleIncompatible, match=r"is one of bundle .*python -m training labels"):
        read_label_reader(folder, "another", 16)
    EncoderBundle(small_manifest(), small_heads(5), small_classifiers()).save_pretrained(folder)
    assert EncoderBundle.from_pretrained(folder).label_reader is None


def test_a_bundle_that_is_written_again_without_one_keeps_its_own(folder: Path) -> None:
    EncoderBundle(small_manifest(), small_heads(), small_classifiers()).save_pretrained(folder)
    assert EncoderBundle.from_pretrained(folder).label_reader is not None


def test_other_graphs_have_none_until_somebody_knows_better() -> None:
    assert bundle().with_graphs({"image.onnx": b"1"}, {"precision": "int8"}).label_reader is None


def test_damage_is_told_in_one_line(folder: Path, tmp_path: Path) -> None:
    bundle_id = bundle().bundle_id
    write_label_reader(reader(n_bits=8), tmp_path, bundle_id)
    with pytest.raises(BundleCorrupt, match="does not fit 16 bits and 2 labels"):
        read_label_reader(tmp_path, bundle_id, 16)
    save_file(load_file(folder / FILE_NAME), tmp_path / FILE_NAME)  # without its facts
    with pytest.raises(BundleCorrupt, match="cannot be read"):
        read_label_reader(tmp_path, bundle_id, 16)
    (tmp_path / FILE_NAME).write_bytes((folder / FILE_NAME).read_bytes()[:50])
    with pytest.raises(BundleCorrupt, match="cannot be read"):
        read_label_reader(tmp_path, bundle_id, 16)
    shutil.rmtree(folder)
    assert read_label_reader(folder, bundle_id, 16) is None
