"""The table of backbones: the only place outside the wiring that knows which ones there are.

Each has two parts: one with torch, which gives features, and one without, which prepares input for the graph of a served bundle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from model.backbones.base import Backbone, Preparation
from model.errors import BackboneError


@dataclass(frozen=True, slots=True)
class _Kind:
    load: Callable[[], Backbone]
    prepare: Callable[[Mapping[str, bytes]], Preparation]


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


def _pixels(files: Mapping[str, bytes]) -> Preparation:
    from model.backbones.pixels import Pixels

    return Pixels()


def _word_pieces(files: Mapping[str, bytes]) -> Preparation:
    from model.backbones.word_pieces import WordPieces

    return WordPieces.read(files)


_TABLE = {
    "efficientnet-lite0": _Kind(_efficientnet_lite0, _pixels),
    "efficientnet-lite0-conse": _Kind(_efficientnet_lite0_conse, _pixels),
    "minilm-l6-v2": _Kind(_minilm_l6_v2, _word_pieces),
}


def backbone_names() -> list[str]:
    """Returns the names that :func:`load_backbone` knows."""
    return sorted(_TABLE)


@cache
def load_backbone(name: str) -> Backbone:
    """Loads a backbone with its pinned weights; a second call gives the same object, which nothing changes. Needs torch.

    Args:
        name: One of :func:`backbone_names`.

    Returns:
        The backbone, ready to extract.

    Raises:
        BackboneError: If the name is unknown, or weights are missing or not the pinned ones.
    """
    return _kind(name).load()


def load_preparation(name: str, files: Mapping[str, bytes]) -> Preparation:
    """Makes what prepares input for the graph of a backbone. Needs no torch.

    Args:
        name: One of :func:`backbone_names`.
        files: A bundle's, by name.

    Returns:
        The preparation.

    Raises:
        BackboneError: If the name is unknown.
        BundleCorrupt: If a file that it needs is missing or damaged.
    """
    return _kind(name).prepare(files)


def _kind(name: str) -> _Kind:
    if name not in _TABLE:
        raise BackboneError(f"unknown backbone {name!r}; known are {', '.join(backbone_names())}")
    return _TABLE[name]
