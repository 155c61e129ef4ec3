"""Code lengths side by side: what is measured here, and what comes from finished runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.codes import hamming_distances
from model.errors import ConfigError
from tests.feature_folders import small_benchmark, write_benchmark
from tests.run_records import made_up_report, run_config, write_run
from training.__main__ import main
from training.budget import make_budget, nearest_rows, plot_budget, render_budget, scan_times
from training.bundle_codes import DataSource
from training.config import DataSection


def source_of(tmp_path: Path, name: str = "photos") -> DataSource:
    return DataSource(tmp_path / name, DataSection(), tmp_path / "cache")


def finished_run(path: Path, n_bits: int, value: float, seed: int = 1) -> Path:
    """Returns a run on ``photos`` whose figures are all ``value``."""
    config = run_config(f"training.n_bits={n_bits}", seed=seed)
    report = made_up_report(config, value, data="photos")
    names = ("map_at_50", "precision_radius_2", "empty_radius_2")
    sides = {f"{side}_{name}": value for side in ("i2t", "t2i") for name in names}
    report["evaluation"] = {**report["evaluation"], **sides, "n_bits": n_bits, "mean_map": value}
    return write_run(path, config, report)


@pytest.mark.parametrize("n_bits", [8, 16, 24, 64, 128])
def test_the_timed_scan_finds_the_nearest_rows(n_bits: int) -> None:
    rng = np.random.default_rng(n_bits)
    codes = rng.integers(0, 256, (400, n_bits // 8), dtype=np.uint8)
    query = codes[7:8] ^ np.uint8(1)
    distances = hamming_distances(query, codes)[0]
    assert nearest_rows(query, codes, 10) == sorted(range(400), key=lambda row: (distances[row], row))[:10]
    assert nearest_rows(query, codes[:3], 10) == sorted(range(3), key=lambda row: (distances[row], row))


def test_runs_of_a_length_are_averaged_and_lengths_are_in_order(tmp_path: Path) -> None:
    places = [finished_run(tmp_path / "a", 64, 0.6), finished_run(tmp_path / "b", 16, 0.4)]
    places.append(finished_run(tmp_path / "c", 64, 0.8, seed=2))
    offers = make_budget(places, source_of(tmp_path), n_codes=1000, rounds=3)
    assert [(each.n_bits, each.n_bundles, each.mean_map, each.megabytes) for each in offers] == [
        (16, 1, pytest.approx(0.4), 2),
        (64, 2, pytest.approx(0.7), 8),
    ]
    assert all(each.milliseconds > 0 for each in offers)


def test_times_are_measured_for_each_length() -> None:
    assert scan_times([16, 64], n_codes=2000, rounds=2).keys() == {16, 64}


def test_a_run_on_other_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="evaluated on photos, not on others; give its bundle"):
        make_budget([finished_run(tmp_path / "a", 16, 0.5)], source_of(tmp_path, "others"), n_codes=10, rounds=1)


def test_an_unfinished_run_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "a", run_config(), None)
    with pytest.raises(ConfigError, match="holds no finished run"):
        make_budget([tmp_path / "a"], source_of(tmp_path), n_codes=10, rounds=1)


def test_table_and_plot_show_every_length(tmp_path: Path) -> None:
    places = [finished_run(tmp_path / f"{n_bits}", n_bits, n_bits / 200) for n_bits in (16, 64)]
    offers = [replace(each, milliseconds=1.25) for each in make_budget(places, source_of(tmp_path), n_codes=10, rounds=1)]
    assert "| 16 | 1 | 0.0800 | 0.0800 | 0.0800 | 8.0% | 2 | 1.25 |\n" in render_budget(offers)
    svg = plot_budget(offers)
    assert "64 bits" in svg
    assert svg == plot_budget(offers)


def test_the_command_evaluates_bundles_and_writes_table_and_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_benchmark(tmp_path / "mirflickr", "MIRFlickr-25K", small_benchmark(160))
    counts = ["--set", "data.n_query=20", "--set", "data.n_train=100"]
    data, cache = str(tmp_path / "mirflickr"), ["--cache-dir", str(tmp_path / "cache")]
    narrow = ["method.options.image_hidden=[16]", "method.options.text_hidden=[16]", "training.epochs=1", "training.n_bits=16"]
    sets = [word for override in narrow for word in ("--set", override)]
    run, table = tmp_path / "run", tmp_path / "budget.md"
    assert main(["train", "--data", data, *cache, *counts, *sets, "--config", "mirflickr_scbch_64", "--out", str(run)]) == 0
    capsys.readouterr()
    bundles = ["--bundles", str(run / "bundle"), str(run)]
    assert main(["budget", data, *bundles, *cache, *counts, "--codes", "1000", "--out", str(table)]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [(each["n_bits"], each["n_bundles"]) for each in last["offers"]] == [(16, 2)]
    assert table.read_text().startswith("| bits |")
    assert (tmp_path / "budget.svg").read_text().startswith("<?xml")
