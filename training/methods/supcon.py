"""A plain supervised contrastive hash.

Source: the loss of Khosla et al. (NeurIPS 2020), https://arxiv.org/abs/2004.11362, between the modalities' relaxed codes
(:mod:`training.losses.supervised_contrastive`), and the quantisation term of SCBCH.

Note: the paper's augmentations, projection head and second stage have no place here: features are fixed, codes are the result.

Decides how the terms are joined. Does not know how batches come about or which epoch is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor

from training.losses.quantization import quantization_loss
from training.losses.supervised_contrastive import supervised_contrastive_loss
from training.methods.base import Batch, RelaxedCodes
from training.methods.two_heads import HeadOptions, TwoHeads


@dataclass(frozen=True, slots=True, kw_only=True)
class SupconOptions(HeadOptions):
    """Its own settings.

    Attributes:
        temperature: τ.
        quantization_weight: Weight of the quantisation term.
    """

    temperature: Annotated[float, Gt(0)] = 0.2
    quantization_weight: Annotated[float, Ge(0)] = 0.3


class Supcon(TwoHeads):
    """The method.

    Args:
        options: Weight, temperature and widths.
        n_train: Number of training samples.
        n_labels: Number of labels C.
    """

    def __init__(self, options: SupconOptions, *, n_train: int, n_labels: int) -> None:
        super().__init__(options, n_train=n_train, n_labels=n_labels)
        self._options = options

    def loss_terms(self, batch: Batch, relaxed_codes: RelaxedCodes) -> dict[str, Tensor]:
        """Returns the contrastive term and the weighted quantisation term.

        Args:
            batch: Features and given labels.
            relaxed_codes: (B, n_bits) of length 1 each.

        Returns:
            ``contrastive`` and ``quantization``, scalars.
        """
        u, v, options = relaxed_codes.image, relaxed_codes.text, self._options
        similar = (batch.given_labels @ batch.given_labels.T > 0).to(u.dtype)
        return {
            "contrastive": supervised_contrastive_loss(u, v, similar, temperature=options.temperature),
            "quantization": options.quantization_weight * quantization_loss(u, v),
        }
