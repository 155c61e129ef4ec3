"""Labels are learned off codes, judged by pairs not learned from, after training and by a command."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path

import numpy as np
import pytest

from model.bundle import EncoderBundle
from model.codes import Float32, Int8
from model.errors import DatasetError
from model.label_reader import LabelReader
from model.label_reader_file import FILE_NAME, read_label_reader
from model.manifest import MODALITIES
from tests.feature_folders import small_benchmark, write_benchmark
from training.__main__ import main
from training.label_reading import JudgedCodes, _learn, judge_labels, learn_label_reader

SMALL = ["method.options.image_hidden=[16]", "method.options.text_hidden=[16]", "training.epochs=2", "training.n_bits=16"]
COUNTS = ["--set", "data.n_query=20", "--set", "data.n_train=400"]
CUT = ["training.selection=validation", "training.validation_fraction=0.25"]


def made_up(seed: int, n: int = 300) -> JudgedCodes:
    """Returns codes of 16 bits: label 0 is bit 3, label 1 is bit 5 with every tenth the other way round, label 2 is chance."""
    rng = np.random.default_rng(seed)
    signs = rng.choice(np.array([-1, 1], np.int8), (n, 16))
    labels = np.stack([signs[:, 3] > 0, (signs[:, 5] > 0) ^ (np.arange(n) % 10 == 0), rng.random(n) < 0.3], axis=1)
    return JudgedCodes(dict.fromkeys(MODALITIES, signs), labels.astype(np.float32))


@pytest.fixture(scope="module")
def reader() -> LabelReader:
    return learn_label_reader(made_up(1), made_up(2), ("a", "b", "c"), {"data": "made up"})


def loss_by_loops(signs: Int8, wanted: Float32, weights: Float32, biases: Float32) -> float:
    """Writes Σ BCE(σ(s·W + b), p) + λ/2 · n_bits · ‖W‖² out, λ = 3."""
    total = 3 / 2 * 16 * sum(float(w) ** 2 for w in weights.ravel())
    for code, probabilities in zip(signs, wanted, strict=True):
        for label, probability in enumerate(probabilities):
            logit = sum(float(s) * float(w) for s, w in zip(code, weights[:, label], strict=True)) + float(biases[label])
            p = 1 / (1 + math.exp(-logit))
            total -= float(probability) * math.log(p) + (1 - float(probability)) * math.log(1 - p)
    return total


def test_what_is_learned_has_the_least_loss() -> None:
    codes = made_up(4, 40)
    codes.label_probabilities[0] = [0.25, 0.5, 0.75]  # beliefs, not only labels
    signs, wanted = codes.signs["image"], codes.label_probabilities
    weights, biases = _learn(signs, wanted)
    least = loss_by_loops(signs, wanted, weights, biases)
    rng = np.random.default_rng(0)
    for _ in range(5):
        other = weights + rng.normal(scale=0.02, size=weights.shape), biases + rng.normal(scale=0.02, size=biases.shape)
        assert loss_by_loops(signs, wanted, *other) > least


def test_labels_that_stand_in_the_codes_are_read_and_chance_is_not(reader: LabelReader) -> None:
    unseen = made_up(3)
    found = reader.probabilities("image", unseen.signs["image"])
    told = (found >= reader.least_probability) == (unseen.label_probabilities > 0)
    assert told[:, 0].all()
    assert told[:, 1].mean() == pytest.approx(0.9, abs=0.03)
    assert found[:, 2].mean() == pytest.approx(0.3, abs=0.05)
    assert reader.measured["on"] == {"data": "made up", "n_learned": 300, "n_judged": 300}


def test_figures_are_counted_over_all_labels(reader: LabelReader) -> None:
    unseen = made_up(5, 50)
    found, wanted = reader.probabilities("text", unseen.signs["text"]), unseen.label_probabilities
    pairs = [(float(p), float(y)) for p, y in zip(found.ravel(), wanted.ravel(), strict=True)]
    told = [y for p, y in pairs if p >= reader.least_probability]
    gaps = [sum(p - y for p, y in pairs if i / 10 <= p < (i + 1) / 10 or p == i + 1 == 10) for i in range(10)]
    figures = judge_labels(reader, "text", unseen)
    assert figures["precision"] == pytest.approx(sum(told) / len(told), abs=1e-4)
    assert figures["recall"] == pytest.approx(sum(told) / sum(y for _, y in pairs), abs=1e-4)
    assert figures["calibration_error"] == pytest.approx(sum(map(abs, gaps)) / len(pairs), abs=1e-4)


def test_nothing_predicted_and_nothing_there_have_no_figures(reader: LabelReader) -> None:
    nobody = LabelReader(reader.names, reader.weights, reader.biases, 1.1, {})
    codes = made_up(6, 10)
    assert judge_labels(nobody, "image", codes)["precision"] is None
    assert judge_labels(nobody, "image", JudgedCodes(codes.signs, codes.label_probabilities * 0))["recall"] is None


def test_without_pairs_nothing_is_learned() -> None:
    codes = made_up(1)
    with pytest.raises(DatasetError, match="none to judge by"):
        learn_label_reader(codes, codes.rows(np.arange(0)), ("a", "b", "c"), {})


class Workplace:
    """A MIRFlickr folder of 600 pairs, a cache and a finished run."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.data, self.run, self.cache = folder / "mirflickr", folder / "run", folder / "cache"
        self.bundle = self.run / "bundle"
        write_benchmark(self.data, "MIRFlickr-25K", small_benchmark(600))
        narrow = [word for override in (*SMALL, *more) for word in ("--set", override)]
        assert main(self.command("train", "--config", "mirflickr_scbch_64", "--out", str(self.run), *narrow)) == 0

    def command(self, name: str, *more: str) -> list[str]:
        return [name, "--data", str(self.data), "--cache-dir", str(self.cache), *COUNTS, *more]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    return Workplace(tmp_path_factory.mktemp("labels"), *CUT)


def test_training_ends_with_a_bundle_whose_labels_can_be_read(workplace: Workplace, tmp_path: Path) -> None:
    bundle = EncoderBundle.from_pretrained(workplace.bundle)
    assert bundle.label_reader is not None
    assert bundle.label_reader.names == bundle.manifest.label_names
    on = bundle.label_reader.measured["on"]
    assert (on["split"], on["n_learned"], on["n_judged"]) == ("validation", 300, 100)
    assert main(["export", str(workplace.run), "--out", str(tmp_path / "copy")]) == 0
    assert (tmp_path / "copy" / FILE_NAME).read_bytes() == (workplace.bundle / FILE_NAME).read_bytes()


def test_the_command_learns_the_same_from_the_same_cut(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    before = EncoderBundle.from_pretrained(workplace.bundle)
    cut = [word for override in CUT for word in ("--set", override)]
    config = ["--config", "mirflickr_scbch_64", *cut]
    assert main(workplace.command("labels", "--bundle", str(workplace.bundle), *config)) == 0
    told, after = json.loads(capsys.readouterr().out.splitlines()[-1]), EncoderBundle.from_pretrained(workplace.bundle)
    assert after.bundle_id == before.bundle_id
    assert after.label_reader is not None
    assert before.label_reader is not None
    assert after.label_reader.measured == before.label_reader.measured == {name: told[name] for name in ("on", *MODALITIES)}
    for name in MODALITIES:
        assert after.label_reader.weights[name] == pytest.approx(before.label_reader.weights[name], abs=1e-4)


def test_a_bundle_of_the_hub_has_no_place_for_labels(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(workplace.command("labels", "--bundle", "owner/name")) == 2
    assert "is no folder to write into" in capsys.readouterr().err


def test_without_validation_pairs_no_labels_are_read_and_a_warning_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        workplace = Workplace(tmp_path, "training.selection=query")
    assert "no labels can be read off the bundle's codes: no pairs were cut for validation" in caplog.text
    assert read_label_reader(workplace.bundle, "", 16) is None
