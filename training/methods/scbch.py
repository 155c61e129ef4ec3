"""SCBCH: Semantic-Consistent Bidirectional Contrastive Hashing.

Source: SCBCH (2025), https://arxiv.org/abs/2511.07780; formulas, weights and the reliability's first epoch as in its reference
code (https://github.com/Plke/SCBCH). L = α L_bsch + β L_quant + L_cscc.

Decides how the terms are joined. Does not know how batches come about or which epoch is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor
from torch.nn import Parameter
from torch.nn.init import orthogonal_

from model.heads import HashHead
from training.losses.quantization import quantization_loss
from training.losses.semantic_consistent import semantic_consistent_loss
from training.losses.soft_contrastive import label_overlap, soft_contrastive_loss
from training.methods.base import Batch, LabelledFeatures, RelaxedCodes
from training.methods.two_heads import HeadOptions, TwoHeads
from training.reliability import estimate_reliability


@dataclass(frozen=True, slots=True, kw_only=True)
class ScbchOptions(HeadOptions):
    """SCBCH's own settings; defaults are the reference's for MS-COCO.

    Attributes:
        margin: m, how far below its own pair a similarity still counts as hard.
        shift: ξ, taken off the similarities that are not hard, and the attraction's offset.
        contrastive_weight: α.
        quantization_weight: β.
        reliability_floor: γ in [0, 1], the least trust in a sample.
        reliability_from_epoch: First epoch (counted from 1) in which reliability is estimated; before it is 1.
        n_neighbours: k of the reliability.
    """

    margin: Annotated[float, Ge(0)] = 0.3
    shift: Annotated[float, Ge(0)] = 1.1
    contrastive_weight: Annotated[float, Ge(0)] = 0.7
    quantization_weight: Annotated[float, Ge(0)] = 0.3
    reliability_floor: Annotated[float, Interval(ge=0, le=1)] = 0.5
    reliability_from_epoch: Annotated[int, Gt(0)] = 6
    n_neighbours: Annotated[int, Gt(0)] = 20


class Scbch(TwoHeads):
    """The method.

    Args:
        options: Weights, margins and widths.
        n_train: Number of training samples.
        n_labels: Number of labels C.
    """

    def __init__(self, options: ScbchOptions, *, n_train: int, n_labels: int) -> None:
        super().__init__(options, n_train=n_train, n_labels=n_labels)
        self._options = options
        self._classifiers: dict[str, Parameter] = {}
        self.reliability = torch.ones(n_train)

    def build_heads(self, feature_dims: dict[str, int], n_bits: int) -> dict[str, HashHead]:
        """Makes both heads, and the two classifiers with orthogonal weights and no bias.

        Args:
            feature_dims: Width of the features by modality.
            n_bits: Bits of a code.

        Returns:
            The heads by modality.
        """
        heads = super().build_heads(feature_dims, n_bits)
        self._classifiers = {name: Parameter(orthogonal_(torch.empty(n_bits, self._n_labels))) for name in heads}
        return heads

    def prepare(self, heads: dict[str, HashHead], train: LabelledFeatures) -> LabelledFeatures:
        """Puts reliability where training happens.

        Args:
            heads: Left alone.
            train: Gives the device.

        Returns:
            The training split.
        """
        self.reliability = self.reliability.to(train.image.device)
        return train

    def parameters(self) -> list[Parameter]:
        """Returns the classifiers' weights.

        Returns:
            Two of (n_bits, C).
        """
        return list(self._classifiers.values())

    def state(self) -> dict[str, Tensor]:
        """Returns classifiers and reliability.

        Returns:
            ``classifier.image`` and ``classifier.text``, (n_bits, C) float32, and ``reliability``, (N,) float32.
        """
        classifiers = {f"classifier.{name}": weight.detach() for name, weight in self._classifiers.items()}
        return {**classifiers, "reliability": self.reliability}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Takes back what :meth:`state` gave.

        Args:
            state: Tensors by name.
        """
        for name, weight in self._classifiers.items():
            weight.data.copy_(state[f"classifier.{name}"])
        self.reliability = state["reliability"].clone()

    def on_epoch_start(self, epoch: int, encode_train: Callable[[], RelaxedCodes], given_labels: Tensor) -> None:
        """Estimates reliability anew, from the set epoch on.

        Args:
            epoch: Counted from 1.
            encode_train: Gives the relaxed codes of the whole training split.
            given_labels: (N, C) float32.
        """
        if epoch >= self._options.reliability_from_epoch:
            codes = encode_train()
            self.reliability = estimate_reliability(
                codes.image,
                codes.text,
                given_labels,
                n_neighbours=self._options.n_neighbours,
                floor=self._options.reliability_floor,
            )

    def loss_terms(self, batch: Batch, relaxed_codes: RelaxedCodes) -> dict[str, Tensor]:
        """Returns α L_bsch, β L_quant and L_cscc.

        Args:
            batch: Features and given labels.
            relaxed_codes: (B, n_bits) of length 1 each.

        Returns:
            ``contrastive``, ``quantization`` and ``classification``, scalars.
        """
        u, v, options = relaxed_codes.image, relaxed_codes.text, self._options
        contrastive = soft_contrastive_loss(u, v, label_overlap(batch.given_labels), margin=options.margin, shift=options.shift)
        logits = {name: codes @ self._classifiers[name] for name, codes in (("image", u), ("text", v))}
        trust = self.reliability[batch.sample_index]
        return {
            "contrastive": options.contrastive_weight * contrastive,
            "quantization": options.quantization_weight * quantization_loss(u, v),
            "classification": semantic_consistent_loss(logits["image"], logits["text"], batch.given_labels, trust),
        }
