"""What explanations are worth: predicted labels, labels that are said to be shared, and bits that are said to be undecided.

    python -m bench.explanations --data DIR [--bundle bundles/photos-64] [--config photos] [--write docs/explanations.md]

Measured on the pairs that the bundle's configuration cuts from the training split for validation: neither heads nor label readers
have learned from them. The heads' epoch and the readers' shrinkage were chosen by them; the query split is not looked at.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from pathlib import Path

import numpy as np

from app.explanation import UNDECIDED_BELOW
from bench.grid_command import exit_code
from bench.methods_table import put_between_marks
from bench.tables import grid
from model.bundle import EncoderBundle
from model.codes import Float32, UInt8, hamming_distances, pack_codes, sign_codes
from model.errors import ConfigError
from model.label_reader import LabelReader
from model.manifest import MODALITIES
from training.bundle_codes import DataSource, encode_data
from training.config import load_config
from training.inputs import make_training_labels
from training.label_reading import JudgedCodes, judge_labels

_NAME = "explanations"
_N_HITS = 10
_EDGES = (0.0, 0.1, UNDECIDED_BELOW, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, math.inf)


@dataclass(frozen=True, slots=True)
class Seen:
    """Pairs to judge by.

    Attributes:
        relaxed: (N, n_bits) float32 by modality.
        labels: (N, C) uint8.
    """

    relaxed: dict[str, Float32]
    labels: UInt8

    def judged(self) -> JudgedCodes:
        """Returns what a reader sees of them."""
        return JudgedCodes({name: sign_codes(codes) for name, codes in self.relaxed.items()}, self.labels.astype(np.float32))


def readers_of(bundle_dir: Path) -> dict[str, LabelReader]:
    """Returns what reads a bundle's labels, and what might.

    Args:
        bundle_dir: Folder of the bundle.

    Returns:
        By a name for people.

    Raises:
        ConfigError: If the bundle has no label reader.
    """
    bundle = EncoderBundle.from_pretrained(bundle_dir)
    if bundle.label_reader is None:
        raise ConfigError([f"{bundle_dir}: has no label reader; `python -m training labels` makes one"])
    found = {"label reader": bundle.label_reader}
    found |= {f"label reader, from {least} on": replace(bundle.label_reader, least_probability=least) for least in (0.5, 0.8)}
    if bundle.classifiers:
        lengths = {name: math.sqrt(bundle.n_bits) if bundle.heads[name].unit_norm else 1.0 for name in MODALITIES}
        # they learned from codes so long, without a bias
        weights = {name: np.asarray(bundle.classifiers[name].numpy() / lengths[name], np.float32) for name in MODALITIES}
        rough = replace(bundle.label_reader, weights=weights, biases=dict.fromkeys(MODALITIES, np.zeros(1, np.float32)))
        found |= {"classifiers of training": rough, "classifiers of training, from 0.5 on": replace(rough, least_probability=0.5)}
    return found


def label_rows(readers: dict[str, LabelReader], seen: Seen) -> Iterator[list[str]]:
    """Judges predicted labels.

    Args:
        readers: By name.
        seen: Pairs to judge by.

    Yields:
        A row a reader and modality.
    """
    judged = seen.judged()
    for (title, reader), modality in product(readers.items(), MODALITIES):
        figures = judge_labels(reader, modality, judged)
        told = reader.probabilities(modality, judged.signs[modality]) >= reader.least_probability
        shown = [_figure(figures[name]) for name in ("precision", "recall", "calibration_error")]
        yield [title, modality, f"{reader.least_probability:g}", *shown, f"{int(told.any(axis=0).sum())} of {told.shape[1]}"]


def shared_rows(readers: dict[str, LabelReader], seen: Seen) -> Iterator[list[str]]:
    """Judges labels that are said to be shared with the nearest other pairs.

    Args:
        readers: By name.
        seen: Each of them asks, the others are searched.

    Yields:
        A row a reader and direction.
    """
    judged = seen.judged()
    packed = {name: pack_codes(signs) for name, signs in judged.signs.items()}
    for (title, reader), (asks, found) in product(readers.items(), product(MODALITIES, MODALITIES)):
        told = {name: reader.probabilities(name, judged.signs[name]) >= reader.least_probability for name in (asks, found)}
        distances = hamming_distances(packed[asks], packed[found])
        np.fill_diagonal(distances, distances.max() + 1)  # the own other half is no hit
        nearest = np.argsort(distances, axis=1, kind="stable")[:, : min(_N_HITS, len(distances) - 1)]
        said = told[asks][:, None, :] & told[found][nearest]
        true = (seen.labels[:, None, :] & seen.labels[nearest]).astype(bool)
        right = (said & true).any(axis=2)[true.any(axis=2)].mean()
        yield [title, f"{asks} → {found}", _share(said & true, said), f"{said.sum(axis=2).mean():.2f}", f"{right:.3f}"]


def certainty_rows(seen: Seen) -> Iterator[list[str]]:
    """Counts how often a bit is the other way round in the pair's other half, by its size: its certainty before that is cut at 1.

    Args:
        seen: Pairs to count in.

    Yields:
        A row a stretch of sizes.
    """
    signs = seen.judged().signs
    sizes = {name: np.abs(codes) / np.sqrt((codes**2).mean(axis=1, keepdims=True)) for name, codes in seen.relaxed.items()}
    other = signs["image"] != signs["text"]
    for low, high in pairwise(_EDGES):
        inside = {name: (values >= low) & (values < high) for name, values in sizes.items()}
        cells = [cell for name in MODALITIES for cell in (f"{inside[name].mean():.1%}", _share(other & inside[name], inside[name]))]
        yield [f"{low:g} to {high:g}" if high < math.inf else f"{low:g} and more", *cells]
    yield ["all", *(cell for _ in MODALITIES for cell in ("100%", f"{other.mean():.3f}"))]
    below = [f"{(values < UNDECIDED_BELOW).sum(axis=1).mean():.1f} bits" for values in sizes.values()]
    yield [f"below {UNDECIDED_BELOW:g}, a code", below[0], "", below[1], ""]


def _share(part: np.ndarray, whole: np.ndarray) -> str:
    return f"{part.sum() / whole.sum():.3f}" if whole.any() else "—"


def _figure(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}"


def page(readers: dict[str, LabelReader], seen: Seen, source: str) -> str:
    """Writes the tables.

    Args:
        readers: By name.
        seen: Pairs to judge by.
        source: Name of the data.

    Returns:
        Markdown.
    """
    columns = ("read by", "of", "from p", "precision", "recall", "calibration error", "labels ever predicted")
    shared = ("read by", "query → hit", "right", "labels a hit", "a right one, where there is one")
    sure = ("size", "image's bits", "other in the caption", "caption's bits", "other in the image")
    lines = [
        f"Measured on the {len(seen.labels)} validation pairs of {source}.",
        "",
        *grid(columns, label_rows(readers, seen)),
        "",
        f"Labels said to be shared with the first {_N_HITS} hits:",
        "",
        *grid(shared, shared_rows(readers, seen)),
        "",
        "Bits of a picture that its caption has the other way round, and the reverse:",
        "",
        *grid(sure, certainty_rows(seen)),
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints, and writes the page if one is named.

    Args:
        arguments: Words of the command line; None for those of the process.

    Returns:
        See :func:`bench.grid_command.exit_code`.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="folder of the data set that the bundle was trained on")
    add("--bundle", type=Path, default=Path("bundles/photos-64"), metavar="DIR", help="folder of the bundle")
    add("--config", type=Path, default=Path("photos"), metavar="FILE", help="its configuration, which decides the cut")
    add("--cache-dir", type=Path, default=Path(".cache/bitlens"), metavar="DIR", help="where features are kept")
    add("--write", type=Path, metavar="FILE", help="page to put the tables into")
    options = parser.parse_args(arguments)
    return exit_code(lambda: _measure(options))


def _measure(options: argparse.Namespace) -> int:
    if options.write:
        put_between_marks(options.write, _NAME, "")  # refused now, not after minutes
    config = load_config(options.config)
    readers, bundle = readers_of(options.bundle), EncoderBundle.from_pretrained(options.bundle)
    train = encode_data(bundle, DataSource(options.data, config.data, options.cache_dir), ["train"]).codes["train"]
    index = make_training_labels(train.labels.astype(np.uint8), config).validation_index
    seen = Seen({name: getattr(train, name)[index] for name in MODALITIES}, train.labels[index].astype(np.uint8))
    text = page(readers, seen, options.data.resolve().name)
    sys.stdout.write(f"{text}\n")
    if options.write:
        options.write.write_text(put_between_marks(options.write, _NAME, text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
