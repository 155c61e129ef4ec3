"""What methods share that need no epochs: linear heads, whose weights come from the joint space and a projection of it.

Decides how a projection becomes weights; a method decides the projection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Gt
from torch import Tensor
from torch.nn import Linear

from model.heads import HashHead
from training.joint_space import Float64, LinearMap, fit_joint_space
from training.methods.base import Batch, LabelledFeatures, RelaxedCodes
from training.methods.two_heads import HeadOptions, TwoHeads


@dataclass(frozen=True, slots=True, kw_only=True)
class JointSpaceOptions:
    """How the joint space is found.

    Attributes:
        ridge: What is added to each direction's variance, as a share of their mean; chosen on validation.
        correlation_power: Exponent of the canonical correlations that scale the dimensions; 4 as in Gong et al. (IJCV 2014).
    """

    ridge: Annotated[float, Gt(0)] = 0.1
    correlation_power: Annotated[float, Ge(0)] = 4.0


class WithoutEpochs(TwoHeads):
    """A method that is done after :meth:`prepare`; what is left to a subclass is :meth:`projection`.

    Args:
        options: Of the joint space.
        n_train: Number of training samples.
        n_labels: Number of labels C; not used.
    """

    learns_by_epochs = False
    unit_norm = False

    def __init__(self, options: JointSpaceOptions, *, n_train: int, n_labels: int) -> None:
        super().__init__(HeadOptions(image_hidden=(), text_hidden=()), n_train=n_train, n_labels=n_labels)
        self._space = options

    def projection(self, image: Float64, text: Float64, n_bits: int) -> Float64:
        """Returns what takes the joint space to bits, by their signs.

        Args:
            image: (N, d) float64, centred; dimensions with the highest correlations first.
            text: (N, d) float64, likewise.
            n_bits: Bits of a code.

        Returns:
            (d, n_bits) float64.
        """
        raise NotImplementedError

    def prepare(self, heads: dict[str, HashHead], train: LabelledFeatures) -> LabelledFeatures:
        """Finds the joint space and its projection, and writes both into the heads.

        Args:
            heads: Linear; their weights are set.
            train: Features; labels are not looked at.

        Returns:
            The training split.
        """
        n_bits = heads["image"].n_bits
        maps = fit_joint_space(train.image, train.text, ridge=self._space.ridge, power=self._space.correlation_power)
        sides = {"image": train.image, "text": train.text}
        joint = {name: maps[name].apply(side.double().cpu().numpy()) for name, side in sides.items()}
        bits = self.projection(joint["image"], joint["text"], n_bits)
        for name, head in heads.items():
            _set_weights(head.layers[0], maps[name], bits)
        return train

    def loss_terms(self, batch: Batch, relaxed_codes: RelaxedCodes) -> dict[str, Tensor]:
        """Is never called: there is nothing to minimise.

        Args:
            batch: Left alone.
            relaxed_codes: Left alone.

        Returns:
            Nothing.
        """
        return {}


@torch.no_grad()
def _set_weights(layer: torch.nn.Module, mapped: LinearMap, bits: Float64) -> None:
    """Writes x ↦ (x − mean) · weight · bits into a linear layer."""
    if not isinstance(layer, Linear):
        raise TypeError(f"a head's layers are linear, this one is {type(layer).__name__}")
    weight = np.ascontiguousarray((mapped.weight @ bits).T)
    layer.weight.copy_(torch.from_numpy(weight))
    layer.bias.copy_(torch.from_numpy(-weight @ mapped.mean))
