"""The trained part of an encoder: from features to relaxed codes.

Decides the layers. Does not know losses or backbones.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from model.codes import check_n_bits


class HashHead(nn.Module):
    """Fully connected layers with ReLU between them, then tanh, then (as SCBCH does) L2 normalisation.

    Source: SCBCH (2025), https://arxiv.org/abs/2511.07780, and its reference code's heads.

    Args:
        feature_dim: Width of the features.
        hidden_dims: Widths of the hidden layers; empty for a linear head.
        n_bits: Bits of a code; a positive multiple of 8.
        unit_norm: Whether relaxed codes are scaled to length 1. Signs do not change by it.

    Raises:
        CodeError: If ``n_bits`` is not a positive multiple of 8.
    """

    def __init__(self, feature_dim: int, hidden_dims: Sequence[int], n_bits: int, *, unit_norm: bool = True) -> None:
        super().__init__()
        self.n_bits = check_n_bits(n_bits)
        self.unit_norm = unit_norm
        self.feature_dim, self.hidden_dims = feature_dim, tuple(hidden_dims)
        widths = [feature_dim, *hidden_dims, n_bits]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, features: Tensor) -> Tensor:
        """Returns relaxed codes.

        Args:
            features: (N, feature_dim) float32.

        Returns:
            (N, n_bits) float32 in [−1, 1]; of length 1 each if ``unit_norm``.
        """
        x = features
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        relaxed = torch.tanh(self.layers[-1](x))
        return nn.functional.normalize(relaxed, dim=1) if self.unit_norm else relaxed
