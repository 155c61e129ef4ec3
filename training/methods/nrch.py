"""NRCH: Robust Contrastive Cross-modal Hashing with Noisy Labels.

Source: Wang et al. (ACM MM 2024), https://doi.org/10.1145/3664647.3680564; formulas and weights as in its reference code
(https://github.com/LonganWANG-cs/NRCH). Over the trusted samples of a batch

    L = mean_i (λ ℓ_i + (1 − λ) q_i) + L_prototype,    q_i = mean_k[(|u_ik| − 1/√K)² + (|v_ik| − 1/√K)²]

with ℓ of :mod:`training.losses.robust_contrastive` and prototypes that learn from codes but do not teach them. Dynamic noise
separation, once an epoch: two Gaussians are fitted to the samples' worst labels' losses (:mod:`training.losses.label_prototypes`),
and samples that are unlikely to be clean are left out.

Note: the reference begins to leave out in the 20th of 100 epochs of RMSprop at 1e-5; here in the 6th, of Adam at the loop's rate.
Its threshold's schedule is computed but not used there, and is not here; nor is the second tanh that it lays over finished codes.

Decides how the terms are joined and who is left out. Does not know how batches come about or which epoch is kept.
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
from training.losses.label_prototypes import prototype_errors, worst_label_losses
from training.losses.robust_contrastive import robust_contrastive_losses
from training.methods.base import Batch, LabelledFeatures, RelaxedCodes
from training.methods.two_heads import HeadOptions, TwoHeads
from training.noise_separation import clean_probability


@dataclass(frozen=True, slots=True, kw_only=True)
class NrchOptions(HeadOptions):
    """NRCH's own settings; defaults are the reference code's, but for the epoch.

    Attributes:
        contrastive_weight: λ in [0, 1].
        margin: m.
        shift: ξ.
        temperature: τ.
        clean_threshold: Least probability of being clean that a sample needs to be trusted.
        separation_from_epoch: First epoch (counted from 1) in which noise is separated; before it everyone is trusted.
    """

    contrastive_weight: Annotated[float, Interval(ge=0, le=1)] = 0.6
    margin: Annotated[float, Ge(0)] = 0.2
    shift: Annotated[float, Ge(0)] = 1.0
    temperature: Annotated[float, Gt(0)] = 1.0
    clean_threshold: Annotated[float, Interval(ge=0, le=1)] = 0.3
    separation_from_epoch: Annotated[int, Gt(0)] = 6


class Nrch(TwoHeads):
    """The method.

    Args:
        options: Weights, margins and widths.
        n_train: Number of training samples.
        n_labels: Number of labels C.
    """

    def __init__(self, options: NrchOptions, *, n_train: int, n_labels: int) -> None:
        super().__init__(options, n_train=n_train, n_labels=n_labels)
        self._options = options
        self._prototypes = Parameter(torch.empty(0))
        self.trusted = torch.ones(n_train)

    def build_heads(self, feature_dims: dict[str, int], n_bits: int) -> dict[str, HashHead]:
        """Makes both heads, and orthogonal prototypes.

        Args:
            feature_dims: Width of the features by modality.
            n_bits: Bits of a code.

        Returns:
            The heads by modality.
        """
        heads = super().build_heads(feature_dims, n_bits)
        self._prototypes = Parameter(orthogonal_(torch.empty(self._n_labels, n_bits)))
        return heads

    def prepare(self, heads: dict[str, HashHead], train: LabelledFeatures) -> LabelledFeatures:
        """Puts trust where training happens.

        Args:
            heads: Left alone.
            train: Gives the device.

        Returns:
            The training split.
        """
        self.trusted = self.trusted.to(train.image.device)
        return train

    def parameters(self) -> list[Parameter]:
        """Returns the prototypes.

        Returns:
            One of (C, n_bits).
        """
        return [self._prototypes]

    def state(self) -> dict[str, Tensor]:
        """Returns prototypes and trust.

        Returns:
            ``prototypes``, (C, n_bits) float32, and ``trusted``, (N,) float32 of 0 and 1.
        """
        return {"prototypes": self._prototypes.detach(), "trusted": self.trusted}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Takes back what :meth:`state` gave.

        Args:
            state: Tensors by name.
        """
        self._prototypes.data.copy_(state["prototypes"])
        self.trusted = state["trusted"].clone()

    @torch.no_grad()
    def on_epoch_start(self, epoch: int, encode_train: Callable[[], RelaxedCodes], given_labels: Tensor) -> None:
        """Separates noise anew, from the set epoch on.

        Args:
            epoch: Counted from 1.
            encode_train: Gives the relaxed codes of the whole training split.
            given_labels: (N, C) float32.
        """
        if epoch >= self._options.separation_from_epoch:
            codes = encode_train()
            errors = prototype_errors(codes.image, codes.text, self._prototypes, given_labels)
            probability = clean_probability(worst_label_losses(errors, given_labels))
            self.trusted = (probability >= self._options.clean_threshold).to(torch.float32)

    def loss_terms(self, batch: Batch, relaxed_codes: RelaxedCodes) -> dict[str, Tensor]:
        """Returns λ mean ℓ, (1 − λ) mean q and L_prototype over the trusted samples; 0 each if there is none.

        Args:
            batch: Features and given labels.
            relaxed_codes: (B, n_bits) of length 1 each.

        Returns:
            ``contrastive``, ``quantization`` and ``prototype``, scalars.
        """
        kept = self.trusted[batch.sample_index].nonzero()[:, 0]
        u, v, labels, options = relaxed_codes.image[kept], relaxed_codes.text[kept], batch.given_labels[kept], self._options
        similar = (labels @ labels.T > 0).to(u.dtype)
        losses = robust_contrastive_losses(
            u, v, similar, margin=options.margin, shift=options.shift, temperature=options.temperature
        )
        level = u.shape[1] ** -0.5
        gaps = ((u.abs() - level).square() + (v.abs() - level).square()).mean(dim=1)
        errors = prototype_errors(u.detach(), v.detach(), self._prototypes, labels)
        n = max(len(kept), 1)
        return {
            "contrastive": options.contrastive_weight * losses.sum() / n,
            "quantization": (1.0 - options.contrastive_weight) * gaps.sum() / n,
            "prototype": errors.sum() / (n * self._n_labels),
        }
