"""One run from configuration to final figures.

Decides the order: labels, epochs, the one look at the query split, the report; and by what an epoch is judged. Does not know
command lines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from training.alarms import code_facts
from training.checkpoint import write_tensors
from training.compute import torch_settings
from training.config import RunConfig
from training.evaluation import LabelledCodes, evaluate, evaluate_map, evaluate_within
from training.health import measure_health
from training.inputs import PairFeatures, TrainingLabels, make_training_labels, select
from training.loop import Judge, Progress, Verdict, train_epochs
from training.methods import METHODS
from training.methods.base import LabelledFeatures
from training.report import render_report
from training.run_folder import RunFolder
from training.trainer import ENCODE_ROWS, Trainer

Features = Callable[[str], PairFeatures]
"""Gives the features of ``train``, ``query`` or ``gallery``."""


def run_experiment(
    config: RunConfig, features: Features, run: RunFolder, *, progress: Progress = lambda *_: None
) -> dict[str, Any]:
    """Trains, evaluates and reports; takes an interrupted run up again, and leaves a finished one alone.

    Args:
        config: Resolved configuration.
        features: Gives the splits' features; ``query`` and ``gallery`` are asked for only after the epoch is chosen, unless
            the configuration lets the query split choose it.
        run: Opened folder.
        progress: Told of every epoch.

    Returns:
        The final figures, JSON-able.

    Raises:
        ConfigError: If the device cannot compute in the wanted precision.
        DatasetError: If the training split is too small.
    """
    finished = run.report()
    if finished is not None:
        return finished
    with torch_settings(config.training):
        return _run(config, features, run, progress)


def _run(config: RunConfig, features: Features, run: RunFolder, progress: Progress) -> dict[str, Any]:
    train = features("train")
    trainer, labels = make_trainer(config, train)
    from_main = trainer.processes.from_main
    from_main(lambda: _store_labels(labels, run))

    def encode_splits(trainer: Trainer) -> tuple[LabelledCodes, LabelledCodes]:
        return encode_pairs(trainer, features("query")), encode_pairs(trainer, train, features("gallery"))

    if config.training.selection == "query":
        judge = judge_by_query(encode_splits)
    else:
        judge = judge_by_validation(select(train, labels.given_labels, labels.validation_index))
    best = train_epochs(trainer, judge, run, config.training, progress=progress)

    def finish() -> dict[str, Any]:
        query, database = encode_splits(trainer)
        found = evaluate(query, database, label_names=run.facts()["label_names"])
        report = {
            "method": config.method.name,
            "data": run.facts()["data"],
            "seed": config.training.seed,
            "epoch": best.epoch,
            "selection": config.training.selection,
            "keep": config.training.keep,
            f"{config.training.selection}_map": best.mean_map,
            "evaluation": found.as_dict(),
            "curves": found.curves(),
            "health": measure_health(database),
            **_noise_facts(train, labels, config),
        }
        run.write_report(report, render_report(report, run.metrics()))
        return report

    return from_main(finish)


def make_trainer(config: RunConfig, train: PairFeatures) -> tuple[Trainer, TrainingLabels]:
    """Makes a run's trainer and what it may see of the labels; words of captions, if there are such, are for the trainer alone.

    Args:
        config: Resolved configuration.
        train: Features of the training split; no other split is needed.

    Returns:
        Trainer, given labels and validation cut.

    Raises:
        DatasetError: If the training split is too small.
    """
    labels = make_training_labels(train.true_labels, config, corrections=train.corrections)
    learnt = train.caption_words.join(labels.given_labels) if train.caption_words else labels.given_labels
    n_train, n_labels = len(labels.train_index), learnt.shape[1]
    method = METHODS[config.method.name].create(config.method.checked_options(), n_train=n_train, n_labels=n_labels)
    return Trainer(method, select(train, learnt, labels.train_index), config.training), labels


def judge_by_validation(validation: LabelledFeatures) -> Judge:
    """Makes the judge that trusts nothing but given labels: each pair is a query to all others.

    Args:
        validation: V pairs that the trainer does not see.

    Returns:
        Gives the mean of i2t and t2i mAP among them.
    """
    labels = validation.given_labels.numpy().astype(np.uint8)

    def judge(trainer: Trainer) -> Verdict:
        codes = trainer.encode(validation.image, validation.text)
        pairs = LabelledCodes(codes.image.numpy(), codes.text.numpy(), labels)
        return Verdict(evaluate_within(pairs).mean_map, code_facts(pairs.image, pairs.text))

    return judge


def judge_by_query(encode_splits: Callable[[Trainer], tuple[LabelledCodes, LabelledCodes]]) -> Judge:
    """Makes the judge of published tables, which looks at what it must not see: true labels of query and database.

    Args:
        encode_splits: Gives codes of query and database.

    Returns:
        Gives the mean of i2t and t2i mAP of the query split.
    """

    def judge(trainer: Trainer) -> Verdict:
        query, database = encode_splits(trainer)
        return Verdict(evaluate_map(query, database).mean_map, code_facts(database.image, database.text))

    return judge


def encode_pairs(trainer: Trainer, *parts: PairFeatures) -> LabelledCodes:
    """Encodes splits block by block, so that of features mapped from disk no more than a block is ever in memory.

    Args:
        trainer: Encodes.
        *parts: Splits.

    Returns:
        Codes and true labels of all parts, one after another.
    """
    blocks = [
        (part.image[start : start + ENCODE_ROWS], part.text[start : start + ENCODE_ROWS])
        for part in parts
        for start in range(0, len(part.image), ENCODE_ROWS)
    ]
    codes = [trainer.encode(torch.from_numpy(np.array(image)), torch.from_numpy(np.array(text))) for image, text in blocks]
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
        "caption_words": list(train.caption_words.words) if train.caption_words else [],
        "n_corrected": len(train.corrections.rows) if train.corrections else 0,
        "n_changed": int(changed.sum()),
        "true_label_share": float(kept),
    }
