"""Label noise for experiments: what training may see (`given_labels`) from what is true (`true_labels`).

Decides which entries change, from a seed alone. Does not know methods or data sets.
"""

from __future__ import annotations

import numpy as np

from model.codes import UInt8

_STREAM = 0x4E01  # keeps this generator apart from others with the same seed, such as that of the validation cut


def add_label_noise(true_labels: UInt8, noise_rate: float, *, seed: int) -> UInt8:
    """Of floor(N · noise_rate) samples, switches one random true label off and one random absent label on.

    Source: the SCBCH reference code (2025, https://github.com/Plke/SCBCH). The rate is one of *samples*, not of labels.

    Note: a sample without labels only gains one, a sample with all labels only loses one.

    Args:
        true_labels: (N, C) uint8 of 0 and 1.
        noise_rate: Share of samples that are changed, in [0, 1].
        seed: Decides everything that is random here.

    Returns:
        (N, C) uint8, a changed copy.
    """
    rng = np.random.default_rng([seed, _STREAM])
    given_labels = true_labels.copy()
    n_changed = int(len(true_labels) * noise_rate)
    for row in rng.permutation(len(true_labels))[:n_changed]:
        present, absent = np.flatnonzero(true_labels[row] == 1), np.flatnonzero(true_labels[row] == 0)
        if present.size:
            given_labels[row, rng.choice(present)] = 0
        if absent.size:
            given_labels[row, rng.choice(absent)] = 1
    return given_labels
