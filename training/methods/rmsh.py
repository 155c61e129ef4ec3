"""RMSH, reconstructed from the abstract: distances ordered by shared labels, with a floor for dissimilar pairs from coding theory.

Source: the abstract of RMSH (Pattern Recognition 120, 2021), https://arxiv.org/abs/2002.02698. Only the abstract could be read:
it names multilevel similarity, a margin-adaptive triplet loss, a least distance of dissimilar points bounded by coding theory, and
pseudo-codes fused of several codes. Every equation is ours, so figures of this method are not figures of the paper.

    L = L_order + λ L_floor + ρ L_pair + β L_quant        (both directions' mean in the first two)

L_order with margin m = μ δ and L_floor with f = δ + s √K are those of :mod:`training.losses.margin_adaptive_triplet`; L_pair is the
mean of d_ii / K over the batch's own pairs. δ is a whole number of bits between what M mutually dissimilar codewords can surely
attain and what they surely cannot (:mod:`training.coding_bounds`), M being the number of labels. By default it is the attainable
value: codewords that keep it exist.

Pseudo-codes: the batch's first and second sample are fused, its third and fourth, and so on; tanh(κ · mean of both codes), scaled
to length √K, stands for the union of their labels. Real and fused codes together are anchors, positives and negatives.

Note: the codes a = √K u have length √K, as sign codes have. Left anywhere in [−1, 1]^K they collapsed onto a few bits here.

Note: relaxed distances are those of the signs only where every bit is at ±1, and the signs of codes that just keep δ scatter around
it. Hence s √K above δ (a sum of K bits scatters by √K), and L_quant.

Note: order and floor alone can be had by giving all images some constant bits and all texts their opposites. The paper's points
have one code each; L_pair says that a pair's two codes are one.

Note: with m = δ a sample with labels A and B, which must be δ nearer to either's samples than these are to each other, would put
2 δ between them, more than half of the bits; hence μ < 1.

Decides δ and how the terms are joined. Does not know how batches come about or which epoch is kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor
from torch.nn.functional import normalize

from model.errors import ConfigError
from model.heads import HashHead
from training.coding_bounds import distance_range
from training.losses.margin_adaptive_triplet import distance_floor_loss, level_order_loss, relaxed_distances
from training.losses.quantization import quantization_loss
from training.methods.base import Batch, RelaxedCodes
from training.methods.two_heads import HeadOptions, TwoHeads


@dataclass(frozen=True, slots=True, kw_only=True)
class RmshOptions(HeadOptions):
    """The settings of our reconstruction; defaults chosen on validation, at 64 bits and without noise.

    Attributes:
        delta: δ in bits; 0 for the attainable distance.
        margin_share: μ in [0, 1], the triplets' margin as a share of δ.
        floor_slack: s, what relaxed distances of dissimilar pairs must have above δ, in units of √K bits.
        floor_weight: λ.
        pair_weight: ρ.
        quantization_weight: β.
        fusion_steepness: κ, how near fused codes come to signs.
    """

    delta: Annotated[int, Ge(0)] = 0
    margin_share: Annotated[float, Interval(ge=0, le=1)] = 0.6
    floor_slack: Annotated[float, Ge(0)] = 0.5
    floor_weight: Annotated[float, Ge(0)] = 20.0
    pair_weight: Annotated[float, Ge(0)] = 0.3
    quantization_weight: Annotated[float, Ge(0)] = 0.01
    fusion_steepness: Annotated[float, Gt(0)] = 3.0


class Rmsh(TwoHeads):
    """The method.

    Args:
        options: Weights, δ and widths.
        n_train: Number of training samples.
        n_labels: Number of labels C, the number of mutually dissimilar codewords.
    """

    def __init__(self, options: RmshOptions, *, n_train: int, n_labels: int) -> None:
        super().__init__(options, n_train=n_train, n_labels=n_labels)
        self._options = options
        self.delta = 0

    def build_heads(self, feature_dims: dict[str, int], n_bits: int) -> dict[str, HashHead]:
        """Settles δ and makes both heads.

        Args:
            feature_dims: Width of the features by modality.
            n_bits: Bits of a code.

        Returns:
            The heads by modality.

        Raises:
            ConfigError: If δ lies outside what coding theory allows for so many bits and labels.
        """
        attainable, upper = distance_range(n_bits, self._n_labels)
        self.delta = self._options.delta or attainable
        if not attainable <= self.delta <= upper:
            raise ConfigError(
                [
                    f"method.options.delta: {self.delta} is outside {attainable}…{upper}, the range of least distances that can be "
                    f"asked of {self._n_labels} codewords of {n_bits} bits"
                ]
            )
        return super().build_heads(feature_dims, n_bits)

    def loss_terms(self, batch: Batch, relaxed_codes: RelaxedCodes) -> dict[str, Tensor]:
        """Returns L_order, λ L_floor, ρ L_pair and β L_quant.

        Args:
            batch: Features and given labels.
            relaxed_codes: (B, n_bits) of length 1 each.

        Returns:
            ``order``, ``floor``, ``pair`` and ``quantization``, scalars.
        """
        options, n_bits = self._options, relaxed_codes.image.shape[1]
        u, v = relaxed_codes.image * n_bits**0.5, relaxed_codes.text * n_bits**0.5
        labels = torch.cat([batch.given_labels, torch.maximum(*_in_pairs(batch.given_labels))])
        levels = labels @ labels.T
        i2t = relaxed_distances(*(torch.cat([codes, fuse_codes(codes, options.fusion_steepness)]) for codes in (u, v)))
        directions = (i2t, i2t.T.contiguous())
        margin, floor = options.margin_share * self.delta, self.delta + options.floor_slack * n_bits**0.5
        orders = [level_order_loss(distances, levels, margin=margin, n_bits=n_bits) for distances in directions]
        floors = [distance_floor_loss(distances, levels, floor=floor, n_bits=n_bits) for distances in directions]
        return {
            "order": 0.5 * (orders[0] + orders[1]),
            "floor": 0.5 * options.floor_weight * (floors[0] + floors[1]),
            "pair": options.pair_weight * i2t.diagonal()[: len(u)].mean() / n_bits,
            "quantization": options.quantization_weight * quantization_loss(u, v),
        }


def fuse_codes(codes: Tensor, steepness: float) -> Tensor:
    """Returns pseudo-codes: the first code fused with the second, the third with the fourth; a last one without partner with none.

    Args:
        codes: (B, n_bits) float32 of length √n_bits each.
        steepness: κ > 0.

    Returns:
        (⌊B/2⌋, n_bits) float32 of length √n_bits each, or 0 where both codes are opposed.
    """
    first, second = _in_pairs(codes)
    squashed: Tensor = normalize(torch.tanh(steepness * 0.5 * (first + second)), dim=1)
    return squashed * math.sqrt(codes.shape[1])


def _in_pairs(rows: Tensor) -> tuple[Tensor, Tensor]:
    n_pairs = len(rows) // 2
    return rows[0 : 2 * n_pairs : 2], rows[1 : 2 * n_pairs : 2]
