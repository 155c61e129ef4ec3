"""The ranking loss of UCCH, and its robust form in NRCH: a pair against all others, of which those like it do not repel.

Source: UCCH (Hu et al., TPAMI 2022), https://doi.org/10.1109/TPAMI.2022.3177356, its cross-modal ranking loss; NRCH (Wang et al.,
ACM MM 2024), https://doi.org/10.1145/3664647.3680564, its robust contrastive loss; both as their reference codes compute them
(https://github.com/penghu-cs/UCCH, https://github.com/LonganWANG-cs/NRCH). With S, N^i2t and N^t2i as in
:mod:`training.losses.soft_contrastive`, and T_ij = 1 where i and j ≠ i count as similar (never in UCCH):

    ℓ_i = −S_ii + τ log Σ_j exp((1 − T_ij) N^i2t_ij / τ) + m  −  S_ii + τ log Σ_j exp((1 − T_ji) N^t2i_ji / τ) + m

Only a pair's own two sides attract: a false label can at most keep two samples from repelling each other.

Note: NRCH's code takes N^i2t for both directions, and cuts the sums' own term at 0 from below; here each direction has its own N,
uncut, as in UCCH.

Decides nothing but this formula.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.losses.soft_contrastive import shifted_similarity


def robust_contrastive_losses(
    image_codes: Tensor, text_codes: Tensor, similar: Tensor, *, margin: float, shift: float, temperature: float
) -> Tensor:
    """Returns ℓ of the module's docstring.

    Args:
        image_codes: (B, n_bits) float32 of length 1, u.
        text_codes: (B, n_bits) float32 of length 1, v.
        similar: (B, B) float32 of 0 and 1, T; its diagonal is taken as 0.
        margin: m, a difference of cosines.
        shift: ξ, likewise.
        temperature: τ > 0.

    Returns:
        (B,), a loss for each pair.
    """
    similarity = image_codes @ text_codes.T
    own, repels = similarity.diagonal(), 1.0 - similar.clone().fill_diagonal_(0.0)
    i2t = repels * shifted_similarity(similarity, own[:, None], margin=margin, shift=shift)
    t2i = repels * shifted_similarity(similarity, own[None, :], margin=margin, shift=shift)
    normalisers = torch.logsumexp(i2t / temperature, dim=1) + torch.logsumexp(t2i / temperature, dim=0)
    return temperature * normalisers - 2.0 * own + 2.0 * margin
