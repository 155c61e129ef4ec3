"""A bundle is calibrated on what its training did not see, after training and on one's own data."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from model.bundle import EncoderBundle
from model.calibration import FILE_NAME
from model.calibration_file import read_calibration
from tests.feature_folders import small_benchmark, write_benchmark
from tests.training_fixtures import ClusterData, open_run, small_config
from training.__main__ import main
from training.calibrating import calibrate_run, label_probabilities
from training.experiment import run_experiment
from training.run_folder import RunFolder

SMALL = ["method.options.image_hidden=[16]", "method.options.text_hidden=[16]", "training.epochs=2", "training.n_bits=16"]
COUNTS = ["--set", "data.n_query=20", "--set", "data.n_train=400"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    config = small_config("training.epochs=3")
    run = open_run(tmp_path_factory.mktemp("run"), config)
    run_experiment(config, ClusterData(400), run)
    return run


class Workplace:
    """A MIRFlickr folder of 600 pairs, a cache and a finished run."""

    def __init__(self, folder: Path) -> None:
        self.data, self.run, self.cache = folder / "mirflickr", folder / "run", folder / "cache"
        self.bundle = self.run / "bundle"
        write_benchmark(self.data, "MIRFlickr-25K", small_benchmark(600))

    def command(self, name: str, *more: str) -> list[str]:
        return [name, "--data", str(self.data), "--cache-dir", str(self.cache), *COUNTS, *more]

    def train(self, *more: str) -> int:
        narrow = [word for override in (*SMALL, *more) for word in ("--set", override)]
        return main(self.command("train", "--config", "mirflickr_scbch_64", "--out", str(self.run), *narrow))

    def calibrate(self, *more: str) -> int:
        return main(self.command("calibrate", "--bundle", str(self.bundle), *more))


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    workplace = Workplace(tmp_path_factory.mktemp("calibrating"))
    assert workplace.train("training.selection=validation", "training.validation_fraction=0.25") == 0
    return workplace


@pytest.mark.parametrize(("index", "n_items"), [("held-out", 80), ("all", 400)])
def test_a_runs_validation_pairs_ask_and_what_is_searched_can_be_chosen(run: RunFolder, index: str, n_items: int) -> None:
    found = calibrate_run(run, ClusterData(400)("train"), "fake", index=index)  # type: ignore[arg-type]
    assert (found.measured_on["n_queries"], found.measured_on["n_items"]) == (80, n_items)
    assert found.measured_on["queries"] == "validation"
    assert found.bundle_id == "fake"


def test_labels_are_judged_rather_than_believed(run: RunFolder) -> None:
    """Half of the samples have a wrong label: at their word, too few pairs would pass for relevant."""
    data = ClusterData(400)("train")
    rows = np.arange(400)
    given = label_probabilities(data, data.true_labels, rows, "none")
    assert given.tolist() == data.true_labels.tolist()
    believed = label_probabilities(data, data.true_labels, rows[:50], "auto")
    assert believed.shape == (50, 6)
    assert set(np.unique(given)) == {0.0, 1.0}
    assert 0 <= believed.min() <= believed.max() <= 1


def test_training_ends_with_a_calibrated_bundle(workplace: Workplace) -> None:
    bundle = EncoderBundle.from_pretrained(workplace.bundle)
    assert bundle.calibration is not None
    assert bundle.calibration.measured_on["n_queries"] == 100
    assert bundle.calibration.bundle_id == bundle.bundle_id


def test_an_exported_bundle_has_the_runs_calibration(workplace: Workplace, tmp_path: Path) -> None:
    assert main(["export", str(workplace.run), "--out", str(tmp_path / "copy")]) == 0
    assert (tmp_path / "copy" / FILE_NAME).read_bytes() == (workplace.bundle / FILE_NAME).read_bytes()


def test_another_calibration_changes_neither_identity_nor_codes(
    workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, out = EncoderBundle.from_pretrained(workplace.bundle), tmp_path / "copy"
    assert workplace.calibrate("--out", str(out)) == 0
    told, after = capsys.readouterr().out, EncoderBundle.from_pretrained(out)
    assert after.bundle_id == before.bundle_id
    assert after.calibration != before.calibration
    assert after.calibration is not None
    assert after.calibration.measured_on["queries"] == "gallery"
    assert "| distance | expected precision | 95 % | pairs |" in told
    last = json.loads(told.splitlines()[-1])
    assert (last["bundle"], last["measured_on"]["n_queries"]) == (str(out), 180)


def test_in_place_it_replaces_the_calibration_alone(
    workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(workplace.bundle, tmp_path / "bundle")
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != FILE_NAME}
    more = ["--in-place", "--index", "all", "--noise-model", "none", "--json"]
    assert main(workplace.command("calibrate", "--bundle", str(folder), *more)) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    bundle = EncoderBundle.from_pretrained(folder)
    assert bundle.calibration is not None
    assert bundle.calibration.measured_on["n_items"] == 580
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != FILE_NAME} == files


def test_partners_have_their_own_kind(workplace: Workplace, tmp_path: Path) -> None:
    assert workplace.calibrate("--out", str(tmp_path / "copy"), "--kind", "partner") == 0
    bundle = EncoderBundle.from_pretrained(tmp_path / "copy")
    assert bundle.calibration is not None
    assert bundle.calibration.kind == "partner"
    assert bundle.calibration.expected_precision(0, "text", "text") is None


def test_training_pairs_may_not_ask(workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert workplace.calibrate("--out", str(tmp_path / "copy"), "--split", "train") == 2
    assert "the bundle was trained on mirflickr" in capsys.readouterr().err


def test_what_is_there_is_not_overwritten(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    assert workplace.calibrate("--out", str(workplace.bundle)) == 2
    assert "is there already" in capsys.readouterr().err


def test_a_bundle_of_the_hub_has_no_place_to_write_into(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(workplace.command("calibrate", "--bundle", "owner/name", "--in-place")) == 2
    assert "give --out" in capsys.readouterr().err


def test_without_validation_pairs_a_bundle_stays_uncalibrated_and_a_warning_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workplace = Workplace(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert workplace.train("training.selection=query") == 0
    assert "the bundle is not calibrated: no pairs were cut for validation" in caplog.text
    assert read_calibration(workplace.bundle, "", 16) is None
