"""Queries that have no answer in an index, as features: drawings, sentences and photographs of other worlds.

Decides what counts as another world. Does not know codes.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from model.backbones import load_backbone
from model.codes import Float32, UInt8
from model.errors import ConfigError
from model.manifest import MODALITIES
from training.config import RunConfig
from training.datasets import load_pairs
from training.datasets.openmoji import prepare_openmoji
from training.inputs import PairFeatures, extract_pair_features

_STRANGE = ("flags", "symbols", "food & drink", "objects")
_ABSTRACT = {"04", "07", "09", "10", "12", "24", "26", "28"}  # lexicographer files: acts, attributes, cognition, …, states, times
_FORMS = ("a {}", "a photo of a {}", "a {} on the grass", "a {} in the city")
_N_TEXTS = 500
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_MARKUP = re.compile(r"[`*\[\]]|\([^()]*(?:\.md|https?:)[^()]*\)")
Strangers = dict[str, dict[str, Float32]]
"""By kind and modality, (N, feature_dim) float32."""


@dataclass(frozen=True, slots=True)
class World:
    """What a run is asked.

    Attributes:
        parts: Features by split; the query split's pairs have an answer.
        strangers: Queries that have none.
    """

    parts: dict[str, PairFeatures]
    strangers: Strangers


def read_strangers(work: Path, label_names: Sequence[str], glosses: Path | None = None) -> Strangers:
    """Prepares drawings and texts and extracts their features; among the texts some that have an answer but are no captions.

    Args:
        work: Where drawings and their features go.
        label_names: What the answerable texts name.
        glosses: WordNet's ``data.noun``, if it is at hand.

    Returns:
        The features.
    """
    pairs = load_pairs(prepare_openmoji(work / "openmoji"), cache_dir=work / "cache")
    found = extract_pair_features(pairs.gallery, "gallery", RunConfig(), cache_dir=work / "cache")
    strange = [place for place, name in enumerate(pairs.label_names) if name in _STRANGE]
    rows = np.flatnonzero(found.true_labels[:, strange].any(axis=1))
    texts = {"technical prose": prose(Path(__file__).resolve().parents[1] / "docs"), "random letters": random_texts(_N_TEXTS)}
    texts |= {"names alone (answerable)": list(label_names), "short texts (answerable)": short_texts(label_names)}
    if glosses:
        texts["glosses"] = abstract_glosses(glosses.read_text(encoding="utf-8"))
    backbone = load_backbone("minilm-l6-v2")
    drawings = {name: np.array(getattr(found, name))[rows] for name in MODALITIES}
    read = {kind: {"text": backbone.extract([backbone.prepare(text) for text in chosen])} for kind, chosen in texts.items()}
    return {"drawings": drawings, **read}


def random_texts(n: int, seed: int = 0) -> list[str]:
    """Makes texts of four words of random letters.

    Args:
        n: How many.
        seed: Of the letters.

    Returns:
        The texts.
    """
    rng = random.Random(seed)  # noqa: S311
    return [" ".join("".join(rng.choices(string.ascii_lowercase, k=6)) for _ in range(4)) for _ in range(n)]


def short_texts(label_names: Sequence[str]) -> list[str]:
    """Returns what people type who look for such things.

    Args:
        label_names: Of the things.

    Returns:
        A few texts a thing.
    """
    return [form.format(name) for form in _FORMS for name in label_names]


def prose(folder: Path) -> list[str]:
    """Returns sentences of this project's own pages, at most 500, none of a table, a heading or code.

    Args:
        folder: Holds the pages.

    Returns:
        The sentences.
    """
    found = []
    for page in sorted(folder.rglob("*.md")):
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        plain = (part for part in text.split("\n\n") if not part.startswith(("|", "#", "-", "<", "!", "*", "    ")))
        found += [_MARKUP.sub("", each).strip() for part in plain for each in _SENTENCE.split(part.replace("\n", " "))]
    return _some([sentence for sentence in found if 20 < len(sentence) < 300])


def abstract_glosses(nouns: str) -> list[str]:
    """Returns what WordNet (https://wordnet.princeton.edu) says of nouns that nobody can photograph, 500 of them.

    Args:
        nouns: Content of its file ``data.noun``.

    Returns:
        The first sense of each, without examples.
    """
    lines = (line.partition("|") for line in nouns.splitlines() if not line.startswith("  "))
    found = [gloss.split(";")[0].strip() for facts, _, gloss in lines if facts.split()[1] in _ABSTRACT]
    return _some([gloss for gloss in found if len(gloss) > 15])


def _some(texts: Sequence[str]) -> list[str]:
    return random.Random(0).sample(texts, min(_N_TEXTS, len(texts)))  # noqa: S311


def apart(parts: Mapping[str, PairFeatures], label_names: Sequence[str], foreign: Sequence[str]) -> tuple[World, tuple[str, ...]]:
    """Parts a data set into a world without some labels and one with these alone; pairs with labels of both are left out.

    Args:
        parts: Features by split.
        label_names: (C) names.
        foreign: Those of the other world.

    Returns:
        The world, its strangers being the pairs of query and gallery with foreign labels alone; and the names that it keeps.

    Raises:
        ConfigError: If a label is none of the data's, or none is left.
    """
    unknown = set(foreign) - set(label_names)
    kept = [place for place, name in enumerate(label_names) if name not in foreign]
    if unknown or not foreign or not kept:
        raise ConfigError([f"labels of another world: expected some of {', '.join(label_names)}; got {', '.join(foreign)}"])
    others = [place for place in range(len(label_names)) if place not in kept]
    own = {name: _without(part, others, kept) for name, part in parts.items()}
    strange = [_without(parts[name], kept, others) for name in ("query", "gallery")]
    photographs = {name: np.concatenate([getattr(part, name) for part in strange]) for name in MODALITIES}
    return World(own, {"photographs": photographs}), tuple(label_names[place] for place in kept)


def _without(part: PairFeatures, foreign: Sequence[int], columns: Sequence[int]) -> PairFeatures:
    """Returns the pairs that have none of the foreign labels, with the columns of the others."""
    chosen = np.flatnonzero(part.true_labels[:, foreign].sum(axis=1) == 0)
    labels: UInt8 = part.true_labels[chosen][:, columns]
    return replace(part, image=np.array(part.image)[chosen], text=np.array(part.text)[chosen], true_labels=labels)
