"""Calibrations of finished runs, judged on their data's query split: the tables and plots of ``docs/calibration.md``.

    OMP_NUM_THREADS=1 python -m bench.calibration --runs DIR --data DIR --out FILE [--cache-dir DIR] [--limit N]
    python -m bench.calibration --out FILE --write docs/calibration.md

The first fits and judges, and appends a line of JSON a run to FILE; runs that have one of this very fit are skipped, so that it
may be stopped. The second writes the page's measured part from FILE. Each run is calibrated on the pairs that were cut from its
training split for validation, with the labels that training was given, noise included; runs themselves are only read. The query
split is judged by true labels; no fit sees it. The estimator was made with an eye on it, though: the correction of the base
rate was compared with alternatives by ECE on the query split of 7 runs; the rule of ten effective pairs and the cap by clusters
followed failures there.

Settings: ``new items`` searches the gallery, which training never saw, with a calibration on unseen items. ``database`` searches
train and gallery, as the tables of ``docs/results.md`` do, with a calibration whose index holds training pairs too; ``mixed``
searches the same with the calibration on unseen items. ``own base rate`` is ``new items`` with the share of relevant pairs as it is
among the validation pairs, not within the training split; ``given labels`` takes, besides, labels at their word. All but ``new
items`` are measured for the first seed, and of the training pairs every fourth is searched and counted fourfold.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bench.calibration_lines import DRAWN, find_runs, fit_digest, read_lines
from bench.calibration_page import write_page
from bench.calibration_run import find_hits, judge
from bench.grid_command import data_parser, exit_code, tell
from model.codes import Float32, UInt8
from model.encoder import encode_features
from model.heads import HashHead
from model.manifest import MODALITIES
from training.calibrating import label_probabilities, training_base_rate
from training.calibration import CalibrationOptions, calibrate
from training.calibration_counts import JudgedPairs
from training.checkpoint import read_tensors
from training.config import RunConfig
from training.datasets.base import SPLITS
from training.evaluation import LabelledCodes
from training.export import read_heads
from training.inputs import PairFeatures, extract_pair_features, read_pairs
from training.run_folder import RunFolder

_EVERY, _SEARCHED = 4, 3000


@dataclass(frozen=True, slots=True)
class Splits:
    """Features of a data set.

    Attributes:
        parts: By split.
    """

    parts: dict[str, PairFeatures]


def read_splits(data: Path, cache_dir: Path) -> Splits:
    """Reads a data set's features.

    Args:
        data: Its folder.
        cache_dir: Where features are kept.

    Returns:
        All splits.
    """
    config = RunConfig()
    pairs = read_pairs(config, data, cache_dir=cache_dir)
    return Splits({name: extract_pair_features(getattr(pairs, name), name, config, cache_dir=cache_dir) for name in SPLITS})


def measure_run(run: RunFolder, splits: Splits, believe: Any, *, with_curve: bool, with_others: bool) -> dict[str, Any]:
    """Calibrates one run in all settings and judges it.

    Args:
        run: A finished run.
        splits: The data it was trained on.
        believe: Gives label probabilities of the training split from the given labels' bytes.
        with_curve: Whether to keep what plots need.
        with_others: Whether to measure other settings than ``new items``.

    Returns:
        Reliabilities by setting and direction, JSON-able; empty if nothing was cut for validation.
    """
    labels, _ = read_tensors(run.labels)
    validation, given = labels["validation_index"].numpy(), labels["given_labels"].numpy()
    if not len(validation):
        return {}
    heads = read_heads(run)
    codes = {name: encode_part(heads, part) for name, part in splits.parts.items()}
    train = JudgedPairs(codes["train"].image, codes["train"].text, believe(given), np.arange(len(given)))
    unseen, base_rate = train.rows(validation), training_base_rate(train.label_probabilities)
    options = CalibrationOptions(seed=run.read_config().training.seed, base_rate=base_rate)
    own_rate = replace(options, base_rate=None)
    at_their_word = replace(unseen, label_probabilities=given[validation].astype(np.float32))
    of_new = calibrate(unseen, unseen, "", options)
    new = find_hits(codes["query"], codes["gallery"])
    judged = {"new items": judge(of_new, new, with_curve=with_curve)}
    if not with_others:
        return judged
    judged["own base rate"] = judge(calibrate(unseen, unseen, "", own_rate), new)
    judged["given labels"] = judge(calibrate(at_their_word, at_their_word, "", own_rate), new)
    of_all = calibrate(unseen, train, "", replace(options, max_items=_SEARCHED))
    old = find_hits(codes["query"], _every_fourth(codes["train"]))
    every = {pair: hits + old[pair].times(_EVERY) for pair, hits in new.items()}
    return {**judged, "database": judge(of_all, every, with_curve=with_curve), "mixed": judge(of_new, every)}


def _every_fourth(codes: LabelledCodes) -> LabelledCodes:
    return LabelledCodes(codes.image[::_EVERY], codes.text[::_EVERY], codes.labels[::_EVERY])


def encode_part(heads: Mapping[str, HashHead], part: PairFeatures) -> LabelledCodes:
    """Encodes a split.

    Args:
        heads: By modality.
        part: Its features.

    Returns:
        Relaxed codes with true labels.
    """
    image, text = (encode_features(heads[name], np.asarray(getattr(part, name))) for name in MODALITIES)
    return LabelledCodes(image, text, part.true_labels)


def measure_all(options: argparse.Namespace) -> None:
    """Measures what has no line yet.

    Args:
        options: As parsed.
    """
    splits = read_splits(options.data, options.cache_dir)
    digest = fit_digest()
    done = {each["run"] for each in read_lines(options.out) if each.get("fit") == digest}
    runs = [(name, facts) for name, facts in find_runs(options.runs) if name not in done][: options.limit]
    train = splits.parts["train"]

    @cache
    def fitted(content: bytes) -> Float32:
        given = np.frombuffer(content, np.uint8).reshape(train.true_labels.shape)
        return label_probabilities(train, given, np.arange(len(given)), "auto")

    def believe(given: UInt8) -> Float32:
        return fitted(given.tobytes())

    for number, (name, facts) in enumerate(runs, start=1):
        drawn = facts["method"] in DRAWN and (facts["bits"], facts["seed"]) == (64, 1)
        found = measure_run(RunFolder(options.runs / name), splits, believe, with_curve=drawn, with_others=facts["seed"] == 1)
        with options.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"run": name, "fit": digest, **facts, "data": options.data.name, "settings": found}) + "\n")
        tell(f"{name} ({number} of {len(runs)})")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, or writes the page.

    Args:
        arguments: Of the command line; None for the process's own.

    Returns:
        The exit code.
    """
    parser = data_parser(__doc__, data_required=False)
    add = parser.add_argument
    add("--runs", type=Path, metavar="DIR", help="folder of METHOD/noiseR-bitsB-seedS")
    add("--out", type=Path, required=True, metavar="FILE", help="lines of JSON")
    add("--limit", type=int, metavar="N", help="measure no more runs in this call")
    add("--write", type=Path, metavar="FILE", help="the page whose measured part is replaced")
    options = parser.parse_args(arguments)

    def work() -> int:
        if options.runs and options.data:
            measure_all(options)
        if options.write:
            write_page(read_lines(options.out), options.write)
        return 0

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
