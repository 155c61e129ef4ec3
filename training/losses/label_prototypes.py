"""NRCH's prototypes: a learned code for each label, and how badly a sample's labels fit its codes.

Source: NRCH (Wang et al., ACM MM 2024), https://doi.org/10.1145/3664647.3680564, as its reference code computes it
(https://github.com/LonganWANG-cs/NRCH). With y' = 2y − 1 and prototypes w_c = tanh(W_c):

    e_ic = (y'_ic − u_i · w_c)² + (y'_ic − v_i · w_c)²
    L = mean_ic e_ic          ℓ_i = max of e_ic over the given labels c of i, 0 where there is none

Decides nothing but these formulas.
"""

from __future__ import annotations

import torch
from torch import Tensor


def prototype_errors(image_codes: Tensor, text_codes: Tensor, prototypes: Tensor, given_labels: Tensor) -> Tensor:
    """Returns e of the module's docstring.

    Args:
        image_codes: (N, n_bits) float32 of length 1, u.
        text_codes: (N, n_bits) float32 of length 1, v.
        prototypes: (C, n_bits) float32, W.
        given_labels: (N, C) float32 of 0 and 1, y.

    Returns:
        (N, C) float32.
    """
    wanted, codes = 2.0 * given_labels - 1.0, torch.tanh(prototypes)
    return (wanted - image_codes @ codes.T).square() + (wanted - text_codes @ codes.T).square()


def worst_label_losses(errors: Tensor, given_labels: Tensor) -> Tensor:
    """Returns ℓ of the module's docstring.

    Args:
        errors: (N, C) float32, e.
        given_labels: (N, C) float32 of 0 and 1.

    Returns:
        (N,) float32.
    """
    return (errors * given_labels).amax(dim=1)
