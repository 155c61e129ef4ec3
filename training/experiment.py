"""One run from configuration to final figures.

Decides the order: labels, epochs, the one look at the query split, the report. Does not know command lines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from training.checkpoint import write_tensors
from training.config import RunConfig
from training.evaluation import LabelledCodes, evaluate
from training.inputs import PairFeatures, TrainingLabels, make_training_labels, select
from training.loop import Progress, train_epochs
from training.methods import METHODS
from training.report import render_report
from training.run_folder import RunFolder
from training.trainer import Trainer

Features = Callable[[str], PairFeatures]
"""Gives the features of ``train``, ``query`` or ``gallery``."""


def run_experiment(
    config: RunConfig, features: Features, run: RunFolder, *, progress: Progress = lambda *_: None
) -> dict[str, Any]:
    """Trains, evaluates and reports; takes an interrupted run up again, and leaves a finished one alone.

    Args:
        config: Resolved configuration.
        features: Gives the splits' features; ``query`` and ``gallery`` are asked for only after the epoch is chosen.
        run: Opened folder.
        progress: Told of every epoch.

    Returns:
        The final figures, JSON-able.

    Raises:
        DatasetError: If the training split is too small.
    """
    finished = run.report()
    if finished is not None:
        return finished
    torch.set_num_threads(config.training.threads)
    train = features("train")
    labels = make_training_labels(train.true_labels, config)
    _store_labels(labels, run)
    n_labels = train.true_labels.shape[1]
    method = METHODS[config.method.name].create(config.method.checked_options(), n_train=len(labels.train_index), n_labels=n_labels)
    trainer = Trainer(method, select(train, labels.given_labels, labels.train_index), config.training)
    validation = select(train, labels.given_labels, labels.validation_index)
    best = train_epochs(trainer, validation, run, config.training, progress=progress)
    query, database = _encode_pairs(trainer, features("query")), _encode_pairs(trainer, train, features("gallery"))
    found = evaluate(query, database, label_names=run.facts()["label_names"])
    report = {
        "method": config.method.name,
        "data": run.facts()["data"],
        "seed": config.training.seed,
        "epoch": best.epoch,
        "validation_map": best.validation_map,
        "evaluation": found.as_dict(),
        "curves": found.curves(),
        **_noise_facts(train, labels, config),
    }
    run.write_report(report, render_report(report, run.metrics()))
    return report


def _encode_pairs(trainer: Trainer, *parts: PairFeatures) -> LabelledCodes:
    codes = [trainer.encode(torch.from_numpy(np.array(part.image)), torch.from_numpy(np.array(part.text))) for part in parts]
    return LabelledCodes(
        image=np.concatenate([code.image.numpy() for code in codes]),
        text=np.concatenate([code.text.numpy() for code in codes]),
        labels=np.concatenate([part.true_labels for part in parts]),
    )


def _store_labels(labels: TrainingLabels, run: RunFolder) -> None:
    tensors = {
        "given_labels": torch.from_numpy(labels.given_labels),
        "train_index": torch.from_numpy(labels.train_index),
        "validation_index": torch.from_numpy(labels.validation_index),
    }
    write_tensors(run.labels, tensors, {})


def _noise_facts(train: PairFeatures, labels: TrainingLabels, config: RunConfig) -> dict[str, Any]:
    changed = (labels.given_labels != train.true_labels).any(axis=1)
    kept = (labels.given_labels & train.true_labels).sum() / train.true_labels.sum()
    return {
        "n_train": len(labels.train_index),
        "n_validation": len(labels.validation_index),
        "noise_rate": config.noise.rate,
        "n_changed": int(changed.sum()),
        "true_label_share": float(kept),
    }
