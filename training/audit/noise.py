"""What befell the given labels of a run: labels of whole samples, some perhaps mistaken for certain others, or single labels.

Decides between these models. Does not know what is made of it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from model.codes import Float32
from training.label_posterior import LabelPosterior
from training.methods.base import LabelledFeatures
from training.noise_by_label import fit_noise_by_label
from training.noise_by_pair import fit_noise_by_pair
from training.noise_by_sample import SampleNoise, fit_noise_by_sample
from training.true_labels import held_out_scores

Fit = Callable[[Float32, Float32], LabelPosterior]


def estimate_noise(train: LabelledFeatures) -> LabelPosterior:
    """Fits three noise models to predictions from both modalities together, each pair predicted by a regression without it.

    By sample, by label (both as in ``training.true_labels``), and by sample with odds for each pair of labels. That with the
    highest likelihood of the given labels is taken, where the last one's logarithm is lowered by one for each of its C(C − 1) odds.
    If it is one by sample, a second regression learns from its probabilities in the place of the given labels, and the model is
    fitted once more.

    Source: H. Akaike, A new look at the statistical model identification (1974), https://doi.org/10.1109/TAC.1974.1100705.

    Args:
        train: Features and given labels.

    Returns:
        All that was estimated under that model.
    """
    given = train.given_labels.cpu().numpy()
    scores, (n_samples, n_labels) = held_out_scores(train), given.shape
    penalties: dict[Fit, float] = {
        fit_noise_by_sample: 0,
        fit_noise_by_label: 0,
        fit_noise_by_pair: n_labels * (n_labels - 1) / n_samples,
    }
    found = {fit: fit(scores, given) for fit in penalties}
    fit = max(found, key=lambda each: found[each].log_likelihood - penalties[each])
    if not isinstance(found[fit], SampleNoise):
        return found[fit]
    learnt = torch.from_numpy(found[fit].probability).to(train.given_labels.device)
    return fit(held_out_scores(train, targets=learnt), given)
