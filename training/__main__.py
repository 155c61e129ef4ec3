"""The trainer's command line: ``python -m training {features,train,evaluate,export}``.

Decides arguments and exit codes: 0 done, 2 a mistake of the caller's (all mistakes listed), 1 anything else that Bitlens raises.
The last line of standard output is always one JSON object; everything for people goes to standard error.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model.errors import BundleError, ConfigError, DatasetError, HashingError

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
    command = commands.add_parser("evaluate", help="mAP of a bundle on a data set's query split")
    command.add_argument("--bundle", type=Path, required=True, metavar="DIR", help="folder of the bundle, or its name on the hub")
    _add_data(command)
    command.add_argument("--set", dest="overrides", action="append", default=[], metavar="data.key=value", help="column names")
    command.add_argument("--threads", type=int, default=1, help="threads of the forward passes (default 1)")
    command.add_argument("--json", action="store_true", help="print nothing but the JSON line")
    command.set_defaults(run=_evaluate)
    command = commands.add_parser("export", help="write the bundle of a finished run")
    command.add_argument("run_dir", type=Path, metavar="RUN", help="folder of the run")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the bundle")
    command.set_defaults(run=_export)
    return parser


def _add_config(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", type=Path, required=True, metavar="FILE", help="TOML configuration")
    command.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="section.key=value", help="override a setting"
    )


def _add_data(command: argparse.ArgumentParser) -> None:
    default = Path(os.environ.get("BITLENS_CACHE_DIR", ".cache/bitlens"))
    command.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data set")
    command.add_argument(
        "--cache-dir", type=Path, default=default, metavar="DIR", help=f"where features are kept (default {default})"
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

    found = commands.evaluate_bundle(
        options.bundle, make_config({}, options.overrides).data, options.data, cache_dir=options.cache_dir, threads=options.threads
    )
    if not options.json:
        print(  # noqa: T201
            f"{found.n_bits} bits, {found.n_query} queries, {found.n_database} items\n"
            f"  image → text  mAP {found.i2t_map:.4f}\n  text → image  mAP {found.t2i_map:.4f}\n"
            f"  chance            {found.chance:.4f}"
        )
    return found.as_dict()


def _export(options: argparse.Namespace) -> dict[str, Any]:
    from training import commands

    return commands.export(options.run_dir, options.out)


if __name__ == "__main__":
    sys.exit(main())
