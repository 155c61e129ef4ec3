"""The epochs of a run: train, judge, keep the best, survive a kill at any moment.

Decides which epoch is kept and in what order files are written. Does not know methods, data sets, or by what an epoch is judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from training.checkpoint import read_tensors, write_tensors
from training.config import TrainingSection
from training.run_folder import RunFolder
from training.trainer import Trainer

Judge = Callable[[Trainer], float]
"""Gives the mean mAP by which epochs are compared, of the trainer's present weights."""

Progress = Callable[[int, int, float], None]
"""Called after each epoch with its number, the last one's number, and the best mean mAP so far."""


@dataclass(frozen=True, slots=True)
class BestEpoch:
    """The epoch that is kept.

    Attributes:
        epoch: Counted from 1; 0 before the first, and for methods that learn without epochs.
        mean_map: What the judge said of it, in [0, 1]; −1 before the first.
    """

    epoch: int = 0
    mean_map: float = -1.0


def train_epochs(
    trainer: Trainer, judge: Judge, run: RunFolder, options: TrainingSection, *, progress: Progress = lambda *_: None
) -> BestEpoch:
    """Trains to the last epoch, taking up where the run folder says, and leaves the best epoch's weights in the trainer.

    The best epoch's file is written before the record that names it: a kill in between only makes the epoch be taken again,
    by the same steps. A method that learns without epochs is judged once, as epoch 0.

    Args:
        trainer: Freshly made.
        judge: Compares epochs.
        run: Opened folder.
        options: Last epoch, and the patience after which an earlier one is the last: that many epochs without a better one.
        progress: Told of every epoch.

    Returns:
        The epoch that is kept.
    """
    first, best = _resume(trainer, run)
    if not trainer.method.learns_by_epochs:
        return _judge_once(trainer, judge, run, options)
    for epoch in range(first, options.epochs + 1):
        if epoch - best.epoch > options.patience:
            break
        started = perf_counter()
        figures = trainer.run_epoch(epoch)
        found = judge(trainer)
        if found > best.mean_map:
            best = BestEpoch(epoch, found)
            _keep(trainer, run, best)
        facts = {"learning_rate": figures.learning_rate, "grad_norm": figures.grad_norm, "seconds": perf_counter() - started}
        run.add_metrics({"epoch": epoch, f"{options.selection}_map": found, "losses": figures.losses, **facts})
        write_tensors(run.last, trainer.state(), {"epoch": epoch, "best_epoch": best.epoch, "best_map": best.mean_map})
        progress(epoch, options.epochs, best.mean_map)
    trainer.load_weights(read_tensors(run.best)[0])
    return best


def _judge_once(trainer: Trainer, judge: Judge, run: RunFolder, options: TrainingSection) -> BestEpoch:
    best = BestEpoch(0, judge(trainer))
    _keep(trainer, run, best)
    run.add_metrics({"epoch": 0, f"{options.selection}_map": best.mean_map, "losses": {}})
    return best


def _keep(trainer: Trainer, run: RunFolder, best: BestEpoch) -> None:
    write_tensors(run.best, trainer.weights(), {"epoch": best.epoch, "heads": trainer.head_facts()})


def _resume(trainer: Trainer, run: RunFolder) -> tuple[int, BestEpoch]:
    """Returns the first epoch to take and the best one so far."""
    if not run.last.exists():
        run.keep_metrics_until(-1)
        return 1, BestEpoch()
    tensors, facts = read_tensors(run.last)
    trainer.load_state(tensors)
    run.keep_metrics_until(facts["epoch"])
    return facts["epoch"] + 1, BestEpoch(facts["best_epoch"], facts["best_map"])
