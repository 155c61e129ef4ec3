"""Cuts train, query and gallery from pairs that come as one heap.

Decides the shares: query is a tenth of the pairs but at most 2,000, gallery a fifth, train the rest. Does not know files.
"""

from __future__ import annotations

import numpy as np

from model.errors import DatasetError
from training.datasets.base import PairDataset, PairSplits

QUERY_SHARE = 0.1
GALLERY_SHARE = 0.2
MAX_QUERY = 2000
MIN_PAIRS = 10


def cut_splits(pairs: PairDataset, *, seed: int) -> PairSplits:
    """Deals pairs out to the three splits at random; the same pairs and seed give the same splits.

    Args:
        pairs: All pairs, 10 or more.
        seed: Of the permutation.

    Returns:
        Splits that are disjoint and together hold every pair, each in the order of ``pairs``.

    Raises:
        DatasetError: If there are fewer than 10 pairs.
    """
    if len(pairs) < MIN_PAIRS:
        raise DatasetError(f"{len(pairs)} pairs are too few to cut train, query and gallery from; {MIN_PAIRS} are the least")
    n_query = min(MAX_QUERY, int(len(pairs) * QUERY_SHARE))
    n_gallery = int(len(pairs) * GALLERY_SHARE)
    order = np.random.default_rng(seed).permutation(len(pairs))
    query, gallery, train = np.split(order, [n_query, n_query + n_gallery])
    return PairSplits(
        train=pairs.subset(np.sort(train)),
        query=pairs.subset(np.sort(query)),
        gallery=pairs.subset(np.sort(gallery)),
        label_names=pairs.label_names,
    )
