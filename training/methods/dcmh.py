"""DCMH: Deep Cross-Modal Hashing, its objective on fixed features.

Source: Jiang and Li (CVPR 2017), https://arxiv.org/abs/1602.02255; γ and η are the paper's.

Note: the paper trains the networks below the heads too, by SGD, one modality after the other; here only heads on fixed features
are trained, both at once, and a batch stands for the data set (:mod:`training.losses.pairwise_likelihood`).

Decides how the terms are joined. Does not know how batches come about or which epoch is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge
from torch import Tensor

from training.losses.pairwise_likelihood import balance_loss, pairwise_likelihood_loss, shared_code_loss
from training.methods.base import Batch, RelaxedCodes
from training.methods.two_heads import HeadOptions, TwoHeads


@dataclass(frozen=True, slots=True, kw_only=True)
class DcmhOptions(HeadOptions):
    """DCMH's own settings; defaults are the paper's.

    Attributes:
        quantization_weight: γ.
        balance_weight: η.
    """

    quantization_weight: Annotated[float, Ge(0)] = 1.0
    balance_weight: Annotated[float, Ge(0)] = 1.0


class Dcmh(TwoHeads):
    """The method.

    Args:
        options: Weights and widths.
        n_train: Number of training samples.
        n_labels: Number of labels C.
    """

    unit_norm: ClassVar[bool] = False

    def __init__(self, options: DcmhOptions, *, n_train: int, n_labels: int) -> None:
        super().__init__(options, n_train=n_train, n_labels=n_labels)
        self._options = options

    def loss_terms(self, batch: Batch, relaxed_codes: RelaxedCodes) -> dict[str, Tensor]:
        """Returns the three terms of J.

        Args:
            batch: Features and given labels.
            relaxed_codes: (B, n_bits) in [−1, 1].

        Returns:
            ``likelihood``, ``quantization`` and ``balance``, scalars.
        """
        f, g, options = relaxed_codes.image, relaxed_codes.text, self._options
        similar = (batch.given_labels @ batch.given_labels.T > 0).to(f.dtype)
        return {
            "likelihood": pairwise_likelihood_loss(f, g, similar),
            "quantization": options.quantization_weight * shared_code_loss(f, g),
            "balance": options.balance_weight * balance_loss(f, g),
        }
