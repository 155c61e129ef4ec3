"""The commands that measure bundles: ``calibrate``, ``health``, ``budget``.

Decides their arguments and what is printed for people. Each imports what it needs when it runs: ``--help`` does not wait.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.arguments import add_cache, add_data, add_reading, natural

if TYPE_CHECKING:
    from training.bundle_codes import DataSource


def add_measures(commands: Any) -> None:
    """Adds the commands.

    Args:
        commands: What ``add_subparsers`` gave.
    """
    _add_calibrate(commands.add_parser("calibrate", help="measure what a bundle's distances mean, on one's own data"))
    _add_health(commands.add_parser("health", help="whether a bundle's codes use their bits, on a data set"))
    _add_labels(commands.add_parser("labels", help="learn to read a data set's labels off a bundle's codes, for explanations"))
    _add_budget(commands.add_parser("budget", help="code lengths side by side: quality, memory and time of a search"))


def _source(options: argparse.Namespace) -> DataSource:
    from training.bundle_codes import DataSource
    from training.config import make_config

    return DataSource(options.data, make_config({}, options.overrides).data, options.cache_dir, options.threads)


def _add_calibrate(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--bundle", type=Path, required=True, metavar="DIR", help="folder of the bundle, or its name on the hub")
    add_data(command)
    place = command.add_mutually_exclusive_group(required=True)
    place.add_argument("--out", type=Path, metavar="DIR", help="folder of the calibrated bundle")
    place.add_argument("--in-place", action="store_true", help="write into the bundle itself; its identity stays the same")
    add("--kind", choices=("labels", "partner"), default="labels", help="what is relevant: a shared label, or the own other half")
    add("--split", choices=("gallery", "train"), default="gallery", help="whose pairs ask; unseen in training (default gallery)")
    add("--index", choices=("held-out", "all"), default="held-out", help="what is searched: these pairs, or train and gallery")
    add("--noise-model", choices=("auto", "sample", "label", "none"), default="auto", help="how given labels may be wrong")
    add("--base-rate", type=_share, metavar="P", help="share of relevant items in your index (default: that of the data)")
    add_reading(command)
    command.set_defaults(run=_calibrate)


def _add_health(command: argparse.ArgumentParser) -> None:
    command.add_argument("--bundle", type=Path, required=True, metavar="DIR", help="folder of the bundle, or its name on the hub")
    add_data(command)
    names = ("gallery", "train", "query", "all")
    command.add_argument("--split", choices=names, default="gallery", help="whose codes are looked at (default gallery)")
    add_reading(command)
    command.set_defaults(run=_health)


def _add_labels(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--bundle", type=Path, required=True, metavar="DIR", help="folder of the bundle; its identity stays the same")
    add_data(command)
    add("--config", type=Path, metavar="FILE", help="the bundle's configuration, if it was trained on these data (its cut is kept)")
    add("--noise-model", choices=("auto", "sample", "label", "none"), default="auto", help="how given labels may be wrong")
    add_reading(command)
    command.set_defaults(run=_labels)


def _add_budget(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("data", type=Path, metavar="DATA", help="folder of the data set, or datasets:NAME")
    add("--bundles", type=Path, nargs="+", required=True, metavar="DIR", help="finished runs or bundles of several code lengths")
    add_cache(command)
    add("--out", type=Path, metavar="FILE", help="the table as Markdown; a plot of the same name, ending in .svg, beside it")
    add("--codes", type=natural, default=1_000_000, metavar="N", help="codes of a timed search (default 1000000)")
    add_reading(command)
    command.set_defaults(run=_budget)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"expected a number between 0 and 1, not {text!r}")
    return share


def _calibrate(options: argparse.Namespace) -> dict[str, Any]:
    from training.calibrating import CalibrationPlan, write_calibrated
    from training.calibration import render_calibration, summary

    source = _source(options)
    plan = CalibrationPlan(
        kind=options.kind,
        split=options.split,
        index=options.index,
        noise_model=options.noise_model,
        base_rate=options.base_rate,
    )
    found = write_calibrated(options.bundle, source, plan, options.out)
    if not options.json:
        print(render_calibration(found))  # noqa: T201
    return {"bundle": str(options.out or options.bundle), **summary(found)}


def _health(options: argparse.Namespace) -> dict[str, Any]:
    from model.bundle import EncoderBundle
    from training.bundle_codes import encode_data
    from training.health import measure_health, render_health

    splits = ("train", "query", "gallery") if options.split == "all" else (options.split,)
    found = encode_data(EncoderBundle.from_pretrained(options.bundle), _source(options), splits)
    health = measure_health(found.joined(*splits))
    if not options.json:
        print(render_health(health))  # noqa: T201
    return {"bundle": str(options.bundle), "split": options.split, **health}


def _labels(options: argparse.Namespace) -> dict[str, Any]:
    from training.config import load_config, make_config
    from training.label_reading import write_labels

    config = load_config(options.config, options.overrides) if options.config else make_config({}, options.overrides)
    reader = write_labels(options.bundle, _source(options), config, options.noise_model)
    return {"bundle": str(options.bundle), "labels": list(reader.names), **reader.measured}


def _budget(options: argparse.Namespace) -> dict[str, Any]:
    from training.budget import budget_facts, make_budget, plot_budget, render_budget
    from training.checkpoint import write_bytes

    offers = make_budget(options.bundles, _source(options), n_codes=options.codes)
    table = render_budget(offers)
    if not options.json:
        print(table)  # noqa: T201
    if options.out:
        write_bytes(options.out, table.encode())
        write_bytes(options.out.with_suffix(".svg"), plot_budget(offers).encode())
    return {"data": str(options.data), "offers": budget_facts(offers)}
