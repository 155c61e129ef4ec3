"""What the command lines of all grids of runs have in common.

Decides the words of their shared arguments and their exit codes. Does not know which runs there are.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from bench.run_grid import Source
from model.errors import HashingError


def grid_parser(doc: str | None, *, data_required: bool = True) -> argparse.ArgumentParser:
    """Makes a parser that knows where data, runs and features lie and how many processes are wanted.

    Args:
        doc: Docstring of the script, whose first line describes it.
        data_required: Whether the script can do nothing without data.

    Returns:
        A parser to which the script adds its own arguments.
    """
    parser = data_parser(doc, data_required=data_required)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of all runs")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes, of one thread each (default 2)")
    return parser


def data_parser(doc: str | None, *, data_required: bool = True, work: str | None = None) -> argparse.ArgumentParser:
    """Makes a parser that knows where data and features lie.

    Args:
        doc: Docstring of the script, whose first line describes it.
        data_required: Whether the script can do nothing without data.
        work: What is kept in the folder ``--work``; None for scripts that need none.

    Returns:
        A parser to which the script adds its own arguments.
    """
    parser = argparse.ArgumentParser(description=doc.partition("\n")[0] if doc else None)
    parser.add_argument("--data", type=Path, required=data_required, metavar="DIR", help="folder of the data set")
    parser.add_argument("--cache-dir", type=Path, default=Path(".cache/bitlens"), metavar="DIR", help="where features are kept")
    if work is not None:
        parser.add_argument("--work", type=Path, required=True, metavar="DIR", help=work)
    return parser


def source_of(options: argparse.Namespace) -> Source:
    """Returns where data come from.

    Args:
        options: As parsed.

    Returns:
        For :func:`bench.run_grid.run_tasks`.
    """
    return Source(options.data, options.cache_dir)


def exit_code(work: Callable[[], int]) -> int:
    """Does a script's work and tells mistakes in one line.

    Args:
        work: Returns how many runs failed.

    Returns:
        0 done, 1 a run failed, 2 a mistake of the caller's, 130 interrupted.
    """
    try:
        return 1 if work() else 0
    except (HashingError, OSError) as error:
        tell(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        tell("interrupted; the same command goes on where it stopped")
        return 130


def tell(text: str) -> None:
    """Says something to who waits, apart from the tables.

    Args:
        text: A line.
    """
    print(text, file=sys.stderr, flush=True)
