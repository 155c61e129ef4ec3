"""Distances of dissimilar pairs beside δ: against a loop, in runs with and without a δ, and on other data refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.separation import main, measure_run
from model.errors import ConfigError, DatasetError
from tests.feature_folders import WRITERS, small_benchmark, write_benchmark
from tests.training_fixtures import ClusterData, open_run, small_config
from training.__main__ import main as train_main
from training.checkpoint import read_tensors
from training.coding_bounds import attainable_distance
from training.experiment import run_experiment
from training.export import read_heads
from training.inputs import PairFeatures
from training.run_folder import RunFolder

SMALL = ("training.epochs=1", "training.n_bits=16", "method.options.image_hidden=[16]", "method.options.text_hidden=[16]")


def finished_run(folder: Path, method: str, *overrides: str) -> RunFolder:
    config = small_config("training.epochs=1", *overrides, method=method)
    run = open_run(folder, config)
    run_experiment(config, ClusterData(), run)
    return run


@pytest.fixture(scope="module")
def rmsh(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return finished_run(tmp_path_factory.mktemp("runs") / "rmsh", "rmsh")


def dissimilar_distances(run: RunFolder, train: PairFeatures) -> list[int]:
    heads = read_heads(run)
    with torch.inference_mode():
        image, text = ((heads[name](torch.from_numpy(getattr(train, name))) >= 0).numpy() for name in ("image", "text"))
    n, labels = len(image), train.true_labels
    return sorted(
        int((image[i] != text[j]).sum()) for i in range(n) for j in range(n) if i != j and not (labels[i] & labels[j]).any()
    )


def test_figures_are_those_of_a_loop_over_all_pairs(rmsh: RunFolder) -> None:
    train = ClusterData()("train")
    found, wanted = measure_run(rmsh, train), dissimilar_distances(rmsh, train)
    assert (found.n_dissimilar, found.dissimilar_min) == (len(wanted), wanted[0])
    assert found.dissimilar_p1 == wanted[int(np.ceil(0.01 * len(wanted))) - 1]
    assert found.share_below_delta == sum(each < found.delta for each in wanted) / len(wanted)
    assert (found.method, found.noise_rate, found.n_bits) == ("rmsh", 0.5, 16)


def test_pairs_that_were_learned_from_are_measured_apart(rmsh: RunFolder) -> None:
    train, kept = ClusterData()("train"), read_tensors(rmsh.labels)[0]["train_index"].numpy()
    found = measure_run(rmsh, train)
    wanted = dissimilar_distances(rmsh, PairFeatures(train.image[kept], train.text[kept], train.true_labels[kept]))
    assert len(wanted) < found.n_dissimilar
    assert found.learned_p1 == wanted[int(np.ceil(0.01 * len(wanted))) - 1]
    assert found.learned_keeps_delta is (found.learned_p1 >= found.delta)


def test_rmsh_is_held_to_its_attainable_delta(rmsh: RunFolder) -> None:
    found = measure_run(rmsh, ClusterData()("train"))
    assert found.delta == attainable_distance(16, 6)
    assert found.keeps_delta is (found.dissimilar_p1 >= found.delta)
    assert found.cells()[-3] == ("yes" if found.keeps_delta else "no")


def test_a_configured_delta_counts(tmp_path: Path) -> None:
    found = measure_run(finished_run(tmp_path, "rmsh", "method.options.delta=6"), ClusterData()("train"))
    assert found.delta == 6


def test_other_methods_are_held_to_nothing(tmp_path: Path) -> None:
    found = measure_run(finished_run(tmp_path, "scbch"), ClusterData()("train"))
    assert (found.delta, found.keeps_delta, found.cells()[-1]) == (attainable_distance(16, 6), None, "–")


def test_data_without_dissimilar_pairs_is_refused(rmsh: RunFolder) -> None:
    data = ClusterData()
    data.relabel("train", np.ones_like(data.splits["train"].true_labels))
    with pytest.raises(DatasetError, match="none is dissimilar"):
        measure_run(rmsh, data("train"))


def test_a_run_that_is_not_finished_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no finished run"):
        measure_run(open_run(tmp_path, small_config()), ClusterData()("train"))


def test_the_command_prints_a_table_and_json_and_refuses_other_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, other, run = (str(tmp_path / name) for name in ("data", "other", "run"))
    for folder, n in ((data, 160), (other, 150)):
        write_benchmark(Path(folder), "MIRFlickr-25K", small_benchmark(n), WRITERS["v5 compressed"])
    shared = ["--cache-dir", str(tmp_path / "cache")]
    overrides = [word for each in ("data.n_query=20", "data.n_train=100", *SMALL) for word in ("--set", each)]
    assert train_main(["train", "--config", "rmsh", "--data", data, "--out", run, *shared, *overrides]) == 0
    capsys.readouterr()
    assert main([run, run, "--data", data, *shared]) == 0
    *table, last = capsys.readouterr().out.splitlines()
    assert len(table) == 4
    assert {"run": run, "method": "rmsh", "n_bits": 16}.items() <= json.loads(last)[1].items()
    assert main([run, "--data", other, *shared]) == 2
    assert "was trained on other pairs" in capsys.readouterr().err


def test_a_folder_without_a_run_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nothing"), "--data", str(tmp_path)]) == 2
    assert "nothing" in capsys.readouterr().err
