"""Everything a run is made from: pairs, features, given labels, the validation cut.

Decides what training may see: true labels of the training split end here. Does not know methods.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model.backbones import load_backbone
from model.codes import Float32, Int64, UInt8
from model.errors import ConfigError, DatasetError
from training.caption_words import CaptionWords, find_caption_words
from training.config import DataSection, RunConfig
from training.datasets import ColumnNames, FeaturePairs, FeatureSplits, PairDataset, PairSplits, SplitOptions, load_data
from training.features import extract_features
from training.label_corrections import LabelCorrections, read_corrections
from training.label_noise import add_label_noise
from training.methods.base import LabelledFeatures
from training.progress import progress_bar


@dataclass(frozen=True, slots=True)
class PairFeatures:
    """Features of one split.

    Attributes:
        image: (N, image feature_dim) float32.
        text: (N, text feature_dim) float32.
        true_labels: (N, C) uint8 multi-hot.
        corrections: Labels that training sees in the place of given ones; None for no such.
        caption_words: Words that are learnt beside given labels; None for no such.
    """

    image: Float32
    text: Float32
    true_labels: UInt8
    corrections: LabelCorrections | None = None
    caption_words: CaptionWords | None = None


@dataclass(frozen=True, slots=True)
class TrainingLabels:
    """What training may see of the labels, and where validation is cut.

    Attributes:
        given_labels: (N, C) uint8, of the whole training split.
        train_index: (N − V,) int64, ascending.
        validation_index: (V,) int64, ascending.
    """

    given_labels: UInt8
    train_index: Int64
    validation_index: Int64


def read_pairs(config: RunConfig, data: Path, *, cache_dir: Path, with_labels: bool = True) -> PairSplits | FeatureSplits:
    """Reads the data set as configured.

    Args:
        config: Column names, the seed of the cut, counts and names of splits.
        data: Folder of the data set, or ``datasets:NAME``.
        cache_dir: Where reading may keep its tables.
        with_labels: False for pairs whose labels nobody needs: their column may be missing. Feature files have theirs anyway.

    Returns:
        The three splits; corrected labels and words of captions, if configured, with the training split.

    Raises:
        ConfigError: If words of captions are wanted of ready-made features, which have none.
        DatasetError: If the data set or the corrected labels cannot be read.
    """
    names = config.data
    labels = names.labels_column if with_labels else None
    columns = ColumnNames(image=names.image_column, text=names.text_column, labels=labels, id=names.id_column)
    splits = SplitOptions(names.split_seed, names.n_query, names.n_train, names.train_split, names.query_split, names.gallery_split)
    pairs = load_data(data, columns=columns, splits=splits, cache_dir=cache_dir)
    found = None
    if names.corrected_labels:
        found = read_corrections(Path(names.corrected_labels), pairs.train.ids, pairs.label_names)
    if isinstance(pairs, PairSplits):
        words = _caption_words(pairs, names) if names.caption_words and with_labels else None
        return replace(pairs, train=replace(pairs.train, corrections=found, caption_words=words))
    if names.caption_words:
        raise ConfigError(["data.caption_words: ready-made features come without captions; set it to 0"])
    return replace(pairs, train=replace(pairs.train, corrections=found))


def _caption_words(pairs: PairSplits, names: DataSection) -> CaptionWords:
    return find_caption_words(
        pairs.train.texts,
        pairs.label_names,
        n_words=names.caption_words,
        min_captions=names.caption_words_min,
        max_share=names.caption_words_max_share,
    )


def extract_pair_features(pairs: PairDataset | FeaturePairs, split: str, config: RunConfig, *, cache_dir: Path) -> PairFeatures:
    """Extracts one split's features, or reads them from the cache; ready-made ones are handed on, memory-mapped.

    Args:
        pairs: The split.
        split: Its name, for the progress bar.
        config: Backbones, batch size and threads.
        cache_dir: Where features are kept.

    Returns:
        Features and true labels.

    Raises:
        BackboneError: If a backbone's weights are missing.
        DatasetError: If a picture or text cannot be used.
    """
    if isinstance(pairs, FeaturePairs):
        return PairFeatures(pairs.image, pairs.text, pairs.true_labels, pairs.corrections)
    torch.set_num_threads(config.training.threads)
    sides: dict[str, Float32] = {}
    for modality, name, inputs in (
        ("image", config.features.image_backbone, pairs.image_inputs),
        ("text", config.features.text_backbone, pairs.text_inputs),
    ):
        with progress_bar(f"{modality} features of {split}", unit=f"{modality}s") as advance:
            sides[modality] = extract_features(
                load_backbone(name, modality), inputs, cache_dir=cache_dir, batch_size=config.features.batch_size, progress=advance
            )
    return PairFeatures(sides["image"], sides["text"], pairs.true_labels, pairs.corrections, pairs.caption_words)


def make_training_labels(true_labels: UInt8, config: RunConfig, *, corrections: LabelCorrections | None = None) -> TrainingLabels:
    """Adds the configured noise, puts corrected labels in place, and cuts validation from the training split.

    Args:
        true_labels: (N, C) uint8 of the training split.
        config: Noise, validation share, seeds, and whether there is a cut at all: without one where query chooses the epoch.
        corrections: What was found out about given labels since.

    Returns:
        Given labels and the cut.

    Raises:
        DatasetError: If the training split is too small to cut validation from it, or no label occurs twice in what was cut.
    """
    is_cut = config.training.selection == "validation"
    n_validation = round(len(true_labels) * config.training.validation_fraction) if is_cut else 0
    if len(true_labels) - n_validation < 2 or (is_cut and n_validation < 2):
        raise DatasetError(
            f"the training split has {len(true_labels)} pairs: too few to {'keep some for validation' if is_cut else 'train on'}"
        )
    order = np.random.default_rng(config.training.seed).permutation(len(true_labels))
    given_labels = add_label_noise(true_labels, config.noise.rate, seed=config.noise.seed)
    if corrections is not None:
        given_labels = corrections.apply(given_labels)
    if is_cut and given_labels[order[:n_validation]].sum(axis=0).max(initial=0) < 2:
        raise DatasetError(
            f"no two of the {n_validation} validation pairs share a label, so no epoch can be chosen by them; "
            "give more training pairs or a larger training.validation_fraction"
        )
    return TrainingLabels(given_labels, train_index=np.sort(order[n_validation:]), validation_index=np.sort(order[:n_validation]))


def select(features: PairFeatures, given_labels: UInt8, index: Int64) -> LabelledFeatures:
    """Returns some pairs of a split as the trainer takes them.

    Args:
        features: Of the whole split.
        given_labels: (N, C) uint8 of the whole split.
        index: (M,) int64, which.

    Returns:
        Features and given labels of M pairs.
    """
    return LabelledFeatures(
        image=torch.from_numpy(features.image[index]),
        text=torch.from_numpy(features.text[index]),
        given_labels=torch.from_numpy(given_labels[index].astype(np.float32)),
    )


def data_facts(pairs: PairSplits | FeatureSplits, data: Path) -> dict[str, Any]:
    """Returns what identifies the data a run is made from.

    Args:
        pairs: All splits.
        data: The folder or name; only its last part is kept.

    Returns:
        JSON-able facts; ``features`` among them where they came ready-made, ``corrected_labels`` and ``caption_words`` where there
        are such.
    """
    features = {"features": pairs.source_facts()} if isinstance(pairs, FeatureSplits) else {}
    corrections = pairs.train.corrections
    corrected = {"corrected_labels": {"n": len(corrections.rows), "sha256": corrections.digest}} if corrections else {}
    words = pairs.train.caption_words if isinstance(pairs, PairSplits) else None
    splits = {"train": pairs.train, "query": pairs.query, "gallery": pairs.gallery}
    return {
        "data": data.resolve().name,
        "label_names": list(pairs.label_names),
        "splits": {name: _split_facts(split) for name, split in splits.items()},
        **features,
        **corrected,
        **({"caption_words": words.facts()} if words else {}),
    }


def _split_facts(pairs: PairDataset | FeaturePairs) -> dict[str, Any]:
    return {
        "n": len(pairs),
        "images": pairs.image_digest,
        "texts": pairs.text_digest,
        "labels": hashlib.sha256(pairs.true_labels.tobytes()).hexdigest(),
    }
