from __future__ import annotations

import json
from pathlib import Path

import pytest

from model.calibration import FILE_NAME, Calibration, Estimate
from model.calibration_file import read_calibration, write_calibration
from model.errors import BundleCorrupt, BundleIncompatible
from tests.builders import small_calibration


def test_it_answers_what_precision_to_expect_and_nothing_where_nothing_was_measured() -> None:
    calibration = small_calibration()
    assert calibration.expected_precision(0, "image", "text") == Estimate(0.95, 0.9, 1.0)
    assert calibration.expected_precision(8, "image", "text") == Estimate(0.2, 0.1, 0.3)
    assert calibration.expected_precision(0, "text", "text") is None


@pytest.mark.parametrize(("wanted", "radius"), [(0.0, 8), (0.2, 8), (0.21, 3), (0.95, 1), (0.96, None)])
def test_a_wanted_precision_becomes_the_radius_within_which_every_item_reaches_it(wanted: float, radius: int | None) -> None:
    assert small_calibration().max_distance(wanted, "image", "text") == radius


def test_no_radius_is_known_where_nothing_was_measured() -> None:
    assert small_calibration().max_distance(0.5, "text", "text") is None


def test_for_another_share_of_relevant_items_the_odds_move_by_one_factor() -> None:
    curve = small_calibration().curves["image", "text"]
    rarer = curve.at_base_rate(0.1)
    factor = (0.1 / 0.9) / (0.4 / 0.6)
    for name in ("value", "low"):
        for before, after in zip(getattr(curve, name), getattr(rarer, name), strict=True):
            assert after / (1 - after) == pytest.approx(factor * before / (1 - before))
    assert rarer.high[0] == 1.0
    assert rarer.base_rate == 0.1
    assert rarer.at_base_rate(0.4).value == pytest.approx(curve.value)


def test_it_survives_the_way_through_json() -> None:
    calibration = small_calibration()
    assert Calibration.from_json(calibration.to_json()) == calibration
    assert calibration.to_json() == Calibration.from_json(calibration.to_json()).to_json()


def test_a_bundle_without_one_has_none_and_one_with_it_reads_it(tmp_path: Path) -> None:
    assert read_calibration(tmp_path, "fake", 8) is None
    write_calibration(small_calibration(), tmp_path)
    assert read_calibration(tmp_path, "fake", 8) == small_calibration()
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize(("bundle_id", "n_bits"), [("another", 8), ("fake", 16)])
def test_another_bundles_calibration_is_refused_and_the_way_out_is_named(tmp_path: Path, bundle_id: str, n_bits: int) -> None:
    write_calibration(small_calibration(), tmp_path)
    with pytest.raises(BundleIncompatible, match=r"measured on bundle fake .* delete the file"):
        read_calibration(tmp_path, bundle_id, n_bits)


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(BundleCorrupt, match="cannot be read"):
        read_calibration(tmp_path, "fake", 8)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format_version": 1}', b'{"format_version": 1, "curves": 3}'])
def test_what_is_no_calibration_is_corrupt(content: bytes) -> None:
    with pytest.raises(BundleCorrupt, match=FILE_NAME):
        Calibration.from_json(content)


def test_another_format_is_incompatible() -> None:
    with pytest.raises(BundleIncompatible, match="format 2"):
        Calibration.from_json(b'{"format_version": 2}')


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("value", [0.1, *[0.2] * 8]),  # rises
        ("high", [2.0] * 9),
        ("low", [-0.1] * 9),
        ("value", [0.5] * 8),
        ("value", [0.5] * 8 + [None]),
        ("n_pairs", []),
        ("n_nearest", ["a"] * 9),
    ],
)
def test_damaged_curves_are_corrupt(name: str, numbers: list[object]) -> None:
    raw = json.loads(small_calibration().to_json())
    raw["curves"]["image-text"][name] = numbers
    with pytest.raises(BundleCorrupt, match="damaged"):
        Calibration.from_json(json.dumps(raw).encode())


@pytest.mark.parametrize(("name", "value"), [("kind", "hope"), ("curves", {}), ("n_bits", 16), ("n_bits", "8"), ("measured_on", 1)])
def test_damaged_facts_are_corrupt(name: str, value: object) -> None:
    raw = json.loads(small_calibration().to_json())
    with pytest.raises(BundleCorrupt, match="damaged"):
        Calibration.from_json(json.dumps({**raw, name: value}).encode())
