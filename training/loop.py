"""The epochs of a run: train, judge, keep the best, survive a kill at any moment.

Decides which epoch is kept and in what order files are written. Does not know methods, data sets, or by what an epoch is judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

from training.alarms import CodeFacts, check_codes
from training.checkpoint import read_tensors, write_tensors
from training.config import TrainingSection
from training.event_log import AddEpoch, event_log
from training.run_folder import RunFolder
from training.trainer import EpochFigures, Trainer


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge says of the trainer's present weights.

    Attributes:
        mean_map: By which epochs are compared, in [0, 1].
        codes: How much of their length the judged codes use.
    """

    mean_map: float
    codes: CodeFacts


Judge = Callable[[Trainer], Verdict]
"""Judges the trainer's present weights."""

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
    by the same steps. A method that learns without epochs is judged once, as epoch 0. Of several processes the main one judges
    and writes, and the others wait for its verdict.

    Args:
        trainer: Freshly made.
        judge: Compares epochs.
        run: Opened folder.
        options: Last epoch, and the patience after which an earlier one is the last: that many epochs without a better one;
            none if the last epoch is kept, whatever the judge says.
        progress: Told of every epoch.

    Returns:
        The epoch that is kept.

    Raises:
        TrainingStopped: If an alarm is to stop training; the epoch's figures are written, its weights are not.
    """
    first, best = _resume(trainer, run)
    events = run.events if options.tensorboard and trainer.processes.is_main else None
    with event_log(events, first_epoch=first) as log:
        record = _Record(trainer, judge, run, options, log)
        if not trainer.method.learns_by_epochs:
            return trainer.processes.from_main(record.add_only)
        for epoch in range(first, options.epochs + 1):
            if epoch - best.epoch > options.patience:
                break
            best = record.take_epoch(epoch, best)
            progress(epoch, options.epochs, best.mean_map)
    trainer.load_weights(read_tensors(run.best)[0])
    return best


@dataclass(frozen=True, slots=True)
class _Record:
    """Takes epochs; judges and writes in the main process only."""

    trainer: Trainer
    judge: Judge
    run: RunFolder
    options: TrainingSection
    log: AddEpoch

    def take_epoch(self, epoch: int, best: BestEpoch) -> BestEpoch:
        started = perf_counter()
        figures = self.trainer.run_epoch(epoch)
        return self.trainer.processes.from_main(lambda: self._add(epoch, figures, best, started))

    def _add(self, epoch: int, figures: EpochFigures, best: BestEpoch, started: float) -> BestEpoch:
        verdict = self.judge(self.trainer)
        if self.options.keep == "last" or verdict.mean_map > best.mean_map:
            best = BestEpoch(epoch, verdict.mean_map)
            self._keep(best)
        self._add_metrics(epoch, verdict, {**asdict(figures), "seconds": perf_counter() - started})
        check_codes(verdict.codes, epoch, self.options)
        facts = {"epoch": epoch, "best_epoch": best.epoch, "best_map": best.mean_map}
        write_tensors(self.run.last, self.trainer.state(), facts)
        return best

    def add_only(self) -> BestEpoch:
        verdict = self.judge(self.trainer)
        best = BestEpoch(0, verdict.mean_map)
        self._keep(best)
        self._add_metrics(0, verdict, {"losses": {}})
        return best

    def _keep(self, best: BestEpoch) -> None:
        write_tensors(self.run.best, self.trainer.weights(), {"epoch": best.epoch, "heads": self.trainer.head_facts()})

    def _add_metrics(self, epoch: int, verdict: Verdict, figures: dict[str, Any]) -> None:
        judged = {f"{self.options.selection}_map": verdict.mean_map, **asdict(verdict.codes)}
        entry = {"epoch": epoch, **judged, **figures}
        self.run.add_metrics(entry)
        self.log(entry)


def _resume(trainer: Trainer, run: RunFolder) -> tuple[int, BestEpoch]:
    """Returns the first epoch to take and the best one so far."""
    tensors, facts = read_tensors(run.last) if run.last.exists() else ({}, {"epoch": 0, "best_epoch": 0, "best_map": -1.0})
    if tensors:
        trainer.load_state(tensors)
    last = facts["epoch"]
    trainer.processes.from_main(lambda: run.keep_metrics_until(last if last else -1))
    return last + 1, BestEpoch(facts["best_epoch"], facts["best_map"])
