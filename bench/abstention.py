"""Who abstains: queries that have an answer in the index, and queries that have none, by ``min_precision`` and by familiarity.

    OMP_NUM_THREADS=1 python -m bench.abstention RUN… --data DIR --work DIR [--glosses FILE] [--cache-dir DIR]
    OMP_NUM_THREADS=1 python -m bench.abstention --apart LABEL,… --config NAME [--set section.key=value] --data DIR --work DIR

A query abstains by ``min_precision`` if nothing in the index (train and gallery) lies within the radius that it stands for, and by
familiarity if its own is less than that (``model.familiarity``); both are calibrated on the training split alone. The query
split's pairs are answerable, and so are short texts that name what there is. Without an answer are: the same queries on an index
from which all that shares a label with them was taken (``label taken out``); OpenMoji's drawings of flags, symbols, food and
objects, and their names; sentences of this project's pages; what WordNet says of abstract nouns (FILE is its ``data.noun``;
Debian's ``wordnet-base`` has it); and words of random letters. With ``--apart`` a run is trained first, on the pairs that have
none of these labels, and asked for photographs and captions of pairs that have no others. Beside each curve stand two numbers that
need no threshold: how many of a kind abstain where a tenth of the answerable ones do, and the probability that an answerable query
is nearer, or more familiar, than one of the kind (one half is chance). Markdown tables; the last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.abstention_worlds import World, apart, read_strangers
from bench.calibration import encode_part, read_splits
from bench.calibration_run import Pair, find_hits
from bench.grid_command import data_parser, exit_code
from model.calibration import MODALITY_PAIRS, DistanceCurve
from model.code_health import nearer_share
from model.codes import Float32
from model.encoder import encode_features
from model.familiarity import Familiarity
from model.manifest import MODALITIES
from training.bundle_codes import join_codes
from training.calibrating import calibrate_run
from training.config import RunConfig, load_config
from training.evaluation import LabelledCodes
from training.experiment import run_experiment
from training.export import read_heads
from training.inputs import read_pairs
from training.run_folder import RunFolder

WANTED = (0.5, 0.7, 0.8, 0.9, 0.94, 0.95, 0.96, 0.98)
FAMILIAR = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
_AIM = 0.1
_LEVELS = 1000  # of familiarity, where it is counted like a distance
Nearest = npt.NDArray[np.int64]


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


def measure_run(run: RunFolder, world: World) -> dict[str, Any]:
    """Measures one run in all four directions, and what its queries are like.

    Args:
        run: A finished run.
        world: What it was trained on, and queries from elsewhere.

    Returns:
        By direction or modality, and kind; JSON-able.
    """
    heads = read_heads(run)
    codes = {name: encode_part(heads, part) for name, part in world.parts.items()}
    strangers = {
        kind: {name: encode_features(heads[name], features) for name, features in sides.items()}
        for kind, sides in world.strangers.items()
    }
    index = join_codes([codes["train"], codes["gallery"]])
    calibration = calibrate_run(run, world.parts["train"], "", index="all")
    kinds: dict[str, dict[Pair, Nearest]] = {"answerable": {}, "label taken out": {}}
    for pair, hits in find_hits(codes["query"], index).items():
        kinds["answerable"][pair] = nearest_of(hits.everything)
        kinds["label taken out"][pair] = nearest_of(hits.everything - hits.relevant)
    for kind, sides in strangers.items():
        either = next(iter(sides.values()))
        nobody = np.zeros((len(either), index.labels.shape[1]), np.uint8)
        found = find_hits(LabelledCodes(sides.get("image", either), sides.get("text", either), nobody), index)
        kinds[kind] = {pair: nearest_of(found[pair].everything) for pair in MODALITY_PAIRS if pair[0] in sides}
    by_distance = {"-".join(pair): _by_distance(kinds, pair, calibration.curves[pair]) for pair in MODALITY_PAIRS}
    known = {"answerable": {name: getattr(world.parts["query"], name) for name in MODALITIES}, **world.strangers}
    return by_distance | {name: _by_familiarity(known, name, calibration.familiarity[name]) for name in MODALITIES}


def _by_distance(kinds: dict[str, dict[Pair, Nearest]], pair: Pair, curve: DistanceCurve) -> dict[str, Any]:
    shares = {
        kind: [abstaining(nearest[pair], curve, wanted) for wanted in WANTED] for kind, nearest in kinds.items() if pair in nearest
    }
    answerable = kinds["answerable"][pair]
    return {
        "at": list(WANTED),
        "shares": shares,
        "limits": {kind: limits(answerable, kinds[kind][pair], len(curve.value) + 1) for kind in shares if kind != "answerable"},
    }


def _by_familiarity(known: dict[str, dict[str, Float32]], name: str, familiarity: Familiarity) -> dict[str, Any]:
    familiar = {kind: familiarity.shares(sides[name]) for kind, sides in known.items() if name in sides}
    strangeness = {kind: np.rint((1 - found) * _LEVELS).astype(np.int64) for kind, found in familiar.items()}
    return {
        "at": list(FAMILIAR),
        "shares": {kind: [float((found < least).mean()) for least in FAMILIAR] for kind, found in familiar.items()},
        "limits": {
            kind: limits(strangeness["answerable"], found, _LEVELS + 1)
            for kind, found in strangeness.items()
            if kind != "answerable"
        },
    }


def limits(answerable: Nearest, other: Nearest, width: int) -> dict[str, float]:
    """Goes through all thresholds: what is best, whatever leads to it.

    Args:
        answerable: (Q,) int64, how far queries that have an answer are from what is known.
        other: (N,) int64, likewise those that have none.
        width: No number is as high.

    Returns:
        How many of the others abstain where a tenth of the answerable do, and how often the answerable one is nearer.
    """
    shares = [(float((other > radius).mean()), float((answerable > radius).mean())) for radius in range(-1, width)]
    counted = [np.bincount(each, minlength=width).astype(np.float64) for each in (answerable, other)]
    return {
        "unanswerable_at_aim": max((other for other, mine in shares if mine <= _AIM), default=0.0),
        "nearer_share": nearer_share(*counted),
    }


def render(found: dict[str, Any]) -> str:
    """Writes the curves of one run.

    Args:
        found: As of :func:`measure_run`.

    Returns:
        Markdown: a table by ``min_precision`` and one by familiarity.
    """
    by_distance, by_familiarity = (
        {key: each for key, each in found.items() if (key in MODALITIES) is own} for own in (False, True)
    )
    tables = (
        _table(by_distance, "`min_precision`", "nearest tells"),
        _table(by_familiarity, "less familiar than", "familiarity tells"),
    )
    return "\n\n".join(tables)


def _table(found: dict[str, Any], threshold: str, tells: str) -> str:
    at = next(iter(found.values()))["at"]
    lines = [f"| abstaining: {threshold} | {' | '.join(f'{each:g}' for each in at)} | at 10 % of answerable | {tells} |"]
    lines.append("|---|" + "---|" * (len(at) + 2))
    for key, measured in found.items():
        for kind, shares in measured["shares"].items():
            known = measured["limits"].get(kind)
            ends = f"{known['unanswerable_at_aim']:.0%} | {known['nearer_share']:.3f}" if known else " | "
            cells = " | ".join(f"{share:.0%}" for share in shares)
            lines.append(f"| {key.replace('-', ' → ')}, {kind} | {cells} | {ends} |")
    return "\n".join(lines)


def train_apart(options: argparse.Namespace, names: Sequence[str]) -> tuple[RunFolder, World]:
    """Trains a run on a part of the data's world, or takes a finished one.

    Args:
        options: As parsed.
        names: Of the data's labels.

    Returns:
        The run, and its world with the other one's photographs and captions.
    """
    config = load_config(options.config, options.overrides)
    world, kept = apart(read_splits(options.data, options.cache_dir).parts, names, options.apart.split(","))
    run = RunFolder(options.work / "apart" / f"{config.method.name}-noise{config.noise.rate:g}-bits{config.training.n_bits}")
    run.open(config, {"data": f"{options.data.name} without {options.apart}", "label_names": list(kept), "splits": {}})
    run_experiment(config, world.parts.__getitem__, run)
    return run, world


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables, then all figures as one line of JSON.

    Args:
        arguments: Of the command line; None for the process's own.

    Returns:
        The exit code.
    """
    parser = data_parser(__doc__, work="where drawings and runs of parts of the data are kept")
    add = parser.add_argument
    add("runs", type=Path, nargs="*", metavar="RUN", help="folder of a finished run")
    add("--glosses", type=Path, metavar="FILE", help="WordNet's data.noun")
    add("--apart", metavar="LABEL,…", help="train on pairs without these labels first, and ask for pairs with these alone")
    add("--config", type=Path, default=Path("hero"), metavar="FILE", help="of that run (default hero)")
    add("--set", dest="overrides", action="append", default=[], metavar="section.key=value", help="likewise")
    options = parser.parse_args(arguments)

    def work() -> int:
        names = read_pairs(RunConfig(), options.data, cache_dir=options.cache_dir).label_names
        asked = [train_apart(options, names)] if options.apart else []
        if options.runs:
            world = World(read_splits(options.data, options.cache_dir).parts, read_strangers(options.work, names, options.glosses))
            asked += [(RunFolder(path), world) for path in options.runs]
        found = {}
        for run, world in asked:
            name = f"{run.path.parent.name}/{run.path.name}"
            found[name] = measured = measure_run(run, world)
            numbers = ", ".join(f"{len(next(iter(sides.values())))} {kind}" for kind, sides in world.strangers.items())
            print(f"{name}: {len(world.parts['query'].image)} answerable, {numbers}\n\n{render(measured)}\n")
        print(json.dumps(found))
        return 0

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
