"""The epochs of a run: train, validate on given labels, keep the best, survive a kill at any moment.

Decides which epoch is kept and in what order files are written. Does not know methods or data sets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.checkpoint import read_tensors, write_tensors
from training.config import TrainingSection
from training.evaluation import LabelledCodes, evaluate_within
from training.methods.base import LabelledFeatures
from training.run_folder import RunFolder
from training.trainer import Trainer

Progress = Callable[[int, int, float], None]
"""Called after each epoch with its number, the last one's number, and the best validation mAP so far."""


@dataclass(frozen=True, slots=True)
class BestEpoch:
    """The epoch that is kept.

    Attributes:
        epoch: Counted from 1; 0 before the first.
        validation_map: Mean of i2t and t2i among the validation pairs, given labels counting as relevant.
    """

    epoch: int = 0
    validation_map: float = -1.0


def train_epochs(
    trainer: Trainer,
    validation: LabelledFeatures,
    run: RunFolder,
    options: TrainingSection,
    *,
    progress: Progress = lambda *_: None,
) -> BestEpoch:
    """Trains to the last epoch, taking up where the run folder says, and leaves the best epoch's weights in the trainer.

    The best epoch's file is written before the record that names it: a kill in between only makes the epoch be taken again,
    by the same steps.

    Args:
        trainer: Freshly made.
        validation: Pairs that the trainer does not see.
        run: Opened folder.
        options: Last epoch, and the patience after which an earlier one is the last.
        progress: Told of every epoch.

    Returns:
        The epoch that is kept.
    """
    first, best = _resume(trainer, run)
    for epoch in range(first, options.epochs + 1):
        if epoch - best.epoch > options.patience:
            break
        losses = trainer.run_epoch(epoch)
        found = _validate(trainer, validation)
        if found > best.validation_map:
            best = BestEpoch(epoch, found)
            write_tensors(run.best, trainer.weights(), {"epoch": epoch, "heads": trainer.head_facts()})
        run.add_metrics({"epoch": epoch, "validation_map": found, "losses": losses})
        write_tensors(run.last, trainer.state(), {"epoch": epoch, "best_epoch": best.epoch, "best_map": best.validation_map})
        progress(epoch, options.epochs, best.validation_map)
    trainer.load_weights(read_tensors(run.best)[0])
    return best


def _resume(trainer: Trainer, run: RunFolder) -> tuple[int, BestEpoch]:
    """Returns the first epoch to take and the best one so far."""
    if not run.last.exists():
        run.keep_metrics_until(0)
        return 1, BestEpoch()
    tensors, facts = read_tensors(run.last)
    trainer.load_state(tensors)
    run.keep_metrics_until(facts["epoch"])
    return facts["epoch"] + 1, BestEpoch(facts["best_epoch"], facts["best_map"])


def _validate(trainer: Trainer, validation: LabelledFeatures) -> float:
    codes = trainer.encode(validation.image, validation.text)
    labels = validation.given_labels.numpy().astype(np.uint8)
    return evaluate_within(LabelledCodes(codes.image.numpy(), codes.text.numpy(), labels)).mean_map
