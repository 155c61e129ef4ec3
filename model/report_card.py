"""The card that travels with a bundle: what it is, from what, how good, and for what not.

Decides the words. Does not know tensors.
"""

from __future__ import annotations

import re
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from model.backbones import is_checkpoint
from model.manifest import EncoderSpec, Manifest

_TASK = "feature-extraction"
_METRICS = {
    "i2t_map": "mAP, pictures find texts",
    "t2i_map": "mAP, texts find pictures",
    "mean_map": "mAP, mean of both",
    "chance": "mAP of a random order",
}
_SERVED = """Turns a picture or an English sentence into a binary code of {n_bits} bits, so that things which
belong together differ in few bits. Served by `python -m app serve --bundle DIR`.

Only {trained} are in `model.safetensors`. {graphs}"""
_GRAPHS = """`image.onnx` and `text.onnx` are
whole encoders for ONNX Runtime, {precision}.
{weights}
On {on}, bits that are equal to torch's: {equal}."""
_WEIGHTS = (
    "Weights they name that are not in this folder ({names}) come with an installed package\nand are checked against `config.json`."
)
_CACHED_WEIGHTS = """Weights they name that are not in this folder ({names}) come with an installed package
or are those of a repository of the hub at one commit; they are checked against `config.json`."""
_NO_GRAPHS = """The encoders are not here as graphs, so it is not served before
`python -m training export DIR --out DIR` has written them."""
_WORDS = """Beside them {n_words} frequent words of the training captions were learnt, so that codes tell more apart than these
labels. A caption names little of what a picture shows, and figures below are by the labels alone."""
_READY_MADE = """Turns ready-made features of a benchmark into binary codes of {n_bits} bits. What gave the features
is not known here, so it cannot encode pictures or texts and is not served; `python -m training evaluate` judges it.

Only {trained} are in this folder."""


def render_card(manifest: Manifest, bundle_id: str, *, has_classifiers: bool = True) -> str:
    """Writes the card as Markdown with the hub's front matter.

    Args:
        manifest: The bundle's facts.
        bundle_id: Its identity.
        has_classifiers: Whether it holds label classifiers beside the heads.

    Returns:
        The text of ``README.md``.
    """
    encoders = "\n".join(_encoder(name, spec) for name, spec in manifest.encoders.items())
    ready_made = any(spec.is_ready_made for spec in manifest.encoders.values())
    trained = "the heads and two linear label classifiers" if has_classifiers else "the heads"
    facts = {"n_bits": manifest.n_bits, "trained": trained, "graphs": _graphs(manifest)}
    purpose, parts = (_READY_MADE if ready_made else _SERVED).format(**facts).split("\n\n")
    return f"""---
{_metadata(manifest)}
---
# {manifest.training.get("method", manifest.method.upper())} encoders, {manifest.n_bits} bits

Bundle `{bundle_id}`. {purpose}

| modality | frozen backbone | features | hidden layers of the trained head |
|---|---|---|---|
{encoders}

{parts}

## How it was trained
{_table(manifest.training)}

Labels ({len(manifest.label_names)}): {", ".join(manifest.label_names)}.{_words(manifest)}

## How good it is
On data kept out of training; relevant means sharing at least one label; mean average precision over the whole database, exact in
expectation over ties; `chance` is what a random order comes to.

{_table(manifest.evaluation)}

## Where the training data come from
{manifest.origin or "Not stated by whoever trained this bundle."}

## What it is not for
It ranks by the labels it was trained on and by what its backbones ({_known(manifest)}) can tell apart. It was
not tested for identifying people, and its mistakes follow those of its training data.
"""


def _words(manifest: Manifest) -> str:
    n_words = manifest.training.get("caption_words")
    return f"\n\n{_WORDS.format(n_words=n_words)}" if n_words else ""


def _known(manifest: Manifest) -> str:
    checkpoints = {spec.backbone for spec in manifest.encoders.values() if is_checkpoint(spec.backbone)}
    return ", ".join(sorted(checkpoints)) or "ImageNet classes, English sentences"


def _metadata(manifest: Manifest) -> str:
    """Returns the front matter; figures are in the hub's `model-index` (https://huggingface.co/docs/hub/model-cards)."""
    figures = {name: float(manifest.evaluation[name]) for name in _METRICS if name in manifest.evaluation}
    data = str(manifest.training.get("data", "")) or "unnamed"
    place: dict[str, Any] = {
        "task_type": _TASK,
        "task_name": "Cross-modal retrieval",
        "dataset_type": re.sub(r"[^a-z0-9./-]+", "-", data.lower()).strip("-") or "unnamed",
        "dataset_name": data,
        "dataset_split": "query",
    }
    return ModelCardData(
        library_name="bitlens",
        license=manifest.license or None,
        pipeline_tag=_TASK,
        tags=["bitlens", "cross-modal-retrieval", "hashing", "image-text", "onnx"][: 5 if manifest.graphs else 4],
        model_name=f"{manifest.training.get('method', manifest.method.upper())}, {manifest.n_bits} bits",
        eval_results=[
            EvalResult(metric_type=kind, metric_name=_METRICS[kind], metric_value=value, **place) for kind, value in figures.items()
        ]
        or None,
    ).to_yaml()


def _encoder(name: str, spec: EncoderSpec) -> str:
    return f"| {name} | `{spec.backbone}` | {spec.feature_dim} | {' → '.join(map(str, spec.hidden_dims)) or 'none'} |"


def _graphs(manifest: Manifest) -> str:
    facts, found = manifest.graphs, manifest.comparison
    if not facts:
        return _NO_GRAPHS
    equal = ", ".join(f"{name} {found[name]['equal_bits']:.3%}" for name in manifest.encoders if name in found) or "not compared"
    told = _CACHED_WEIGHTS if any("@" in name for name in facts["weights"]) else _WEIGHTS
    weights = told.format(names=", ".join(facts["weights"])) if facts["weights"] else ""
    return _GRAPHS.format(
        precision=facts["precision"], on=found.get("on", "nothing"), weights=weights, equal=equal or "not compared"
    )


def _table(facts: dict[str, float | int] | dict[str, object]) -> str:
    if not facts:
        return "Not measured."
    rows = "\n".join(
        f"| {name} | {value:.4f} |" if isinstance(value, float) else f"| {name} | {value} |" for name, value in facts.items()
    )
    return f"| | |\n|---|---|\n{rows}"
