"""The loop compares epochs by whatever judges them, and a method without epochs is judged once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from model.errors import TrainingStopped
from tests.training_fixtures import RecordingMethod, labelled, open_run, small_config
from training.alarms import CodeFacts
from training.checkpoint import read_tensors
from training.loop import BestEpoch, Judge, Verdict, train_epochs
from training.trainer import Trainer

FACTS = {
    "epoch",
    "validation_map",
    "losses",
    "grad_norm",
    "learning_rate",
    "seconds",
    "constant_bits",
    "largest_code_share",
}


class FinishedMethod(RecordingMethod):
    """Has learned all it can before the first epoch."""

    learns_by_epochs = False


def judged(*scores: float, share: float = 0.1) -> Judge:
    """Returns a judge that gives one score after another, of codes of which a share is equal."""
    left = list(scores)
    return lambda trainer: Verdict(left.pop(0), CodeFacts(constant_bits=0, largest_code_share=share))


def train(folder: Path, judge: Judge, *overrides: str, method: RecordingMethod | None = None) -> tuple[BestEpoch, list[int]]:
    config = small_config(*overrides)
    run = open_run(folder, config)
    best = train_epochs(Trainer(method or RecordingMethod(), labelled(), config.training), judge, run, config.training)
    return best, [entry["epoch"] for entry in run.metrics()]


def test_the_first_of_equally_good_epochs_is_kept(tmp_path: Path) -> None:
    best, epochs = train(tmp_path, judged(0.1, 0.3, 0.2, 0.3, 0.3, 0.1))
    assert best == BestEpoch(2, 0.3)
    assert epochs == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(("patience", "last"), [(1, 2), (2, 5), (3, 6)])
def test_training_ends_after_so_many_epochs_in_a_row_without_a_better_one(tmp_path: Path, patience: int, last: int) -> None:
    best, epochs = train(tmp_path, judged(0.2, 0.1, 0.3, 0.3, 0.2, 0.4), f"training.patience={patience}")
    assert epochs[-1] == last
    assert best == {2: BestEpoch(1, 0.2), 5: BestEpoch(3, 0.3), 6: BestEpoch(6, 0.4)}[last]


def test_epochs_that_are_worth_nothing_count_as_well(tmp_path: Path) -> None:
    assert train(tmp_path, judged(0.0, 0.0, 0.0), "training.patience=2") == (BestEpoch(1, 0.0), [1, 2, 3])


def test_where_the_last_epoch_is_kept_neither_better_ones_nor_patience_have_a_say(tmp_path: Path) -> None:
    scores = (0.1, 0.5, 0.2, 0.2, 0.1, 0.3)
    best, epochs = train(tmp_path, judged(*scores), "training.keep=last", "training.patience=1")
    assert (best, epochs) == (BestEpoch(6, 0.3), [1, 2, 3, 4, 5, 6])
    (kept, facts), (last, _) = (read_tensors(tmp_path / "checkpoints" / f"{name}.safetensors") for name in ("best", "last"))
    assert facts["epoch"] == 6
    assert all(torch.equal(tensor, last[name]) for name, tensor in kept.items())


def test_a_method_without_epochs_is_judged_once_and_kept_as_epoch_0(tmp_path: Path) -> None:
    method = FinishedMethod()
    best, epochs = train(tmp_path, judged(0.4), method=method)
    assert (best, epochs) == (BestEpoch(0, 0.4), [0])
    assert (method.batches, method.epochs) == ([], [])
    weights, facts = read_tensors(tmp_path / "checkpoints" / "best.safetensors")
    assert facts["epoch"] == 0
    assert "heads.image.layers.0.weight" in weights


def test_a_method_without_epochs_that_was_killed_is_judged_anew(tmp_path: Path) -> None:
    assert train(tmp_path, judged(0.4), method=FinishedMethod()) == train(tmp_path, judged(0.4), method=FinishedMethod())


def test_each_epoch_leaves_its_facts(tmp_path: Path) -> None:
    train(tmp_path, judged(0.1, 0.2), "training.epochs=2")
    for entry in open_run(tmp_path, small_config("training.epochs=2")).metrics():
        assert entry.keys() == FACTS
        assert min(entry["grad_norm"], entry["seconds"]) > 0


def test_collapsed_codes_stop_a_run_and_the_same_run_taken_up_again(tmp_path: Path) -> None:
    """The figures of the epoch that went wrong are written; its weights are not what a resumed run starts from."""
    stop = ("training.alarms=stop", "training.alarm_from_epoch=3")
    with pytest.raises(TrainingStopped, match="epoch 3: codes have collapsed: 60% of them are equal"):
        train(tmp_path, judged(0.1, 0.2, 0.3, share=0.6), *stop)
    run = open_run(tmp_path, small_config(*stop))
    assert [entry["largest_code_share"] for entry in run.metrics()] == [0.6, 0.6, 0.6]
    assert read_tensors(run.last)[1]["epoch"] == 2
    with pytest.raises(TrainingStopped, match="epoch 3"):
        train(tmp_path, judged(0.3, share=0.6), *stop)
