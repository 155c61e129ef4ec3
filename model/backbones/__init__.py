"""The table of backbones: the only place outside the wiring that knows which ones there are.

Each has two parts: one with torch, which gives features, and one without, which prepares input for the graph of a served bundle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from model.backbones.base import Backbone, Preparation
from model.errors import BackboneError


@dataclass(frozen=True, slots=True)
class _Kind:
    load: Callable[[], Backbone]
    prepare: Callable[[Mapping[str, bytes], Mapping[str, Any]], Preparation]


def _efficientnet_lite0() -> Backbone:
    from model.backbones.efficientnet_lite import EfficientNetLite0Backbone

    return EfficientNetLite0Backbone()


def _efficientnet_lite0_conse() -> Backbone:
    from model.backbones.conse import ConseBackbone
    from model.backbones.efficientnet_lite import EfficientNetLite0Backbone

    return ConseBackbone(EfficientNetLite0Backbone())


def _minilm_l6_v2() -> Backbone:
    from model.backbones.minilm import MiniLmBackbone

    return MiniLmBackbone()


def _pixels(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> Preparation:
    from model.backbones.pixels import Pixels

    return Pixels()


def _word_pieces(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> Preparation:
    from model.backbones.word_pieces import WordPieces

    return WordPieces.read(files)


def _checkpoint_pixels(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> Preparation:
    from model.backbones.checkpoint_input import CheckpointPixels

    return CheckpointPixels(facts)


def _checkpoint_words(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> Preparation:
    from model.backbones.checkpoint_input import CheckpointWords

    return CheckpointWords.read(files, facts)


def _checkpoint(name: str, modality: str) -> Backbone:
    from model.backbones.checkpoint import CheckpointImages, CheckpointTexts, open_checkpoint

    return CheckpointImages(open_checkpoint(name)) if modality == "image" else CheckpointTexts(open_checkpoint(name))


_CHECKPOINT_KINDS = ("clip:", "siglip:")
_TABLE = {
    "efficientnet-lite0": _Kind(_efficientnet_lite0, _pixels),
    "efficientnet-lite0-conse": _Kind(_efficientnet_lite0_conse, _pixels),
    "minilm-l6-v2": _Kind(_minilm_l6_v2, _word_pieces),
}


def backbone_names() -> list[str]:
    """Returns the names that :func:`load_backbone` knows, beside those of hub checkpoints."""
    return sorted(_TABLE)


def is_checkpoint(name: str) -> bool:
    """Tells whether a name means a checkpoint of the hub: ``clip:owner/name`` or ``siglip:owner/name``."""
    return name.startswith(_CHECKPOINT_KINDS)


def check_backbone_name(name: str) -> str:
    """Returns a name that :func:`load_backbone` knows.

    Args:
        name: Of a backbone.

    Returns:
        The same name.

    Raises:
        ValueError: If there is no such backbone.
    """
    if name not in _TABLE and not is_checkpoint(name):
        known = f"{', '.join(backbone_names())}, clip:OWNER/NAME and siglip:OWNER/NAME of the hub"
        raise ValueError(f"no such backbone; known are {known}")
    return name


@cache
def load_backbone(name: str, modality: str = "") -> Backbone:
    """Loads a backbone with its pinned weights; a second call gives the same object, which nothing changes. Needs torch.

    Args:
        name: One of :func:`backbone_names`, or a checkpoint of the hub, which is fetched where the hub's cache lacks it.
        modality: ``image`` or ``text``: which side of a checkpoint; the others have one.

    Returns:
        The backbone, ready to extract; a checkpoint's name holds its commit.

    Raises:
        BackboneError: If the name is unknown, or weights are missing or not the pinned ones.
    """
    return _checkpoint(name, modality) if is_checkpoint(name) else _kind(name).load()


def load_preparation(name: str, files: Mapping[str, bytes], facts: Mapping[str, Any] | None = None) -> Preparation:
    """Makes what prepares input for the graph of a backbone. Needs no torch.

    Args:
        name: One of :func:`backbone_names`.
        files: A bundle's, by name.
        facts: How input was prepared at training; for checkpoints of the hub, which say so themselves.

    Returns:
        The preparation.

    Raises:
        BackboneError: If the name is unknown.
        BundleCorrupt: If a file that it needs is missing or damaged.
    """
    told = facts or {}
    if is_checkpoint(name):
        return _checkpoint_pixels(files, told) if "crop" in told else _checkpoint_words(files, told)
    return _kind(name).prepare(files, told)


def _kind(name: str) -> _Kind:
    if name not in _TABLE:
        raise BackboneError(f"unknown backbone {name!r}; known are {', '.join(backbone_names())}, and those of the hub")
    return _TABLE[name]
