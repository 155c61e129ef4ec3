"""A bundle with graphs is calibrated by the codes that a service gives, and on pairs that have no labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from model.bundle import EncoderBundle
from model.errors import BundleCorrupt, BundleIncompatible, DatasetError
from model.served import ServedBundle
from tests.pair_folders import rows_of, write_parquet
from tests.tiny_bundle import save_tiny_bundle
from training.__main__ import main
from training.bundle_codes import DataSource, encode_data
from training.config import DataSection


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bundle that has graphs, and pairs without labels."""
    place = tmp_path_factory.mktemp("place")
    save_tiny_bundle(place / "bundle", 16)
    write_parquet(
        place / "pairs", {name: rows_of(name, n, labels=None) for name, n in (("train", 2), ("query", 2), ("gallery", 60))}
    )
    return place


def source(place: Path, *, with_labels: bool = False) -> DataSource:
    return DataSource(place / "pairs", DataSection(), place / "cache", with_labels=with_labels)


def test_served_codes_are_those_of_the_graphs_to_the_last_bit(place: Path) -> None:
    served = ServedBundle.open(place / "bundle").encoders()["text"]
    expected = np.concatenate([served.encode([served.prepare(f"gallery text {i}")]) for i in range(60)])
    bundle = EncoderBundle.from_pretrained(place / "bundle")
    found = encode_data(bundle, source(place), ["gallery"], as_served=True)
    on_torch = encode_data(bundle, source(place), ["gallery"])
    np.testing.assert_allclose(found.codes["gallery"].text, expected, atol=1e-5)
    for name in ("image", "text"):
        features, wanted = (getattr(each.features["gallery"], name) for each in (found, on_torch))
        np.testing.assert_allclose(features, wanted, rtol=1e-3, atol=1e-4)
    assert (found.encoders, on_torch.encoders) == ("fp32 graphs", "heads on torch")
    assert (found.codes["gallery"].text != on_torch.codes["gallery"].text).any()  # rounded in another order


def test_partners_need_no_labels(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "calibrate",
        "--bundle",
        str(place / "bundle"),
        "--data",
        str(place / "pairs"),
        "--cache-dir",
        str(place / "cache"),
    ]
    assert main([*arguments, "--in-place", "--kind", "partner", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["measured_on"]["n_queries"], told["measured_on"]["codes"]) == ("partner", 60, "fp32 graphs")
    assert main([*arguments, "--in-place"]) == 2
    assert "no column 'labels'" in capsys.readouterr().err


def test_a_calibrated_bundle_serves_features_and_says_how_familiar_they_are(place: Path) -> None:
    arguments = [
        "calibrate",
        "--bundle",
        str(place / "bundle"),
        "--data",
        str(place / "pairs"),
        "--cache-dir",
        str(place / "cache"),
    ]
    assert main([*arguments, "--out", str(place / "familiar"), "--kind", "partner", "--json"]) == 0
    bundle = ServedBundle.open(place / "familiar")
    assert bundle.calibration is not None
    encoder = bundle.encoders(shown=bundle.calibration.feature_values)["text"]
    prepared = [encoder.prepare(text) for text in ("gallery text 7", "The treaty was signed in the spring.")]
    codes, features = encoder.encode_with_features(prepared)
    np.testing.assert_allclose(codes, encoder.encode(prepared), atol=1e-6)
    near, far = bundle.calibration.familiarity["text"].shares(features)
    assert far < 0.02 < near
    with pytest.raises(BundleIncompatible, match="does not show its features"):
        bundle.encoders()["text"].encode_with_features(prepared)


def test_a_value_that_is_not_in_the_graph_is_named(place: Path) -> None:
    with pytest.raises(BundleCorrupt, match=r"text\.onnx of the bundle does not load: .*nothing"):
        ServedBundle.open(place / "bundle").encoders(shown={"text": "nothing" * 30})


def test_who_needs_labels_is_told_that_there_are_none(place: Path) -> None:
    with pytest.raises(DatasetError, match="no column 'labels'"):
        encode_data(EncoderBundle.from_pretrained(place / "bundle"), source(place, with_labels=True))
