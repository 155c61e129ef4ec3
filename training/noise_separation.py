"""Which training samples are likely mislabelled, by how badly their labels fit.

Decides the mixture that is fitted. Does not know what the losses are of.
"""

from __future__ import annotations

import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor


def clean_probability(losses: Tensor) -> Tensor:
    """Fits two Gaussians to the samples' losses and returns how likely each belongs to the one with the lower mean.

    Source: DivideMix (Li et al., ICLR 2020), https://arxiv.org/abs/2002.07394, as used by NRCH (Wang et al., ACM MM 2024),
    https://doi.org/10.1145/3664647.3680564, on losses scaled to [0, 1].

    Note: NRCH's code stops after at most 10 rounds or where the likelihood gains less than 0.5; here the fit runs until it stands,
    from a fixed start, so that a resumed run finds the same.

    Args:
        losses: (N,) float32.

    Returns:
        (N,) float32 in [0, 1]; 1 for all where losses do not differ.
    """
    lowest, highest = losses.min(), losses.max()
    if not highest - lowest > 1e-6:
        return torch.ones_like(losses)
    scaled = ((losses - lowest) / (highest - lowest)).double().cpu().numpy()[:, None]
    mixture = GaussianMixture(n_components=2, reg_covar=5e-4, max_iter=500, random_state=0).fit(scaled)
    probability = mixture.predict_proba(scaled)[:, mixture.means_[:, 0].argmin()]
    return torch.from_numpy(probability).to(losses)
