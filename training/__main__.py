"""The trainer's command line: ``bitlens-train COMMAND``, or ``python -m training COMMAND``; ``--help`` lists the commands.

Decides exit codes: 0 done, 2 a mistake of the caller's (all mistakes listed), 1 anything else that Bitlens raises. The last line of
standard output is one JSON object unless that is a terminal (:mod:`training.answers`); progress goes to standard error. A new
command is a function in a module of commands, and a line in :func:`commands`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from model.command_line import make_cli, program_name, run
from model.errors import BundleError, ConfigError, DatasetError, HashingError
from training.comparing_commands import audit, compare, sweep
from training.learning_commands import export, features, push, train
from training.measuring_commands import ManyBundles, budget, calibrate, evaluate, health, labels

_INTERRUPTED = 130


def commands(program: str) -> typer.Typer:
    """Returns the command line.

    Args:
        program: How it was called.

    Returns:
        All commands, in the order in which the help lists them.
    """
    cli = make_cli("Trains cross-modal hashing encoders, and judges them.", program)
    cli.command()(features)
    cli.command()(train)
    cli.command()(evaluate)
    cli.command()(calibrate)
    cli.command()(health)
    cli.command()(labels)
    cli.command(cls=ManyBundles)(budget)
    cli.command()(export)
    cli.command()(push)
    cli.command()(compare)
    cli.command()(sweep)
    cli.command()(audit)
    return cli


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: Words of the command line; None for the process's own.

    Returns:
        The exit code.
    """
    program = program_name("bitlens-train", "python -m training")
    try:
        status: int = run(commands(program), arguments, program, prefix="error") or 0
    except (ConfigError, DatasetError, BundleError) as error:
        return _complain(f"error: {error}", 2)
    except HashingError as error:
        return _complain(f"error: {error}", 1)
    return _complain("stopped; the same command takes it up again", status) if status == _INTERRUPTED else status


def _complain(told: str, status: int) -> int:
    sys.stderr.write(f"{told}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
