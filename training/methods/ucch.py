"""UCCH: Unsupervised Contrastive Cross-modal Hashing. Looks at no label, so label noise does not touch it.

Source: Hu et al. (TPAMI 2022), https://doi.org/10.1109/TPAMI.2022.3177356; weights as in its reference code
(https://github.com/penghu-cs/UCCH). L = α L_instance + (1 − α) mean_i ℓ_i, with ℓ of :mod:`training.losses.robust_contrastive`
where nothing counts as similar.

Note: no memory and no momentum (:mod:`training.losses.instance_contrastive`), no clipping of gradients, batches of this project's
size instead of 256. The epoch that is kept is still chosen by the validation pairs' given labels, as for every method here.

Decides how the terms are joined. Does not know how batches come about or which epoch is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor

from training.losses.instance_contrastive import instance_contrastive_loss
from training.losses.robust_contrastive import robust_contrastive_losses
from training.methods.base import Batch, RelaxedCodes
from training.methods.two_heads import HeadOptions, TwoHeads


@dataclass(frozen=True, slots=True, kw_only=True)
class UcchOptions(HeadOptions):
    """UCCH's own settings; defaults are the reference code's.

    Attributes:
        instance_weight: α in [0, 1].
        temperature: t of the instance term.
        margin: m of the ranking term.
        shift: ξ of the ranking term.
    """

    instance_weight: Annotated[float, Interval(ge=0, le=1)] = 0.9
    temperature: Annotated[float, Gt(0)] = 0.9
    margin: Annotated[float, Ge(0)] = 0.2
    shift: Annotated[float, Ge(0)] = 1.0


class Ucch(TwoHeads):
    """The method.

    Args:
        options: Weights, margins and widths.
        n_train: Number of training samples.
        n_labels: Number of labels C; not used.
    """

    def __init__(self, options: UcchOptions, *, n_train: int, n_labels: int) -> None:
        super().__init__(options, n_train=n_train, n_labels=n_labels)
        self._options = options

    def loss_terms(self, batch: Batch, relaxed_codes: RelaxedCodes) -> dict[str, Tensor]:
        """Returns α L_instance and (1 − α) times the ranking term.

        Args:
            batch: Left alone.
            relaxed_codes: (B, n_bits) of length 1 each.

        Returns:
            ``instance`` and ``ranking``, scalars.
        """
        u, v, options = relaxed_codes.image, relaxed_codes.text, self._options
        nothing = torch.zeros(len(u), len(u), dtype=u.dtype, device=u.device)
        ranking = robust_contrastive_losses(u, v, nothing, margin=options.margin, shift=options.shift, temperature=1.0).mean()
        return {
            "instance": options.instance_weight * instance_contrastive_loss(u, v, temperature=options.temperature),
            "ranking": (1.0 - options.instance_weight) * ranking,
        }
