"""What labels can be read off a bundle's codes: a logistic layer a modality, learned when the codes are.

The classifiers that methods train along with the codes are no good for that: they see relaxed codes of length 1 and have no bias
(``docs/explanations.md`` has both side by side). Decides what is learned from which pairs, and how it is judged.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from model.bundle import EncoderBundle
from model.codes import Float32, Int8, Int64, UInt8, sign_codes
from model.encoder import encode_features
from model.errors import ConfigError, DatasetError
from model.label_reader import LabelReader
from model.label_reader_file import write_label_reader
from model.manifest import MODALITIES
from training.bundle_codes import DataSource, encode_data
from training.calibrating import label_probabilities
from training.checkpoint import read_tensors
from training.config import RunConfig
from training.inputs import PairFeatures, make_training_labels
from training.run_folder import RunFolder
from training.true_labels import NoiseModel

_log = logging.getLogger(__name__)
_MOST_ROWS = 20_000
_SHRINKAGE = 3.0
"""Of the weights of codes of length 1: of .3, 1, 3 and 10 the one with the least Brier score on validation pairs of coco18."""
_LEAST_PROBABILITY = 0.7
"""From here on, labels said to be shared with first hits are right 80 to 92 times in 100 (``docs/explanations.md``)."""
_N_BINS = 10


@dataclass(frozen=True, slots=True)
class JudgedCodes:
    """Codes of pairs and what is believed of their labels.

    Attributes:
        signs: (N, n_bits) int8 of −1 and +1 by modality.
        label_probabilities: (N, C) float32 in [0, 1].
    """

    signs: dict[str, Int8]
    label_probabilities: Float32

    def rows(self, index: Int64) -> JudgedCodes:
        """Returns some of the pairs.

        Args:
            index: (M,) int64.

        Returns:
            M pairs.
        """
        return JudgedCodes({name: signs[index] for name, signs in self.signs.items()}, self.label_probabilities[index])


def learn_label_reader(train: JudgedCodes, unseen: JudgedCodes, names: tuple[str, ...], on: dict[str, Any]) -> LabelReader:
    """Learns to read labels off codes, and measures how well on other pairs.

    Args:
        train: Pairs to learn from.
        unseen: Pairs to judge by.
        names: C names of labels.
        on: What the data are, JSON-able.

    Returns:
        The reader, with its figures.

    Raises:
        DatasetError: If there are no pairs of either kind.
    """
    if not len(train.label_probabilities) or not len(unseen.label_probabilities):
        raise DatasetError("no pairs to learn from, or none to judge by")
    learned = {name: _learn(signs, train.label_probabilities) for name, signs in train.signs.items()}
    weights, biases = {name: found[0] for name, found in learned.items()}, {name: found[1] for name, found in learned.items()}
    reader = LabelReader(names, weights, biases, _LEAST_PROBABILITY, {})
    facts = {**on, "n_learned": len(train.label_probabilities), "n_judged": len(unseen.label_probabilities)}
    figures = {name: judge_labels(reader, name, unseen) for name in MODALITIES}
    return replace(reader, measured={"on": facts, **figures})


def _learn(signs: Int8, probabilities: Float32) -> tuple[Float32, Float32]:
    """Returns (n_bits, C) weights and (C,) biases with the least Σ BCE(σ(s·W + b), p) + λ/2 · n_bits · ‖W‖²: ridge regression."""
    n_bits, n_labels = signs.shape[1], probabilities.shape[1]
    unit = np.hstack([signs / math.sqrt(n_bits), np.ones((len(signs), 1))])

    def loss(flat: np.ndarray[Any, Any]) -> tuple[float, np.ndarray[Any, Any]]:
        weights = flat.reshape(n_bits + 1, n_labels)
        logits, free = unit @ weights, weights.copy()
        free[-1] = 0.0  # the bias is not shrunk
        slope = unit.T @ (expit(logits) - probabilities) + _SHRINKAGE * free
        entropy = np.logaddexp(0.0, logits) - probabilities * logits
        return float(entropy.sum() + _SHRINKAGE / 2 * (free**2).sum()), slope.ravel()

    found = minimize(loss, np.zeros((n_bits + 1) * n_labels), jac=True, method="L-BFGS-B", options={"maxiter": 300})
    weights = found.x.reshape(n_bits + 1, n_labels).astype(np.float32)
    return weights[:-1] / np.float32(math.sqrt(n_bits)), weights[-1]


def judge_labels(reader: LabelReader, modality: str, unseen: JudgedCodes) -> dict[str, float | None]:
    """Measures what a reader's predictions are worth, over all labels together.

    Args:
        reader: To be judged.
        modality: Whose codes.
        unseen: Pairs that it has not seen.

    Returns:
        ``precision`` and ``recall`` from the least probability on (None without a case), and ``calibration_error``, the expected
        one in ten bins.
    """
    found, wanted = reader.probabilities(modality, unseen.signs[modality]), unseen.label_probabilities
    told = found >= reader.least_probability
    bins = np.minimum((found * _N_BINS).astype(int), _N_BINS - 1)
    gaps = [abs(float((found[bins == i] - wanted[bins == i]).sum())) for i in range(_N_BINS)]
    right = float(wanted[told].sum())
    return {
        "precision": _share(right, float(told.sum())),
        "recall": _share(right, float(wanted.sum())),
        "calibration_error": _share(sum(gaps), float(found.size)),
    }


def read_labels_after_training(run: RunFolder, train: PairFeatures) -> None:
    """Writes a label reader into a finished run's bundle; where it cannot be learned, a warning says why.

    Args:
        run: A finished run with its bundle.
        train: Features of its training split.
    """
    bundle = EncoderBundle.from_pretrained(run.bundle)
    labels, _ = read_tensors(run.labels)
    given, validation = labels["given_labels"].numpy(), labels["validation_index"].numpy()
    on = {"data": run.facts()["data"], "split": "validation", "noise_model": "auto"}
    try:
        if not len(validation):
            raise DatasetError("no pairs were cut for validation to judge by")
        codes = judged_codes(bundle, train, given, (labels["train_index"].numpy(), validation), "auto")
        write_label_reader(learn_label_reader(*codes, bundle.manifest.label_names, on), run.bundle, bundle.bundle_id)
    except DatasetError as error:
        _log.warning("no labels can be read off the bundle's codes: %s", error)


def write_labels(bundle_dir: Path, source: DataSource, config: RunConfig, noise_model: NoiseModel) -> LabelReader:
    """Learns to read a data set's labels off a bundle's codes, from its training split, and writes that into the bundle.

    Args:
        bundle_dir: Folder of the bundle.
        source: The data.
        config: Decides by seed and share which training pairs are kept to judge by: as in the bundle's own run, if it was
            trained on these data.
        noise_model: How given labels may be wrong.

    Returns:
        The reader, with its figures.

    Raises:
        ConfigError: If the bundle has no folder to write into.
        BundleIncompatible: If the bundle cannot encode the data.
        DatasetError: If there are too few pairs.
    """
    if not bundle_dir.is_dir():
        raise ConfigError([f"{bundle_dir}: is no folder to write into"])
    bundle = EncoderBundle.from_pretrained(bundle_dir)
    found = encode_data(bundle, source, ["train"])
    train = found.features["train"]
    cut = make_training_labels(train.true_labels, config, corrections=train.corrections)
    codes = judged_codes(bundle, train, cut.given_labels, (cut.train_index, cut.validation_index), noise_model)
    on = {"data": source.data.resolve().name, "split": "validation", "noise_model": noise_model}
    reader = learn_label_reader(*codes, found.label_names, on)
    write_label_reader(reader, bundle_dir, bundle.bundle_id)
    return reader


def judged_codes(
    bundle: EncoderBundle, train: PairFeatures, given: UInt8, index: tuple[Int64, Int64], noise_model: NoiseModel
) -> tuple[JudgedCodes, JudgedCodes]:
    """Encodes pairs to learn from, as many as are needed, and pairs to judge by.

    Args:
        bundle: Gives the codes.
        train: Features of the training split.
        given: (N, C) uint8 labels that training was given.
        index: Rows to learn from, and rows to judge by.
        noise_model: How given labels may be wrong.

    Returns:
        Both.
    """
    learned = np.random.default_rng(0).permutation(index[0])[:_MOST_ROWS]
    rows = np.concatenate([index[1], learned])
    relaxed = {name: encode_features(bundle.heads[name], np.asarray(getattr(train, name)[rows])) for name in MODALITIES}
    believed = label_probabilities(train, given, rows, noise_model)
    codes = JudgedCodes({name: sign_codes(values) for name, values in relaxed.items()}, believed)
    places = np.arange(len(rows))
    return codes.rows(places[len(index[1]) :]), codes.rows(places[: len(index[1])])


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None
