"""A run on ready-made features, from a folder of a benchmark's files to a bundle: judged by the same figures, and never served."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.__main__ import main as serve
from model.bundle import EncoderBundle
from model.errors import BundleIncompatible
from tests.feature_folders import WRITERS, small_benchmark, write_benchmark
from tests.pair_folders import rows_of, write_parquet
from tests.training_fixtures import small_classifiers, small_heads, small_manifest
from training.__main__ import main

COUNTS = ["--set", "data.n_query=20", "--set", "data.n_train=100"]
SMALL = ["method.options.image_hidden=[16]", "method.options.text_hidden=[16]", "training.epochs=2", "training.n_bits=16"]
NARROW = [word for override in SMALL for word in ("--set", override)]


class Workplace:
    """A MIRFlickr folder of 160 pairs, a cache and a finished run with the shipped configuration, narrowed."""

    def __init__(self, folder: Path) -> None:
        self.data, self.run, self.cache = folder / "mirflickr", folder / "run", folder / "cache"
        write_benchmark(self.data, "MIRFlickr-25K", small_benchmark(160), WRITERS["v5 compressed"])

    def command(self, name: str, *more: str) -> list[str]:
        return [name, "--data", str(self.data), "--cache-dir", str(self.cache), *COUNTS, *more]

    def train(self, *more: str) -> list[str]:
        return self.command("train", "--config", "configs/mirflickr_scbch_64.toml", "--out", str(self.run), *NARROW, *more)

    def evaluate(self, data: Path) -> list[str]:
        return ["evaluate", "--bundle", str(self.run / "bundle"), "--data", str(data), "--cache-dir", str(self.cache)]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    workplace = Workplace(tmp_path_factory.mktemp("features"))
    assert main(workplace.train()) == 0
    return workplace


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_features_tells_shapes(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(workplace.command("features", "--config", "mirflickr_scbch_64")) == 0
    assert last_line(capsys) == {
        "train": {"image": [100, 12], "text": [100, 10]},
        "query": {"image": [20, 12], "text": [20, 10]},
        "gallery": {"image": [40, 12], "text": [40, 10]},
    }


def test_the_bundle_alone_gives_the_figures_of_the_run(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*workplace.evaluate(workplace.data), *COUNTS, "--json"]) == 0
    found = last_line(capsys)
    assert found == json.loads((workplace.run / "report.json").read_bytes())["evaluation"]
    assert (found["n_query"], found["n_without_relevant"], found["n_database"]) == (19, 1, 140)


def test_the_bundle_says_what_it_was_trained_on(workplace: Workplace) -> None:
    bundle = EncoderBundle.from_pretrained(workplace.run / "bundle")
    spec = bundle.manifest.encoders["text"]
    assert (spec.backbone, spec.preprocessing) == ("feature-file", {"benchmark": "MIRFlickr-25K", "variable": "YAll"})
    assert spec.weights_digest != bundle.manifest.encoders["image"].weights_digest
    assert "cannot encode pictures or texts" in (workplace.run / "bundle" / "README.md").read_text()


def test_changed_features_are_another_run(workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = Workplace(tmp_path)
    write_benchmark(other.data, "MIRFlickr-25K", small_benchmark(160, seed=1))
    other.run = workplace.run
    assert main(other.train()) == 2
    told = capsys.readouterr().err
    for key in ("train.images", "query.images", "gallery.labels"):
        assert f"splits.{key}: there " in told


def test_serving_it_fails_at_start_up_with_one_line(
    workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert serve(["serve", "--bundle", str(workplace.run / "bundle"), "--data-dir", str(tmp_path), "--port", "0"]) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("bitlens: ")]
    assert "trained on ready-made features (MIRFlickr-25K, XAll) and cannot encode pictures or texts" in line
    assert not list(tmp_path.rglob("*.sqlite*"))  # no catalogue is left behind that another bundle would be refused by


def test_encoders_of_it_are_refused(workplace: Workplace) -> None:
    with pytest.raises(BundleIncompatible, match="cannot encode pictures or texts"):
        EncoderBundle.from_pretrained(workplace.run / "bundle").encoders()


@pytest.mark.parametrize(
    ("name", "n_labels", "words"),
    [("NUS-WIDE-21", 5, "'benchmark': 'NUS-WIDE-21'"), ("pictures", 5, "cannot encode pictures or texts")],
)
def test_it_is_not_judged_on_other_data(
    name: str, n_labels: int, words: str, workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if name == "pictures":
        write_parquet(tmp_path / "data", {split: rows_of(split, 3) for split in ("train", "query", "gallery")})
    else:
        write_benchmark(tmp_path / "data", name, small_benchmark(n_labels=n_labels))
    assert main(workplace.evaluate(tmp_path / "data")) == 2
    assert words in capsys.readouterr().err


def test_features_of_another_width_are_refused(workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arrays = small_benchmark(160)
    write_benchmark(tmp_path / "data", "MIRFlickr-25K", arrays | {"text": arrays["text"][:, :9]})
    assert main([*workplace.evaluate(tmp_path / "data"), *COUNTS]) == 2
    assert "the bundle's text head takes 10 features, the data set has 9" in capsys.readouterr().err


def test_a_bundle_for_pictures_is_not_judged_on_features(
    workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    EncoderBundle(small_manifest(), small_heads(), small_classifiers()).save_pretrained(tmp_path / "bundle")
    arguments = ["evaluate", "--bundle", str(tmp_path / "bundle"), "--data", str(workplace.data), "--cache-dir", str(tmp_path)]
    assert main([*arguments, *COUNTS]) == 2
    assert "image head was trained on efficientnet-lite0" in capsys.readouterr().err
