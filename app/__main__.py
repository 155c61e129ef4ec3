"""The command line of the service: ``bitlens COMMAND``, or ``python -m app COMMAND``; ``--help`` lists the commands.

Decides exit statuses: 0 after a stop by signal or when all is well, 2 for a mistake in the words or the settings, 1 for anything
else that keeps a command from doing its work, with one line on standard error. A command imports what it needs when it runs, so
that ``--help`` and completion answer at once. A new command is a function in a module of its own, and a line in :func:`commands`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from app.data_dir_commands import backup, doctor, restore
from app.export_command import export_codes
from app.ingest_command import ingest
from app.keys_command import keys
from app.recalibrate_command import recalibrate
from app.reindex_command import reindex
from app.search_command import search
from app.serve_command import serve
from app.settings_command import settings
from model.command_line import make_cli, program_name, run
from model.errors import ConfigError, HashingError


def commands(program: str) -> typer.Typer:
    """Returns the command line.

    Args:
        program: How it was called.

    Returns:
        All commands, in the order in which the help lists them.
    """
    cli = make_cli("Finds pictures by sentences, and sentences by pictures, with codes of a few bytes.", program)
    cli.command()(serve)
    cli.command()(ingest)
    cli.command()(export_codes)
    cli.command()(search)
    cli.command()(reindex)
    cli.command()(recalibrate)
    cli.command()(doctor)
    cli.command()(backup)
    cli.command()(restore)
    cli.command()(settings)
    cli.add_typer(keys, name="key")
    return cli


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: Arguments without the program's name; by default those of the process.

    Returns:
        Exit status.
    """
    program = program_name("bitlens", "python -m app")
    try:
        return run(commands(program), argv, program, prefix="bitlens") or 0
    except ConfigError as error:
        return _complain("; ".join(error.mistakes), 2)
    except HashingError as error:
        return _complain(str(error), 1)


def _complain(message: str, status: int) -> int:
    sys.stderr.write("bitlens: " + " ".join(message.split()) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
