"""The health of a data set's codes, as a command and in the report of a run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from model.codes import hamming_distances, pack_codes, sign_codes
from tests.feature_folders import small_benchmark, write_benchmark
from tests.training_fixtures import ClusterData, open_run, random_labels, small_config
from training.__main__ import main
from training.experiment import run_experiment
from training.health import measure_health, render_health
from training.ranking_histograms import LabelledCodes

NARROW = ["method.options.image_hidden=[16]", "method.options.text_hidden=[16]", "training.epochs=1", "training.n_bits=16"]


def made_up_codes(n: int = 150) -> LabelledCodes:
    rng = np.random.default_rng(0)
    labels = random_labels(1, n)
    directions = rng.normal(size=(labels.shape[1], 16))
    image, text = ((labels @ directions + rng.normal(0, 1, (n, 16))).astype(np.float32) for _ in range(2))
    return LabelledCodes(image - image.mean(axis=0), text - text.mean(axis=0), labels)


def test_distances_of_relevant_and_irrelevant_pairs_are_those_of_a_slow_loop() -> None:
    codes = made_up_codes(30)
    found = measure_health(codes)["distances"]["image-text"]
    packed = [pack_codes(sign_codes(side)) for side in (codes.image, codes.text)]
    distances, slow = hamming_distances(*packed), np.zeros((2, 17), int)
    for i, j in np.argwhere(~np.eye(30, dtype=bool)):
        slow[int((codes.labels[i] & codes.labels[j]).any()), distances[i, j]] += 1
    assert [found["irrelevant"], found["relevant"]] == slow.tolist()
    assert found["mean_relevant"] == pytest.approx(slow[1] @ np.arange(17) / slow[1].sum())
    assert 0.5 < found["nearer_share"] < 1


def test_where_everything_is_relevant_nothing_is_compared() -> None:
    codes = made_up_codes(20)
    health = measure_health(LabelledCodes(codes.image, codes.text, np.ones_like(codes.labels)))
    assert health["distances"]["text-text"]["nearer_share"] is None
    assert "| text → text | " in render_health(health)
    assert " | – |" in render_health(health)


def test_alarms_come_first_and_a_clean_bill_is_given_in_words() -> None:
    codes = made_up_codes()
    assert render_health(measure_health(codes)).startswith("No alarm.")
    codes.image[:, 3] = 1
    told = render_health(measure_health(codes))
    assert told.startswith("- **images: 15 of 16 bits carry information (1 hardly ever change)**")


def test_it_is_part_of_a_runs_report(tmp_path: Path) -> None:
    config = small_config("training.epochs=1")
    run = open_run(tmp_path, config)
    report = run_experiment(config, ClusterData(), run)
    assert report["health"]["image"]["n_codes"] == 180
    assert "## Code health\n" in (tmp_path / "report.md").read_text()
    assert json.loads((tmp_path / "report.json").read_text())["health"] == report["health"]


def test_the_command_measures_a_bundle_on_a_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_benchmark(tmp_path / "mirflickr", "MIRFlickr-25K", small_benchmark(160))
    data = ["--data", str(tmp_path / "mirflickr"), "--cache-dir", str(tmp_path / "cache"), "--set", "data.n_query=20"]
    data += ["--set", "data.n_train=100"]
    narrow = [word for override in NARROW for word in ("--set", override)]
    assert main(["train", *data, "--config", "mirflickr_scbch_64", "--out", str(tmp_path / "run"), *narrow]) == 0
    capsys.readouterr()
    assert main(["health", *data, "--bundle", str(tmp_path / "run" / "bundle"), "--split", "all"]) == 0
    told = capsys.readouterr().out
    assert "| 16 bits | images | texts |" in told
    found = json.loads(told.splitlines()[-1])
    assert (found["split"], found["image"]["n_codes"]) == ("all", 160)
    assert found.keys() >= {"text", "modality_gap", "alarms", "distances"}
