"""UCCH's hashing term: each modality must find its own pair's sign code among the others'.

Source: UCCH (Hu et al., TPAMI 2022), https://doi.org/10.1109/TPAMI.2022.3177356, as its reference code computes it in its warm-up
epoch (https://github.com/penghu-cs/UCCH). With b_j = sign(u_j + v_j), which carries no gradient:

    L = mean_i −log softmax_j(u_i · b_j / (t √K))_i + mean_i −log softmax_j(v_i · b_j / (t √K))_i

Signs stand in the loss itself, so that it needs no other quantisation term.

Note: after its warm-up the reference takes b from a memory of all samples' codes, moved by momentum 0.4 and drawn 4096 at a time;
here b always comes from the batch, which needs no state.

Decides nothing but this formula.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def instance_contrastive_loss(image_codes: Tensor, text_codes: Tensor, *, temperature: float) -> Tensor:
    """Returns L of the module's docstring.

    Args:
        image_codes: (B, n_bits) float32 of length 1, u.
        text_codes: (B, n_bits) float32 of length 1, v.
        temperature: t > 0.

    Returns:
        Scalar.
    """
    signs = torch.where(image_codes.detach() + text_codes.detach() >= 0, 1.0, -1.0).to(image_codes.dtype)
    own = torch.arange(len(signs), device=signs.device)
    scale = temperature * signs.shape[1] ** 0.5
    return F.cross_entropy(image_codes @ signs.T / scale, own) + F.cross_entropy(text_codes @ signs.T / scale, own)
