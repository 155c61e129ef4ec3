"""The trainer's command line: ``python -m training COMMAND``; `--help` lists the commands.

Decides arguments and exit codes: 0 done, 2 a mistake of the caller's (all mistakes listed), 1 anything else that Bitlens raises.
The last line of standard output is always one JSON object; everything for people goes to standard error.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model.errors import BundleError, ConfigError, DatasetError, HashingError
from training.arguments import add_data as _add_data
from training.arguments import natural as _natural
from training.measures import add_measures

_EPILOG = "Settings of a configuration are overridden by --set section.key=value, as often as needed."


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: Words of the command line; None for the process's own.

    Returns:
        The exit code.
    """
    options = _parser().parse_args(arguments)
    try:
        done = options.run(options)
        if _is_main_process():
            print(json.dumps(done))  # noqa: T201
    except (ConfigError, DatasetError, BundleError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except HashingError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command takes it up again", file=sys.stderr)  # noqa: T201
        return 130
    return 0


def _is_main_process() -> bool:
    """Tells whether this process speaks: ``torchrun`` and ``accelerate launch`` number several of them from 0."""
    return os.environ.get("RANK", "0") == "0"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="Trains cross-modal hashing encoders.", epilog=_EPILOG)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("features", help="extract features of a data set into the cache")
    _add_config(command)
    _add_data(command)
    command.set_defaults(run=_features)
    command = commands.add_parser("train", help="train a run and export its bundle; takes an interrupted run up again")
    _add_config(command)
    _add_data(command)
    command.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run")
    command.set_defaults(run=_train)
    command = commands.add_parser("evaluate", help="figures of a bundle on a data set's query split")
    command.add_argument("--bundle", type=Path, required=True, metavar="DIR", help="folder of the bundle, or its name on the hub")
    _add_data(command)
    command.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="data.key=value",
        help="names of columns and splits, as in training",
    )
    command.add_argument("--threads", type=_natural, default=1, help="threads of the forward passes (default 1)")
    command.add_argument("--json", action="store_true", help="print nothing but the JSON line")
    command.set_defaults(run=_evaluate)
    add_measures(commands)
    _add_export(commands.add_parser("export", help="write the bundle of a finished run, or a bundle's graphs anew"))
    _add_compare(commands.add_parser("compare", help="put runs side by side: a page with plots, and Markdown tables"))
    _add_sweep(
        commands.add_parser("sweep", help="try settings, judged among validation pairs; takes an interrupted sweep up again")
    )
    _add_audit(
        commands.add_parser("audit", help="find wrong labels among a run's training pairs: a page to mend them on, and files")
    )
    return parser


def _add_export(command: argparse.ArgumentParser) -> None:
    command.add_argument("source", type=Path, metavar="RUN", help="folder of the run, or of a bundle that needs graphs")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the bundle")
    _add_data(command, required=False, told="data set whose training pairs the graphs are compared with torch on")
    command.add_argument("--set", dest="overrides", action="append", default=[], metavar="data.key=value", help="names of columns")
    told = "8-bit graphs: quicker, and some bits change; give --data, whose training pictures tell the ranges"
    command.add_argument("--int8", action="store_true", help=told)
    command.set_defaults(run=_export)


def _add_audit(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("run_dir", type=Path, metavar="RUN", help="folder of the run; it need not be finished")
    _add_data(command)
    add("--out", type=Path, metavar="DIR", help="folder of the page and the files (default RUN/audit)")
    add("--accept", type=_share, default=0.7, metavar="P", help="suspicion from which on suggestions are taken (default 0.7)")
    add("--shown", type=_natural, default=200, metavar="N", help="most suspicious pairs on the page (default 200)")
    command.set_defaults(run=_audit)


def _add_compare(command: argparse.ArgumentParser) -> None:
    command.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folder of a run, or a folder that holds runs")
    command.add_argument("--out", type=Path, default=Path("compare.html"), metavar="FILE", help="the page (default compare.html)")
    command.add_argument("--markdown", type=Path, metavar="FILE", help="the tables (default: --out, ending in .md)")
    command.add_argument("--baseline", metavar="METHOD", help="show the differences to it, in points and paired by seed")
    command.set_defaults(run=_compare)


def _add_sweep(command: argparse.ArgumentParser) -> None:
    _add_config(command)
    _add_data(command)
    add = command.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="folder of the sweep")
    forms = "section.key=low..high[:log][:int][:STEP], or section.key=value,value,…; as often as needed"
    add("--space", dest="spaces", action="append", required=True, metavar="KEY=VALUES", help=forms)
    add("--trials", type=_natural, required=True, metavar="N", help="trials in all, those of earlier calls included")
    add("--timeout-s", type=float, default=math.inf, metavar="S", help="stop after so many seconds; call again to go on")
    add("--seeds", type=_seeds, default=(), metavar="S,S,…", help="a run for each, of which the mean counts; noise and cut too")
    command.set_defaults(run=_sweep)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, not {text!r}")
    return share


def _seeds(text: str) -> tuple[int, ...]:
    if not all(part.strip().isdecimal() for part in text.split(",")):
        raise argparse.ArgumentTypeError(f"expected whole numbers between commas, not {text!r}")
    return tuple(int(part) for part in text.split(","))


def _add_config(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", type=Path, required=True, metavar="FILE", help="TOML file, or the name of a shipped one")
    command.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="section.key=value", help="override a setting"
    )


# The commands import torch and transformers, which take seconds: --help and mistakes in a configuration must not wait for them.
def _features(options: argparse.Namespace) -> dict[str, Any]:
    from training import commands
    from training.config import load_config

    return commands.features(load_config(options.config, options.overrides), options.data, cache_dir=options.cache_dir)


def _train(options: argparse.Namespace) -> dict[str, Any]:
    from training import commands
    from training.config import load_config
    from training.report import render_summary

    config = load_config(options.config, options.overrides)
    report = commands.train(config, options.data, options.out, cache_dir=options.cache_dir)
    if _is_main_process():
        print(render_summary(report), file=sys.stderr)  # noqa: T201
    return {**report["evaluation"], "run": str(options.out), "bundle": str(options.out / "bundle"), "epoch": report["epoch"]}


def _evaluate(options: argparse.Namespace) -> dict[str, Any]:
    from training import commands
    from training.config import make_config
    from training.report import render_figures, render_labels

    found = commands.evaluate_bundle(
        options.bundle, make_config({}, options.overrides).data, options.data, cache_dir=options.cache_dir, threads=options.threads
    )
    figures = found.as_dict()
    if not options.json:
        curves = found.curves()
        print(f"{found.n_bits} bits, {found.n_query} queries, {found.n_database} items\n")  # noqa: T201
        print(f"{render_figures(figures, curves)}\n{render_labels(curves)}")  # noqa: T201
    return figures


def _export(options: argparse.Namespace) -> dict[str, Any]:
    from training import commands
    from training.config import make_config

    config = make_config({}, options.overrides).data
    places = {"data": options.data, "cache_dir": options.cache_dir}
    return commands.export(options.source, options.out, config=config, int8=options.int8, **places)


def _compare(options: argparse.Namespace) -> dict[str, Any]:
    from training import commands

    markdown = options.markdown or options.out.with_suffix(".md")
    return commands.compare(options.runs, options.out, markdown, baseline=options.baseline)


def _audit(options: argparse.Namespace) -> dict[str, Any]:
    from training.audit.command import AuditOptions, audit_run

    out = options.out or options.run_dir / "audit"
    chosen = AuditOptions(options.accept, options.shown)
    return audit_run(options.run_dir, options.data, out, chosen, cache_dir=options.cache_dir)


def _sweep(options: argparse.Namespace) -> dict[str, Any]:
    from training.sweep_space import read_spaces

    spaces = read_spaces(options.config, options.overrides, options.spaces)
    from training import commands
    from training.config import load_config
    from training.sweep_plan import Limits, SweepPlan

    plan = SweepPlan(load_config(options.config, options.overrides), tuple(spaces), options.seeds)
    limits = Limits(options.trials, options.timeout_s)
    return commands.sweep(plan, options.data, options.out, limits, cache_dir=options.cache_dir)


if __name__ == "__main__":
    sys.exit(main())
