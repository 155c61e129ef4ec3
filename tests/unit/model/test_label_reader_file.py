"""A label reader lies beside the files that make a bundle: it goes along, is refused elsewhere, and changes no identity."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.bundle import EncoderBundle
from model.errors import BundleCorrupt, BundleError, BundleIncompatible
from model.label_reader import LabelReader
from model.label_reader_file import FILE_NAME, read_label_reader, write_label_reader
from model.manifest import MODALITIES
from model.served import ServedBundle
from tests.training_fixtures import small_classifiers, small_heads, small_manifest


def reader(n_bits: int = 16, names: tuple[str, ...] = ("Hund", "Käfer 🐞")) -> LabelReader:
    rng = np.random.default_rng(3)
    weights = {name: rng.normal(size=(n_bits, len(names))).astype(np.float32) for name in MODALITIES}
    biases = {name: rng.normal(size=len(names)).astype(np.float32) for name in MODALITIES}
    return LabelReader(
        names, weights, biases, 0.5, {"on": {"data": "fake"}, "image": {"precision": 0.5}, "text": {"precision": None}}
    )


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
        assert found.probabilities(name, signs) == pytest.approx(wanted.probabilities(name, signs), abs=1e-5)


def test_the_service_reads_it_where_there_is_one(folder: Path) -> None:
    served = ServedBundle.open(folder).label_reader
    assert served is not None
    assert served.names == ("Hund", "Käfer 🐞")
    (folder / FILE_NAME).unlink()
    assert ServedBundle.open(folder).label_reader is None


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


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"label_names": ["one"]}, "is damaged: .*16 bits and 1 labels"),
        ({"weights": {"image": [[1.0]], "text": [[1.0]]}}, "is damaged"),
        ({"biases": {"image": [float("nan"), 0], "text": [0, 0]}}, "not finite"),
        ({"biases": {"image": [0, 0]}}, "is damaged"),
        ({"measured": {"on": {}}}, "figures of"),
        ({"least_probability": "often"}, "is damaged"),
        ({"bundle_id": "another"}, "is one of bundle another"),
        ({"format_version": 2}, "in format 2"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(folder: Path, change: dict[str, Any], told: str) -> None:
    raw = json.loads((folder / FILE_NAME).read_bytes())
    (folder / FILE_NAME).write_text(json.dumps(raw | change))
    with pytest.raises(BundleError, match=told) as refused:
        ServedBundle.open(folder)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"[1]", b"{}", b"\xff"])
def test_what_is_no_label_reader_is_damage(folder: Path, content: bytes) -> None:
    (folder / FILE_NAME).write_bytes(content)
    with pytest.raises(BundleCorrupt, match="cannot be read"):
        read_label_reader(folder, bundle().bundle_id, 16)
