"""The card that travels with a bundle: what it is, from what, how good, and for what not.

Decides the words. Does not know tensors.
"""

from __future__ import annotations

from model.manifest import Manifest

_SERVED = """Turns a picture or an English sentence into a binary code of {n_bits} bits, so that things which
belong together differ in few bits. Served by `python -m app serve --bundle DIR`.

Only {trained} are in this folder; the backbones come with Bitlens's dependencies and are
checked against the digests in `config.json`."""
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
    encoders = "\n".join(
        f"| {name} | `{spec.backbone}` | {spec.feature_dim} | {' → '.join(map(str, spec.hidden_dims)) or 'none'} |"
        for name, spec in manifest.encoders.items()
    )
    ready_made = any(spec.is_ready_made for spec in manifest.encoders.values())
    trained = "the heads and two linear label classifiers" if has_classifiers else "the heads"
    purpose, parts = (_READY_MADE if ready_made else _SERVED).format(n_bits=manifest.n_bits, trained=trained).split("\n\n")
    return f"""---
library_name: bitlens
tags: [cross-modal-retrieval, hashing, image-text]
---
# {manifest.training.get("method", manifest.method.upper())} encoders, {manifest.n_bits} bits

Bundle `{bundle_id}`. {purpose}

| modality | frozen backbone | features | hidden layers of the trained head |
|---|---|---|---|
{encoders}

{parts}

## How it was trained
{_table(manifest.training)}

Labels ({len(manifest.label_names)}): {", ".join(manifest.label_names)}.

## How good it is
On data kept out of training; relevant means sharing at least one label; mean average precision over the whole database, exact in
expectation over ties; `chance` is what a random order comes to.

{_table(manifest.evaluation)}

## Where the training data come from
{manifest.origin or "Not stated by whoever trained this bundle."}

## What it is not for
It ranks by the labels it was trained on and by what its backbones (ImageNet classes, English sentences) can tell apart. It was
not tested for identifying people, and its mistakes follow those of its training data.
"""


def _table(facts: dict[str, float | int] | dict[str, object]) -> str:
    if not facts:
        return "Not measured."
    rows = "\n".join(
        f"| {name} | {value:.4f} |" if isinstance(value, float) else f"| {name} | {value} |" for name, value in facts.items()
    )
    return f"| | |\n|---|---|\n{rows}"
