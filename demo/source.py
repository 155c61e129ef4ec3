"""The pairs of the demonstration: OpenMoji unless the caller brings their own.

Decides what is kept beside each item. Does not know the trainer or the service.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from demo.options import Options, data_settings
from training.datasets import PairDataset, PairSplits, load_pairs
from training.progress import progress_bar


@dataclass(frozen=True, slots=True)
class Source:
    """Pairs, and what to say of them.

    Attributes:
        folder: Where they lie.
        pairs: All splits.
        payloads: Further facts by item id.
        attribution: Whose work they are; empty if the caller knows.
    """

    folder: Path
    pairs: PairSplits
    payloads: Mapping[str, Mapping[str, Any]]
    attribution: str

    def payload(self, split: PairDataset, i: int) -> dict[str, Any]:
        """Returns what the service keeps beside an item.

        Args:
            split: Its split.
            i: Its position there.

        Returns:
            A JSON object with the item's labels.
        """
        return {"labels": labels_of(split, i), **self.payloads.get(split.ids[i], {})}


def open_source(options: Options) -> Source:
    """Prepares OpenMoji, or reads the caller's pairs.

    Args:
        options: What the demonstration was asked for.

    Returns:
        The pairs, pictures still unread.

    Raises:
        DatasetError: If the pairs cannot be read.
        DemoError: If the configuration cannot be read.
    """
    columns, seed = data_settings(options)
    payloads: Mapping[str, Mapping[str, Any]] = {}
    attribution = ""
    if options.data is None:
        # Imported late: with one's own pairs none of the drawings' packages is needed.
        from training.datasets.openmoji import ATTRIBUTION, prepare_openmoji, read_payloads

        with progress_bar("rasterising", unit="drawings") as progress:
            folder = prepare_openmoji(options.work / "openmoji", progress=progress)
        payloads, attribution = read_payloads(folder), ATTRIBUTION
    else:
        folder = options.data
    pairs = load_pairs(folder, columns=columns, seed=seed, cache_dir=options.cache_dir)
    return Source(folder, pairs, payloads, attribution)


def labels_of(split: PairDataset, i: int) -> list[str]:
    """Returns the names of an item's true labels.

    Args:
        split: Its split.
        i: Its position there.

    Returns:
        Names in the order of the classes.
    """
    return [split.label_names[column] for column in np.flatnonzero(split.true_labels[i])]


def choose_questions(pairs: PairSplits) -> tuple[int, int, int]:
    """Chooses what to ask: pairs of the query split whose labels are the commonest in train, each with other labels.

    Nothing is looked at but labels, so that the searches shown are not picked for their results.

    Args:
        pairs: All splits.

    Returns:
        Three positions in the query split; repeated if it has fewer sets of labels.
    """
    frequency = Counter(row.tobytes() for row in pairs.train.true_labels)
    first_of = {row.tobytes(): i for i, row in reversed(list(enumerate(pairs.query.true_labels)))}
    commonest = sorted(first_of, key=lambda labels: (-frequency[labels], first_of[labels]))
    first, second, third = (commonest * 3)[:3]
    return first_of[first], first_of[second], first_of[third]
