"""Arguments that several commands share.

Decides their words, defaults and forms. Imports nothing that takes time.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def natural(text: str) -> int:
    """Reads a whole number from 1 on.

    Args:
        text: As typed.

    Returns:
        The number.

    Raises:
        argparse.ArgumentTypeError: If it is none.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, not {text!r}")
    return int(text)


def add_data(command: argparse.ArgumentParser, *, required: bool = True, told: str = "folder of the data set") -> None:
    """Adds the data set and where its features are kept.

    Args:
        command: That reads data.
        required: Whether there must be one.
        told: What it is for.
    """
    command.add_argument("--data", type=Path, required=required, metavar="DIR", help=f"{told}, or datasets:NAME")
    add_cache(command)


def add_cache(command: argparse.ArgumentParser) -> None:
    """Adds where features are kept.

    Args:
        command: That reads data.
    """
    default = Path(os.environ.get("BITLENS_CACHE_DIR", ".cache/bitlens"))
    command.add_argument(
        "--cache-dir", type=Path, default=default, metavar="DIR", help=f"where features are kept (default {default})"
    )


def add_reading(command: argparse.ArgumentParser) -> None:
    """Adds how a bundle reads data: names of columns and splits, threads, and whether people read the output.

    Args:
        command: That encodes data by a bundle.
    """
    add = command.add_argument
    add("--set", dest="overrides", action="append", default=[], metavar="data.key=value", help="names of columns and splits")
    add("--threads", type=natural, default=1, help="threads of the forward passes (default 1)")
    add("--json", action="store_true", help="print nothing but the JSON line")
