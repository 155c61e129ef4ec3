"""Settings are compared on training pairs alone, by true labels, and finished runs are not done again."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from bench.validate import main, plan, render, validate
from tests.training_fixtures import ClusterData, open_run, small_config
from training.inputs import PairFeatures


def options(tmp_path: Path, *tried: str) -> Namespace:
    return Namespace(out=tmp_path, config="hero", tried=list(tried), seeds=[1, 2], noise=[0.5], bits=[16, 64])


def test_a_run_never_asks_for_query_or_gallery_and_reports_both_rankings(tmp_path: Path) -> None:
    data, asked = ClusterData(n_train=200), []

    def features(split: str) -> PairFeatures:
        asked.append(split)
        return data(split)

    run = open_run(tmp_path / "run", config := small_config("training.epochs=2", "noise.rate=0.5", method="hero"))
    report = validate(config, features, run)
    assert set(asked) == {"train"}
    assert run.report() == report
    assert 0 < report["among_validation"] <= 1
    assert 10 / 40 < report["partner_recall_at_10"] <= 1  # of 40 validation pairs
    assert report["evaluation"]["mean_map"] == pytest.approx((report["among_validation"] + report["against_train"]) / 2)


def test_settings_have_folders_of_their_own_and_may_be_several(tmp_path: Path) -> None:
    tasks = plan(options(tmp_path, "", "training.epochs=3 training.learning_rate=1e-3"))
    assert len({task.path for task in tasks.values()}) == len(tasks) == 8
    changed = tasks["training.epochs=3 training.learning_rate=1e-3", 0.5, 16, 2].config.training
    assert (changed.epochs, changed.learning_rate, changed.n_bits, changed.seed) == (3, 1e-3, 16, 2)


def test_a_row_holds_both_rankings_averaged_over_seeds() -> None:
    reports = {
        ("", 0.5, 64, seed): {"among_validation": 0.7 + seed / 100, "against_train": 0.8 + seed / 100, "partner_recall_at_10": 0.3}
        for seed in (1, 2, 3)
    } | {("x=1", 0.8, 64, 1): {"among_validation": 0.1, "against_train": 0.2, "partner_recall_at_10": 0.1}}
    table = render(reports)
    assert "| as configured | 0.720 / 0.820 / 0.300 | — | 0.720 / 0.820 / 0.300 |" in table
    assert "| x=1 | — | 0.100 / 0.200 / 0.100 | 0.100 / 0.200 / 0.100 |" in table


def test_a_setting_that_does_not_exist_is_told_before_any_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--try", "training.nothing=1"]) == 2
    assert "training.nothing" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
