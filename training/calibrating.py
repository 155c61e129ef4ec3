"""Which pairs a bundle is calibrated on: those cut from its own run for validation, or those of somebody's own data.

Decides what counts as unseen, and that labels are judged, not believed: relevance is expected under the probabilities that each
given label is true (``training.true_labels``). Does not know how curves are fitted.

Note: taken at their word, labels with half of the samples noisy put the curves 19 points too low (``docs/calibration.md``).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from model.bundle import EncoderBundle
from model.calibration import Calibration, Kind
from model.calibration_file import write_calibration
from model.codes import Float32, Int64, UInt8
from model.encoder import encode_features
from model.errors import ConfigError, DatasetError
from model.manifest import MODALITIES
from training.bundle_codes import DataSource, encode_data
from training.calibration import CalibrationOptions, calibrate
from training.calibration_counts import JudgedPairs, base_rate_of
from training.checkpoint import read_tensors
from training.export import read_heads
from training.familiarity import fit_familiarity
from training.graphs import feature_values
from training.inputs import PairFeatures
from training.methods.base import LabelledFeatures
from training.run_folder import RunFolder
from training.true_labels import NoiseModel, estimate_label_probabilities

_log = logging.getLogger(__name__)
_MOST_JUDGED = 20_000  # rows that a noise model is fitted to
_MOST_ASKED = 2000
Index = Literal["held-out", "all"]
"""What is searched: unseen pairs, as a service meets them, or the training pairs among them, as in published tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationPlan:
    """How a bundle is calibrated on somebody's own data.

    Attributes:
        kind: What is relevant.
        split: Whose pairs ask; ``query`` never does.
        index: What is searched.
        noise_model: How given labels may be wrong; ``none`` takes them at their word.
        seed: Of the draw among many pairs.
        base_rate: Share of relevant items in the index that the curves are for; None for that of the data.
    """

    kind: Kind = "labels"
    split: Literal["gallery", "train"] = "gallery"
    index: Index = "held-out"
    noise_model: NoiseModel = "auto"
    seed: int = 0
    base_rate: float | None = None


def calibrate_after_training(run: RunFolder, train: PairFeatures) -> None:
    """Writes the calibration into a finished run's bundle; where it cannot be made, a warning says why.

    Args:
        run: A finished run with its bundle.
        train: Features of its training split.
    """
    bundle = EncoderBundle.from_pretrained(run.bundle)
    try:
        found = calibrate_run(run, train, bundle.bundle_id)
        write_calibration(found.carried_to(bundle.bundle_id, feature_values(bundle)), run.bundle)
    except DatasetError as error:
        _log.warning("the bundle is not calibrated: %s", error)


def write_calibrated(bundle_dir: Path, source: DataSource, plan: CalibrationPlan, out: Path | None = None) -> Calibration:
    """Measures what a bundle's distances mean on a data set, and writes it into the bundle or a copy.

    Args:
        bundle_dir: Folder of the bundle, or its name on the hub.
        source: The data.
        plan: Who asks, and what is searched.
        out: Folder of the calibrated copy; None to write into the bundle itself.

    Returns:
        The calibration.

    Raises:
        ConfigError: If the bundle has no folder to write into, or ``out`` is there already.
    """
    if out is None and not bundle_dir.is_dir():
        raise ConfigError([f"{bundle_dir}: is no folder to write into; give --out"])
    if out is not None and out.exists():
        raise ConfigError([f"{out}: is there already; choose another --out, or --in-place"])
    bundle = EncoderBundle.from_pretrained(bundle_dir)
    bundle.calibration = calibrate_bundle(bundle, source, plan)
    if out is None:
        write_calibration(bundle.calibration, bundle_dir)
    else:
        bundle.save_pretrained(out)
    return bundle.calibration


def calibrate_run(run: RunFolder, train: PairFeatures, bundle_id: str, *, index: Index = "held-out") -> Calibration:
    """Calibrates a finished run's bundle on the pairs that were cut for validation.

    Args:
        run: A finished run.
        train: Features of its training split.
        bundle_id: Identity of its bundle.
        index: What is searched: the other validation pairs, or all of the training split.

    Returns:
        The calibration.

    Raises:
        DatasetError: If no pairs or too few were cut for validation.
    """
    labels, _ = read_tensors(run.labels)
    validation, given = labels["validation_index"].numpy(), labels["given_labels"].numpy()
    if not len(validation):
        raise DatasetError("no pairs were cut for validation, as the query split chose the epoch; give others by `calibrate`")
    others = np.random.default_rng(0).permutation(labels["train_index"].numpy())
    rows = np.concatenate([validation, others])[: max(_MOST_JUDGED, len(validation))]
    heads = read_heads(run)
    asked = rows if index == "all" else validation
    codes = {name: encode_features(heads[name], np.asarray(getattr(train, name)[asked])) for name in MODALITIES}
    believed = label_probabilities(train, given, rows, "auto")
    pairs = JudgedPairs(codes["image"], codes["text"], believed[: len(asked)], np.arange(len(asked)))
    measured_on = {"data": run.facts()["data"], "queries": "validation", "index": index, "noise_model": "auto"}
    seed, unseen = run.read_config().training.seed, np.arange(len(validation))
    options = CalibrationOptions(seed=seed, base_rate=training_base_rate(believed), measured_on=measured_on)
    found = calibrate(pairs.rows(unseen), pairs, bundle_id, options)
    return replace(found, familiarity={name: fit_familiarity(getattr(train, name)) for name in MODALITIES})


def training_base_rate(believed: Float32) -> float:
    """Returns the share of relevant pairs within a training split: less left to chance than among the few that were cut from it.

    Args:
        believed: (N, C) float32 label probabilities.

    Returns:
        In [0, 1], from at most 2,000 pairs against all others.
    """
    shuffled = believed[np.random.default_rng(0).permutation(len(believed))]
    n_asked = min(_MOST_ASKED, len(believed) // 2)
    return base_rate_of(shuffled[:n_asked], shuffled[n_asked:])


def calibrate_bundle(bundle: EncoderBundle, source: DataSource, plan: CalibrationPlan) -> Calibration:
    """Calibrates a bundle on a data set of one's own, by the codes that are served: those of its graphs, if it has some.

    Partners need no labels: none are read.

    Args:
        bundle: Whose codes.
        source: The data.
        plan: How.

    Returns:
        The calibration.

    Raises:
        BundleIncompatible: If the bundle cannot encode the data.
        ConfigError: If training pairs are to ask that the bundle was trained on.
        DatasetError: If there are too few pairs.
    """
    name = source.data.resolve().name
    if plan.split == "train" and bundle.manifest.training.get("data") == name:
        raise ConfigError([f"the bundle was trained on {name}: its training pairs say nothing of unseen ones; leave --split out"])
    splits = [plan.split, *({"train", "gallery"} - {plan.split} if plan.index == "all" else ())]
    data = encode_data(bundle, replace(source, with_labels=plan.kind != "partner"), splits, as_served=True)
    parts, joined = [data.features[split] for split in splits], data.joined(*splits)
    image, text = (np.concatenate([getattr(part, side) for part in parts]) for side in MODALITIES)
    order = np.arange(len(joined.labels))[: max(_MOST_JUDGED, len(parts[0].true_labels))]
    noise_model: NoiseModel = "none" if plan.kind == "partner" else plan.noise_model
    believed = label_probabilities(PairFeatures(image, text, joined.labels), joined.labels, order, noise_model)
    pairs = JudgedPairs(joined.image[order], joined.text[order], believed, order)
    measured_on = {"data": name, "queries": plan.split, "index": plan.index, "noise_model": noise_model, "codes": data.encoders}
    options = CalibrationOptions(kind=plan.kind, seed=plan.seed, base_rate=plan.base_rate, measured_on=measured_on)
    values, asked = feature_values(bundle), parts[0]
    found = calibrate(pairs.rows(np.arange(len(asked.true_labels))), pairs, bundle.bundle_id, options)
    return replace(found, familiarity={name: fit_familiarity(getattr(asked, name), values.get(name)) for name in MODALITIES})


def label_probabilities(features: PairFeatures, given_labels: UInt8, rows: Int64, noise_model: NoiseModel) -> Float32:
    """Estimates how likely the given labels of some pairs are true.

    Args:
        features: Of a whole split.
        given_labels: (N, C) uint8 of the whole split.
        rows: (M) int64, which pairs.
        noise_model: What may have happened to labels.

    Returns:
        (M, C) float32 in [0, 1]; the given labels themselves for ``none``.
    """
    given = given_labels[rows].astype(np.float32)
    if noise_model == "none":
        return given
    image, text = (torch.from_numpy(np.array(getattr(features, name)[rows], np.float32)) for name in MODALITIES)
    return estimate_label_probabilities(LabelledFeatures(image, text, torch.from_numpy(given)), noise_model).numpy()
