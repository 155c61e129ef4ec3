"""The table of backbones: the only place outside the wiring that knows which ones there are."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from model.backbones.base import Backbone
from model.errors import BackboneError


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


_TABLE: dict[str, Callable[[], Backbone]] = {
    "efficientnet-lite0": _efficientnet_lite0,
    "efficientnet-lite0-conse": _efficientnet_lite0_conse,
    "minilm-l6-v2": _minilm_l6_v2,
}


def backbone_names() -> list[str]:
    """Returns the names that :func:`load_backbone` knows."""
    return sorted(_TABLE)


@cache
def load_backbone(name: str) -> Backbone:
    """Loads a backbone with its pinned weights; a second call gives the same object, which nothing changes.

    Args:
        name: One of :func:`backbone_names`.

    Returns:
        The backbone, ready to extract.

    Raises:
        BackboneError: If the name is unknown, or weights are missing or not the pinned ones.
    """
    if name not in _TABLE:
        raise BackboneError(f"unknown backbone {name!r}; known are {', '.join(backbone_names())}")
    return _TABLE[name]()
