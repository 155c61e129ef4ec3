"""Whole runs on features that fall into clusters: they learn, resume to the same bytes, and see nothing they must not see."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model.errors import ConfigError, DatasetError
from tests.training_fixtures import ClusterData, cluster_features, open_run, small_config
from training.checkpoint import read_tensors
from training.config import RunConfig
from training.experiment import encode_pairs, run_experiment
from training.inputs import PairFeatures, make_training_labels
from training.label_noise import add_label_noise
from training.methods.base import RelaxedCodes
from training.run_folder import RunFolder
from training.trainer import ENCODE_ROWS

TRAINED = ("metrics.jsonl", "checkpoints/best.safetensors", "checkpoints/last.safetensors", "labels.safetensors")
ALL_FILES = (*TRAINED, "report.json", "report.md", "config.toml", "run.json")


class Killed(Exception):
    """The process ends here."""


class TornRun(RunFolder):
    """Dies while it appends the figures of one epoch: the best weights are written, the record that names them is not."""

    def __init__(self, path: Path, epoch: int) -> None:
        super().__init__(path)
        self._epoch = epoch

    def add_metrics(self, entry: Mapping[str, Any]) -> None:
        if entry["epoch"] == self._epoch:
            with (self.path / "metrics.jsonl").open("ab") as file:
                file.write(json.dumps(entry).encode()[:25])
            raise Killed
        super().add_metrics(entry)


def train(folder: Path, config: RunConfig | None = None, data: ClusterData | None = None, *, kill_after: int = 0) -> dict[str, Any]:
    def progress(epoch: int, n_epochs: int, best_map: float) -> None:
        if epoch == kill_after:
            raise Killed

    config = config or small_config()
    return run_experiment(config, data or ClusterData(), open_run(folder, config), progress=progress)


def content(folder: Path, names: tuple[str, ...] = ALL_FILES) -> dict[str, bytes]:
    """Returns files' bytes; what an epoch took in seconds is struck out."""
    return {name: re.sub(rb'"seconds": [\d.e-]+', b"", (folder / name).read_bytes()) for name in names}


def maps(folder: Path) -> list[float]:
    return [entry["validation_map"] for entry in RunFolder(folder).metrics()]


SCHEDULED = ("training.average_decay=0.9", "training.schedule=cosine", "training.precision=medium")


@pytest.fixture(scope="module")
def scheduled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run with averages, schedule and rounded products."""
    folder: Path = tmp_path_factory.mktemp("scheduled")
    train(folder, small_config(*SCHEDULED))
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupted."""
    folder: Path = tmp_path_factory.mktemp("whole")
    train(folder)
    return folder


def test_a_run_learns_far_above_chance_though_half_of_the_samples_are_mislabelled(tmp_path: Path) -> None:
    found = train(tmp_path, small_config("training.epochs=15"), ClusterData(n_train=400))["evaluation"]
    assert found["i2t_map"] > found["chance"] + 0.25
    assert found["t2i_map"] > found["chance"] + 0.25
    assert (found["n_query"], found["n_database"], found["n_bits"]) == (40, 460, 16)


def test_the_same_run_twice_gives_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    torch.manual_seed(99)
    train(tmp_path)
    assert content(tmp_path) == content(whole)


@pytest.mark.parametrize("epoch", [1, 2, 4, 6])
def test_a_killed_run_resumes_to_the_same_bytes(whole: Path, tmp_path: Path, epoch: int) -> None:
    with pytest.raises(Killed):
        train(tmp_path, kill_after=epoch)
    assert RunFolder(tmp_path).report() is None
    train(tmp_path)
    assert content(tmp_path) == content(whole)


@pytest.mark.parametrize("epoch", [0, 1, 3, 5, 6])
def test_averages_schedule_and_rounded_products_resume_to_the_same_bytes(scheduled: Path, tmp_path: Path, epoch: int) -> None:
    """Epoch 0: nothing is killed."""
    config = small_config(*SCHEDULED)
    if epoch:
        with pytest.raises(Killed):
            train(tmp_path, config, kill_after=epoch)
    train(tmp_path, config)
    assert content(tmp_path) == content(scheduled)


def test_what_is_kept_and_exported_is_the_average(scheduled: Path) -> None:
    (best, _), (last, facts) = (read_tensors(scheduled / "checkpoints" / f"{name}.safetensors") for name in ("best", "last"))
    assert {name for name in best if name.startswith(("average", "optimizer"))} == set()
    assert any(name.startswith("average.") for name in last)
    raw = {name: tensor for name, tensor in last.items() if name.startswith("heads.")}
    assert facts["best_epoch"] == 6
    assert not any(torch.equal(best[name], tensor) for name, tensor in raw.items())


def test_a_run_killed_between_the_best_weights_and_their_record_resumes_to_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    epoch = 1 + int(np.argmax(maps(whole)))
    assert epoch > 1
    open_run(tmp_path, small_config())
    with pytest.raises(Killed):
        run_experiment(small_config(), ClusterData(), TornRun(tmp_path, epoch))
    best, last = (read_tensors(tmp_path / "checkpoints" / f"{name}.safetensors")[1] for name in ("best", "last"))
    assert (best["epoch"], last["epoch"]) == (epoch, epoch - 1)
    train(tmp_path)
    assert content(tmp_path) == content(whole)


def test_a_run_killed_twice_and_in_its_first_epoch_resumes_to_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    open_run(tmp_path, small_config())
    for epoch in (1, 3):
        with pytest.raises(Killed):
            run_experiment(small_config(), ClusterData(), TornRun(tmp_path, epoch))
    train(tmp_path)
    assert content(tmp_path) == content(whole)


def test_the_kept_epoch_is_the_best_on_validation_and_its_weights_are_what_is_evaluated(whole: Path) -> None:
    report = RunFolder(whole).report()
    assert report is not None
    assert report["epoch"] == 1 + int(np.argmax(maps(whole)))
    assert report["validation_map"] == max(maps(whole))
    assert read_tensors(whole / "checkpoints" / "best.safetensors")[1]["epoch"] == report["epoch"]


def test_a_finished_run_is_left_alone(whole: Path) -> None:
    def nothing(name: str) -> Any:
        raise AssertionError(f"{name} was asked for")

    before, config = content(whole), small_config()
    report = run_experiment(config, nothing, open_run(whole, config))
    assert report == json.loads(before["report.json"])
    assert content(whole) == before


def test_a_folder_of_another_run_is_refused_with_the_key_that_differs(whole: Path) -> None:
    with pytest.raises(ConfigError, match=r"training\.seed: there 123, now 7"):
        train(whole, small_config("training.seed=7"))


def test_patience_ends_a_run_that_gets_no_better_and_a_resumed_one_too(tmp_path: Path) -> None:
    """Steps too small to change a float32: every epoch is as good as the first."""
    config = small_config("training.learning_rate=1e-30", "training.patience=2", "training.weight_decay=0")
    assert train(tmp_path / "whole", config)["epoch"] == 1
    assert len(maps(tmp_path / "whole")) == 3
    with pytest.raises(Killed):
        train(tmp_path / "killed", config, kill_after=3)
    train(tmp_path / "killed", config)
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


@pytest.mark.parametrize(("method", "patience"), [("scbch", 1), ("hero", 8)])
def test_a_run_that_keeps_the_last_epoch_says_so_and_resumes_to_the_same_bytes(tmp_path: Path, method: str, patience: int) -> None:
    config = small_config("training.keep=last", f"training.patience={patience}", "training.epochs=4", method=method)
    report = train(tmp_path / "whole", config)
    assert (report["keep"], report["epoch"], report["validation_map"]) == ("last", 4, maps(tmp_path / "whole")[-1])
    assert "the last epoch (4) was kept" in (tmp_path / "whole" / "report.md").read_text(encoding="utf-8")
    with pytest.raises(Killed):
        train(tmp_path / "killed", config, kill_after=2)
    train(tmp_path / "killed", config)
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


def test_only_given_labels_train_and_choose_the_epoch(tmp_path: Path) -> None:
    """Two labels, one a sample: noise at rate 1 swaps them. Opposite truths with equal given labels must train alike."""
    kind = np.random.default_rng(1).integers(2, size=120)
    truths = {"1.0": np.eye(2, dtype=np.uint8)[kind], "0.0": np.eye(2, dtype=np.uint8)[1 - kind]}
    reports = {}
    for rate, truth in truths.items():
        data = ClusterData()
        for name in data.splits:
            data.relabel(name, truth[: len(data.splits[name].image)])
        reports[rate] = train(tmp_path / rate, small_config(f"noise.rate={rate}"), data)
    assert content(tmp_path / "1.0", TRAINED) == content(tmp_path / "0.0", TRAINED)
    assert reports["1.0"]["epoch"] == reports["0.0"]["epoch"]
    assert (reports["1.0"]["n_changed"], reports["0.0"]["n_changed"]) == (120, 0)


@pytest.mark.parametrize("name", ["query", "gallery"])
def test_neither_query_nor_gallery_have_a_say_in_training(whole: Path, tmp_path: Path, name: str) -> None:
    data = ClusterData()
    data.splits[name] = cluster_features(77, 50)
    report = train(tmp_path, data=data)
    assert content(tmp_path, TRAINED) == content(whole, TRAINED)
    assert report["evaluation"] != json.loads((whole / "report.json").read_bytes())["evaluation"]


def test_query_and_gallery_are_asked_for_only_after_the_epoch_is_chosen(tmp_path: Path) -> None:
    data, config = ClusterData(), small_config()
    run_experiment(config, data, open_run(tmp_path, config), progress=lambda epoch, *_: data.asked.append(str(epoch)))
    assert data.asked == ["train", *"123456", "query", "gallery"]


def test_query_chooses_the_epoch_only_where_it_is_asked_to_and_the_report_says_so(tmp_path: Path) -> None:
    report = train(tmp_path, small_config("training.selection=query"))
    found = [entry["query_map"] for entry in RunFolder(tmp_path).metrics()]
    assert (report["selection"], report["epoch"]) == ("query", 1 + int(np.argmax(found)))
    assert report["query_map"] == report["evaluation"]["mean_map"] == max(found)
    assert (report["n_train"], report["n_validation"], "validation_map" in report) == (120, 0, False)
    assert "was chosen on the query split itself" in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_a_run_judged_by_query_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    config = small_config("training.selection=query")
    train(tmp_path / "whole", config)
    with pytest.raises(Killed):
        train(tmp_path / "killed", config, kill_after=2)
    train(tmp_path / "killed", config)
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


def test_training_and_its_errors_leave_the_process_settings_alone(tmp_path: Path) -> None:
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    config = small_config("training.precision=medium", "training.threads=2", "training.epochs=1")
    with pytest.raises(Killed):
        train(tmp_path, config, kill_after=1)
    train(tmp_path, config)
    assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == before


def test_progress_tells_epoch_last_epoch_and_best_so_far(whole: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int, float]] = []
    config = small_config()
    run_experiment(config, ClusterData(), open_run(tmp_path, config), progress=lambda *facts: told.append(facts))
    assert told == [(epoch, 6, max(maps(whole)[:epoch])) for epoch in range(1, 7)]


def test_given_labels_and_the_cut_are_stored_with_the_run(whole: Path) -> None:
    stored, _ = read_tensors(whole / "labels.safetensors")
    truth = ClusterData().splits["train"].true_labels
    np.testing.assert_array_equal(stored["given_labels"].numpy(), add_label_noise(truth, 0.5, seed=123))
    train_index, validation_index = stored["train_index"].tolist(), stored["validation_index"].tolist()
    assert sorted(train_index + validation_index) == list(range(120))
    assert len(validation_index) == 24
    assert (train_index, validation_index) == (sorted(train_index), sorted(validation_index))


def test_the_report_tells_what_was_done(whole: Path) -> None:
    report = json.loads((whole / "report.json").read_bytes())
    assert (report["method"], report["data"], report["seed"]) == ("scbch", "clusters", 123)
    assert report["selection"] == "validation"
    assert (report["n_train"], report["n_validation"], report["noise_rate"], report["n_changed"]) == (96, 24, 0.5, 60)
    assert 0.5 < report["true_label_share"] < 1
    text = (whole / "report.md").read_text(encoding="utf-8")
    assert f"{report['evaluation']['i2t_map']:.4f}" in text
    assert f"| **{report['epoch']}** | {report['validation_map']:.4f} |" in text


def test_the_cut_depends_on_the_training_seed_and_noise_on_its_own() -> None:
    truth = ClusterData().splits["train"].true_labels
    base, cut, noise = (
        make_training_labels(truth, small_config(*change)) for change in ((), ("training.seed=1",), ("noise.seed=1",))
    )
    assert (base.validation_index.tolist() == noise.validation_index.tolist()) > (
        base.validation_index.tolist() == cut.validation_index.tolist()
    )
    np.testing.assert_array_equal(base.given_labels, cut.given_labels)
    assert (base.given_labels != noise.given_labels).any()


def test_too_few_pairs_to_train_on_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="training split has 1 pairs: too few to train on"):
        train(tmp_path, small_config("training.selection=query"), ClusterData(n_train=1))


@pytest.mark.parametrize("n", [0, 3, 7])
def test_too_few_pairs_to_keep_some_for_validation_are_refused(n: int, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=f"training split has {n} pairs: too few"):
        train(tmp_path, data=ClusterData(n_train=n))


def test_validation_pairs_that_share_no_label_cannot_choose_an_epoch(tmp_path: Path) -> None:
    data = ClusterData(n_train=12)
    data.relabel("train", np.eye(12, dtype=np.uint8))
    with pytest.raises(DatasetError, match="validation"):
        train(tmp_path, small_config("noise.rate=0"), data)


class Doubling:
    """A trainer whose codes are its features doubled; remembers how many pairs it was given at once."""

    def __init__(self) -> None:
        self.n_pairs: list[int] = []

    def encode(self, image_features: torch.Tensor, text_features: torch.Tensor) -> RelaxedCodes:
        self.n_pairs.append(len(image_features))
        return RelaxedCodes(image_features * 2, text_features * 2)


def test_features_mapped_from_disk_are_encoded_a_block_at_a_time(tmp_path: Path) -> None:
    n = ENCODE_ROWS + 5
    np.save(tmp_path / "features.npy", np.random.default_rng(1).standard_normal((n, 3)).astype(np.float32))
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    part, trainer = PairFeatures(mapped, -mapped, np.eye(n, 2, dtype=np.uint8)), Doubling()
    codes = encode_pairs(trainer, part, PairFeatures(mapped[:7], -mapped[:7], part.true_labels[:7]))  # type: ignore[arg-type]
    assert trainer.n_pairs == [ENCODE_ROWS, 5, 7]
    np.testing.assert_array_equal(codes.image, np.concatenate([mapped, mapped[:7]]) * 2)
    np.testing.assert_array_equal(codes.text, -codes.image)
    assert codes.labels.shape == (n + 7, 2)
