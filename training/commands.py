"""What each command of the trainer does.

Decides what is printed: progress to standard error, results to standard output. Does not parse arguments.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from model.bundle import EncoderBundle
from model.encoder import HashEncoder
from model.manifest import MODALITIES
from training.compute import make_accelerator
from training.config import DataSection, FeaturesSection, RunConfig, TrainingSection
from training.datasets.base import SPLITS
from training.evaluation import Evaluation, LabelledCodes, evaluate
from training.experiment import run_experiment
from training.export import export_bundle
from training.inputs import PairFeatures, data_facts, extract_pair_features, read_pairs
from training.processes import Processes
from training.progress import epoch_bar
from training.run_folder import RunFolder


def features(config: RunConfig, data: Path, *, cache_dir: Path) -> dict[str, Any]:
    """Extracts the features of all splits into the cache.

    Args:
        config: Column names, backbones, batch size.
        data: Folder of the data set.
        cache_dir: Where features are kept.

    Returns:
        Shapes by split and modality.
    """
    pairs = read_pairs(config, data, cache_dir=cache_dir)
    shapes = {}
    for name in SPLITS:
        found = extract_pair_features(getattr(pairs, name), name, config, cache_dir=cache_dir)
        shapes[name] = {"image": list(found.image.shape), "text": list(found.text.shape)}
    return shapes


def train(config: RunConfig, data: Path, out: Path, *, cache_dir: Path) -> dict[str, Any]:
    """Trains one run and exports its bundle; takes an interrupted run up again.

    Of several processes (``torchrun``, ``accelerate launch``) the main one alone writes.

    Args:
        config: Resolved configuration.
        data: Folder of the data set.
        out: Folder of the run.
        cache_dir: Where features are kept.

    Returns:
        The final figures.
    """
    pairs = read_pairs(config, data, cache_dir=cache_dir)
    run = RunFolder(out)
    processes = Processes(make_accelerator(config.training))
    processes.from_main(lambda: run.open(config, data_facts(pairs, data)))

    @cache
    def split_features(name: str) -> PairFeatures:
        return extract_pair_features(getattr(pairs, name), name, config, cache_dir=cache_dir)

    with epoch_bar(f"{config.method.name}, {config.training.n_bits} bits") as progress:
        show = progress if processes.is_main else lambda *_: None
        report = run_experiment(config, split_features, run, progress=show)
    if processes.is_main and not (run.bundle / "config.json").exists():
        export_bundle(run, run.bundle)
    return report


def evaluate_bundle(bundle_dir: Path, config: DataSection, data: Path, *, cache_dir: Path, threads: int = 1) -> Evaluation:
    """Ranks a data set's database (train and gallery) for its queries with a bundle's codes.

    Args:
        bundle_dir: Folder of the bundle, or its name on the hub.
        config: Column names.
        data: Folder of the data set.
        cache_dir: Where features are kept.
        threads: Of the forward passes.

    Returns:
        mAP in both directions, chance and counts.
    """
    bundle = EncoderBundle.from_pretrained(bundle_dir)
    encoders = bundle.encoders()
    specs = bundle.manifest.encoders
    run_config = RunConfig(
        data=config,
        features=FeaturesSection(image_backbone=specs["image"].backbone, text_backbone=specs["text"].backbone),
        training=TrainingSection(threads=threads),
    )
    pairs = read_pairs(run_config, data, cache_dir=cache_dir)
    parts = {name: extract_pair_features(getattr(pairs, name), name, run_config, cache_dir=cache_dir) for name in SPLITS}
    database = [parts["train"], parts["gallery"]]
    return evaluate(_codes(encoders, [parts["query"]]), _codes(encoders, database))


def _codes(encoders: dict[str, HashEncoder], parts: list[PairFeatures]) -> LabelledCodes:
    codes = {name: np.concatenate([encoders[name].encode_features(getattr(part, name)) for part in parts]) for name in MODALITIES}
    return LabelledCodes(codes["image"], codes["text"], np.concatenate([part.true_labels for part in parts]))


def export(run_dir: Path, out: Path) -> dict[str, Any]:
    """Writes a finished run's bundle.

    Args:
        run_dir: Folder of the run.
        out: Where the bundle goes.

    Returns:
        Its identity.
    """
    bundle = export_bundle(RunFolder(run_dir), out)
    return {"bundle": str(out), "bundle_id": bundle.bundle_id, "n_bits": bundle.n_bits}
