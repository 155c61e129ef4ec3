"""The command line of the demonstration, and what of it the trainer has to be told.

Decides folders below the working folder. Does not know what the steps do.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.errors import DemoError
from training.datasets import ColumnNames, PairSplits

DEFAULT_CONFIG = Path("training") / "configs" / "demo.toml"


@dataclass(frozen=True, slots=True)
class Options:
    """What the demonstration was asked for.

    Attributes:
        data: Folder of the caller's own pairs, or None for OpenMoji.
        config: The trainer's configuration.
        overrides: ``section.key=value`` for the trainer; ``data.…`` ones hold for reading the pairs here, too.
        work: Folder for everything the demonstration writes but features.
        cache_dir: Where features are kept, shared with the trainer's other runs.
        port: The service's, 0 for any free one.
        limit: At most so many items are indexed; None for all.
        once: Whether to stop after the searches.
    """

    data: Path | None
    config: Path
    overrides: tuple[str, ...]
    work: Path
    cache_dir: Path
    port: int
    limit: int | None
    once: bool


def parse_options(arguments: Sequence[str] | None) -> Options:
    """Reads the command line.

    Args:
        arguments: Words; None for the process's own.

    Returns:
        What was asked for.
    """
    parser = argparse.ArgumentParser(prog="python -m demo", description="From pairs to a running search, in one command.")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of your own pairs (default: OpenMoji drawings)")
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help=f"training (default {DEFAULT_CONFIG})")
    parser.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="section.key=value", help="override a setting"
    )
    parser.add_argument(
        "--work", type=Path, default=Path(".cache") / "demo", metavar="DIR", help="where to write (default .cache/demo)"
    )
    parser.add_argument("--port", type=_port, default=8000, help="of the service, 0 for any free one (default 8000)")
    parser.add_argument("--limit", type=_positive, metavar="N", help="index at most N items (default all)")
    parser.add_argument("--once", action="store_true", help="stop after the searches instead of serving until Ctrl-C")
    given = parser.parse_args(arguments)
    cache_dir = Path(os.environ.get("BITLENS_CACHE_DIR", ".cache/bitlens"))
    return Options(given.data, given.config, tuple(given.overrides), given.work, cache_dir, given.port, given.limit, given.once)


def data_settings(options: Options) -> tuple[ColumnNames, int]:
    """Returns what the configuration says about reading pairs, so that the demonstration reads the same ones as the trainer.

    Args:
        options: Names the configuration and the overrides.

    Returns:
        Column names, and the seed of the cut where there are no splits.

    Raises:
        DemoError: If the configuration cannot be read.
    """
    try:
        section: dict[str, Any] = tomllib.loads(options.config.read_text(encoding="utf-8")).get("data", {})
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DemoError(f"{options.config}: cannot be read ({error})") from error
    given = (override.removeprefix("data.").partition("=") for override in options.overrides if override.startswith("data."))
    section |= {key.strip(): value.strip().strip("\"'") for key, _, value in given}
    names = {name: str(section[f"{name}_column"]) for name in ("image", "text", "labels", "id") if f"{name}_column" in section}
    try:
        return ColumnNames(**names), int(section.get("split_seed", 0))
    except ValueError as error:
        raise DemoError(f"data.split_seed must be a whole number, not {section['split_seed']!r}") from error


def run_folder(options: Options, pairs: PairSplits) -> Path:
    """Returns the folder of the run with this configuration on these pairs: the same ones find a finished run again.

    Args:
        options: Configuration and overrides.
        pairs: All splits.

    Returns:
        A folder below ``work``, not necessarily there.
    """
    digest = hashlib.sha256(options.config.read_bytes())
    for part in (*options.overrides, *pairs.label_names):
        digest.update(part.encode() + b"\0")
    for split in (pairs.train, pairs.query, pairs.gallery):
        digest.update(f"{split.image_digest} {split.text_digest}".encode())
        digest.update(split.true_labels.tobytes())
    return options.work / "runs" / digest.hexdigest()[:12]


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError("must lie in 0…65535")
    return port


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number
