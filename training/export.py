"""From a finished run to a bundle.

Decides which facts of a run go into the manifest. Does not know serving.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

from model.backbones import load_backbone
from model.bundle import EncoderBundle
from model.calibration import Calibration
from model.errors import BundleError, ConfigError
from model.heads import HashHead
from model.label_reader import LabelReader
from model.manifest import MODALITIES, EncoderSpec, Manifest
from training.checkpoint import read_tensors, stripped
from training.config import RunConfig
from training.methods import METHODS
from training.run_folder import RunFolder


def export_bundle(run: RunFolder, folder: Path, *, finish: Callable[[EncoderBundle], EncoderBundle] | None = None) -> EncoderBundle:
    """Writes the best epoch of a finished run as a bundle, with what was measured on the run's own bundle.

    Args:
        run: A finished run.
        folder: Where the bundle goes; made if missing.
        finish: Adds the graphs that a service needs; see :func:`training.graph_export.add_graphs`.

    Returns:
        The bundle.

    Raises:
        ConfigError: If the run is not finished.
        BackboneError: If a backbone's weights are missing.
    """
    report = run.report()
    if report is None:
        raise ConfigError([f"{run.path} holds no finished run; `python -m training train` takes it up where it stopped"])
    config, facts = run.read_config(), run.facts()
    heads, (tensors, best) = read_heads(run), read_tensors(run.best)
    specs = {name: _encoder_spec(name, config, facts, best["heads"][name]) for name in MODALITIES}
    manifest = Manifest(
        method=config.method.name,
        n_bits=config.training.n_bits,
        label_names=tuple(facts["label_names"]),
        encoders=specs,
        training=_training_facts(config, facts, report),
        evaluation=report["evaluation"],
        origin=config.bundle.origin,
        license=config.bundle.license,
    )
    bundle = EncoderBundle(manifest, heads, _classifiers(tensors, len(manifest.label_names)))
    bundle.calibration, bundle.label_reader = _measured(run, bundle)
    bundle = finish(bundle) if finish else bundle
    bundle.save_pretrained(folder)
    return bundle


def _measured(run: RunFolder, bundle: EncoderBundle) -> tuple[Calibration | None, LabelReader | None]:
    """Returns what was measured on the run's own bundle, as long as that has the same heads; graphs change no code."""
    try:
        own = EncoderBundle.from_pretrained(run.bundle)
    except BundleError:
        return None, None
    if own.weights != bundle.weights:
        return None, None
    return own.calibration and own.calibration.carried_to(bundle.bundle_id), own.label_reader


def read_heads(run: RunFolder) -> dict[str, HashHead]:
    """Makes the heads of the epoch that a run kept.

    Args:
        run: One that has kept an epoch.

    Returns:
        The heads by modality, ready to encode.
    """
    tensors, best = read_tensors(run.best)
    n_bits, heads = run.read_config().training.n_bits, {}
    for name in MODALITIES:
        shape = best["heads"][name]
        heads[name] = HashHead(shape["feature_dim"], tuple(shape["hidden_dims"]), n_bits, unit_norm=shape["unit_norm"]).eval()
        heads[name].load_state_dict(stripped(f"heads.{name}.", tensors))
    return heads


def _classifiers(tensors: dict[str, Tensor], n_labels: int) -> dict[str, Tensor]:
    """Returns the classifiers of given labels, which come before words of captions, by modality; none if the method has none."""
    named = {name: f"method.classifier.{name}" for name in MODALITIES}
    return {name: tensors[key][:, :n_labels].contiguous() for name, key in named.items() if key in tensors}


def _encoder_spec(modality: str, config: RunConfig, facts: dict[str, Any], head: dict[str, Any]) -> EncoderSpec:
    """Names what gave the features: the data set itself where they came ready-made, else the configured backbone."""
    shape = {"feature_dim": head["feature_dim"], "hidden_dims": tuple(head["hidden_dims"]), "unit_norm": head["unit_norm"]}
    if "features" in facts:
        return EncoderSpec.of_feature_file(facts["features"][modality], **shape)
    name = getattr(config.features, f"{modality}_backbone")
    backbone = load_backbone(name, modality)
    digest, prepared = backbone.weights_digest, backbone.preprocessing
    return EncoderSpec(backbone=backbone.name, weights_digest=digest, preprocessing=prepared, **shape)


def _training_facts(config: RunConfig, facts: dict[str, Any], report: dict[str, Any]) -> dict[str, Any]:
    return {
        "method": METHODS[config.method.name].title,
        "data": facts["data"],
        "n_train": report["n_train"],
        "n_validation": report["n_validation"],
        "noise_rate": config.noise.rate,
        "seed": config.training.seed,
        "epoch": report["epoch"],
        "n_epochs": config.training.epochs,
        **({"caption_words": len(words)} if (words := report.get("caption_words")) else {}),
        "batch_size": config.training.batch_size,
        "learning_rate": config.training.learning_rate,
    }
