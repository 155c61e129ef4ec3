"""Who abstains: queries that have an answer in the index, and queries that have none, over ``min_precision``.

    OMP_NUM_THREADS=1 python -m bench.abstention RUN… --data DIR --work DIR [--cache-dir DIR]

A query abstains if nothing in the index (train and gallery) lies within the radius that ``min_precision`` stands for. The query
split's pairs are answerable. Without an answer are: the same queries on an index from which all that shares a label with them was
taken (``label taken out``); drawings of OpenMoji of flags, symbols, food and objects, and their names (``other world``); and words
of random letters (``random``). Beside the curve stand two numbers that need no ``min_precision``: how many of a kind abstain at the
radius where a tenth of the answerable ones do, and the probability that an answerable query's nearest item is nearer than one of
the kind (one half is chance). Markdown tables; the last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import string
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.calibration import encode_part, read_splits
from bench.calibration_run import find_hits
from bench.grid_command import exit_code
from model.backbones import load_backbone
from model.calibration import MODALITY_PAIRS, DistanceCurve
from model.code_health import nearer_share
from model.codes import Float32
from model.encoder import encode_features
from model.manifest import MODALITIES
from training.bundle_codes import join_codes
from training.calibrating import calibrate_run
from training.config import RunConfig
from training.datasets import load_pairs
from training.datasets.openmoji import prepare_openmoji
from training.evaluation import LabelledCodes
from training.export import read_heads
from training.inputs import extract_pair_features
from training.run_folder import RunFolder

WANTED = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.98)
_STRANGE = ("flags", "symbols", "food & drink", "objects")
_N_RANDOM, _AIM_UNANSWERABLE, _AIM_ANSWERABLE = 500, 0.9, 0.1
Nearest = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Strangers:
    """Features of queries from other worlds.

    Attributes:
        other_world: By modality, (N, feature_dim) float32.
        random: Of texts alone, likewise.
    """

    other_world: dict[str, Float32]
    random: Float32


def read_strangers(work: Path) -> Strangers:
    """Prepares drawings and words and extracts their features.

    Args:
        work: Where drawings and their features go.

    Returns:
        The features.
    """
    pairs = load_pairs(prepare_openmoji(work / "openmoji"), cache_dir=work / "cache")
    found = extract_pair_features(pairs.gallery, "gallery", RunConfig(), cache_dir=work / "cache")
    strange = [place for place, name in enumerate(pairs.label_names) if name in _STRANGE]
    rows = np.flatnonzero(found.true_labels[:, strange].any(axis=1))
    backbone = load_backbone("minilm-l6-v2")
    texts = [backbone.prepare(text) for text in random_texts(_N_RANDOM)]
    return Strangers({name: np.array(getattr(found, name))[rows] for name in MODALITIES}, backbone.extract(texts))


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


def nearest_of(everything: npt.NDArray[np.float64]) -> Nearest:
    """Returns the distance of each query's nearest item; one more than n_bits where there is none.

    Args:
        everything: (Q, n_bits + 1) float64, items by distance.

    Returns:
        (Q) int64.
    """
    found: Nearest = np.where(everything.any(axis=1), (everything > 0).argmax(axis=1), everything.shape[1])
    return found


def abstaining(nearest: Nearest, curve: DistanceCurve, min_precision: float) -> float:
    """Returns the share of queries with nothing within the radius.

    Args:
        nearest: (Q) int64, distances of their nearest items.
        curve: Gives the radius.
        min_precision: The wanted one.

    Returns:
        In [0, 1].
    """
    radius = sum(value >= min_precision for value in curve.value) - 1
    return float((nearest > radius).mean())


def measure_run(run: RunFolder, data: Any, strangers: Strangers) -> dict[str, Any]:
    """Measures one run in all four directions.

    Args:
        run: A finished run.
        data: Features of all splits.
        strangers: Queries from other worlds.

    Returns:
        By direction and kind, JSON-able.
    """
    heads = read_heads(run)
    codes = {name: encode_part(heads, part) for name, part in data.parts.items()}
    index = join_codes([codes["train"], codes["gallery"]])
    calibration = calibrate_run(run, data.parts["train"], "", index="all")
    kinds: dict[str, dict[tuple[str, str], Nearest]] = {"answerable": {}, "label taken out": {}, "other world": {}, "random": {}}
    for pair, hits in find_hits(codes["query"], index).items():
        kinds["answerable"][pair] = nearest_of(hits.everything)
        kinds["label taken out"][pair] = nearest_of(hits.everything - hits.relevant)
    world = {name: encode_features(heads[name], strangers.other_world[name]) for name in MODALITIES}
    words = encode_features(heads["text"], strangers.random)
    for kind, image, text in (("other world", world["image"], world["text"]), ("random", words, words)):
        nobody = LabelledCodes(image, text, np.zeros((len(text), index.labels.shape[1]), np.uint8))
        found = find_hits(nobody, index)
        kinds[kind] = {pair: nearest_of(found[pair].everything) for pair in MODALITY_PAIRS if kind != "random" or pair[0] == "text"}
    return {"-".join(pair): _compare(kinds, pair, calibration.curves[pair]) for pair in MODALITY_PAIRS}


def _compare(kinds: dict[str, dict[tuple[str, str], Nearest]], pair: tuple[str, str], curve: DistanceCurve) -> dict[str, Any]:
    answerable, width = kinds["answerable"][pair], len(curve.value) + 1
    found: dict[str, Any] = {"min_precision": list(WANTED)}
    for kind, nearest in kinds.items():
        if pair not in nearest:
            continue
        found[kind] = [abstaining(nearest[pair], curve, wanted) for wanted in WANTED]
        if kind != "answerable":
            sides = [np.bincount(each, minlength=width).astype(np.float64) for each in (answerable, nearest[pair])]
            found[f"{kind}, limits"] = _limits(answerable, nearest[pair], width) | {"nearer_share": nearer_share(*sides)}
    return found


def _limits(answerable: Nearest, other: Nearest, width: int) -> dict[str, float]:
    """Goes through all radii: what is best, whatever ``min_precision`` leads to it."""
    shares = [(float((other > radius).mean()), float((answerable > radius).mean())) for radius in range(-1, width)]
    return {
        "unanswerable_at_aim": max((other for other, mine in shares if mine <= _AIM_ANSWERABLE), default=0.0),
        "answerable_at_aim": min((mine for other, mine in shares if other >= _AIM_UNANSWERABLE), default=1.0),
    }


def render(found: dict[str, Any]) -> str:
    """Writes the curves of one run.

    Args:
        found: As of :func:`measure_run`.

    Returns:
        Markdown.
    """
    wanted = next(iter(found.values()))["min_precision"]
    lines = [f"| abstaining at `min_precision` | {' | '.join(f'{p:g}' for p in wanted)} | at 10 % of answerable | nearest tells |"]
    lines.append("|---|" + "---|" * (len(wanted) + 2))
    for pair, kinds in found.items():
        for kind, shares in kinds.items():
            if kind == "min_precision" or kind.endswith("limits"):
                continue
            limits = kinds.get(f"{kind}, limits")
            ends = f"{limits['unanswerable_at_aim']:.0%} | {limits['nearer_share']:.3f}" if limits else " | "
            cells = " | ".join(f"{share:.0%}" for share in shares)
            lines.append(f"| {pair.replace('-', ' → ')}, {kind} | {cells} | {ends} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables, then all figures as one line of JSON.

    Args:
        arguments: Of the command line; None for the process's own.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folder of a finished run")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the data set they were trained on")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="where drawings are kept")
    parser.add_argument("--cache-dir", type=Path, default=Path(".cache/bitlens"), metavar="DIR", help="where features are kept")
    options = parser.parse_args(arguments)

    def work() -> int:
        data, strangers = read_splits(options.data, options.cache_dir), read_strangers(options.work)
        found = {}
        for path in options.runs:
            found[f"{path.parent.name}/{path.name}"] = measured = measure_run(RunFolder(path), data, strangers)
            print(
                f"{path.parent.name}/{path.name}, {len(strangers.other_world['text'])} from another world\n\n{render(measured)}\n"
            )
        print(json.dumps(found))
        return 0

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
