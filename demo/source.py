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
        texts: Two texts to ask for in words of our own; None to ask with captions of the query split.
    """

    folder: Path
    pairs: PairSplits
    payloads: Mapping[str, Mapping[str, Any]]
    attribution: str
    texts: tuple[str, str] | None = None

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
    if options.data is not None:
        return Source(options.data, load_pairs(options.data, columns=columns, seed=seed, cache_dir=options.cache_dir), {}, "")
    # Imported late: with one's own pairs none of the drawings' packages is needed.
    from training.datasets.openmoji import ATTRIBUTION, prepare_openmoji, read_payloads

    with progress_bar("rasterising", unit="drawings") as progress:
        folder = prepare_openmoji(options.work / "openmoji", progress=progress)
    pairs = load_pairs(folder, columns=columns, seed=seed, cache_dir=options.cache_dir)
    return Source(folder, pairs, read_payloads(folder), ATTRIBUTION, ("a happy smiling face", "driving a car"))


def labels_of(split: PairDataset, i: int) -> list[str]:
    """Returns the names of an item's true labels.

    Args:
        split: Its split.
        i: Its position there.

    Returns:
        Names in the order of the classes.
    """
    return [split.label_names[column] for column in np.flatnonzero(split.true_labels[i])]


@dataclass(frozen=True, slots=True)
class Questions:
    """What to ask.

    Attributes:
        texts: Two texts, each with its true labels if they are known.
        image: Position of a pair of the query split, whose picture is the third question.
    """

    texts: tuple[tuple[str, frozenset[str]], tuple[str, frozenset[str]]]
    image: int


def choose_questions(source: Source) -> Questions:
    """Chooses pairs of the query split whose labels are the commonest in train, each with other labels.

    Nothing is looked at but labels, so that the searches shown are not picked for their results.

    Args:
        source: The pairs; its own two texts, if it has any, take the place of captions.

    Returns:
        Two texts and a picture; repeated if the query split has fewer sets of labels.
    """
    query = source.pairs.query
    frequency = Counter(row.tobytes() for row in source.pairs.train.true_labels)
    first_of = {row.tobytes(): i for i, row in reversed(list(enumerate(query.true_labels)))}
    commonest = sorted(first_of, key=lambda labels: (-frequency[labels], first_of[labels]))
    first, second, third = (first_of[labels] for labels in (commonest * 3)[:3])
    if source.texts is not None:
        return Questions(((source.texts[0], frozenset()), (source.texts[1], frozenset())), third)
    captions = [(query.texts[i], frozenset(labels_of(query, i))) for i in (first, second)]
    return Questions((captions[0], captions[1]), third)
